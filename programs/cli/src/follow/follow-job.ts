/**
 * Follows a job to its end: what happens to it and its steps, and what they print. Level-triggered: events only say that
 * it is time to look; what is shown comes from the job itself.
 */
import type { JobDetailJson } from "@windlass/contract";
import type { Client } from "@windlass/sdk";
import { systemClock } from "../machine/system-clock.ts";
import { liveRegion } from "../output/live-region.ts";
import type { Terminal } from "../output/terminal.ts";
import { followLogs } from "./follow-logs.ts";
import { stepChanges } from "./step-changes.ts";
import { progressLines } from "./progress-lines.ts";

export interface Following {
  readonly client: Client;
  readonly id: string;
  readonly terminal: Terminal;
  /** `none`: wait in silence. `live`: only what a terminal rewrites in place. `all`: lines for all that happens. */
  readonly show: "none" | "live" | "all";
  readonly logs: boolean;
  readonly signal: AbortSignal;
}

/** How often is looked and drawn, at most. */
const TICK_MS = 80;

/** Resolves with the job once it has ended; null when `signal` came first. */
export async function followJob(following: Following): Promise<JobDetailJson | null> {
  const { client, id, terminal, show, signal } = following;
  if (show === "none") return signalled(signal, () => client.wait(id, { signal }));
  const region = liveRegion(terminal);
  const changes = stepChanges(terminal.style);
  const logs = followLogs({ client, signal, print: (line) => region.print(line), style: terminal.style });
  let job: JobDetailJson | null = null;
  let dirty = true;
  const look = async (): Promise<void> => {
    if (dirty) {
      dirty = false;
      job = await client.jobs.get({ id }, { signal });
      if (show === "all") {
        for (const line of changes(job)) region.print(line);
        if (following.logs) await logs.attend(job);
      }
    }
    if (job !== null) region.set(progressLines(job, terminal, systemClock.now()));
  };
  const looking = every(TICK_MS, look);
  try {
    return await signalled(signal, async () => {
      for await (const item of client.jobs.watch({ id, scope: "tree" }, { signal })) {
        dirty = true;
        if (item.type === "end") break;
      }
      if (signal.aborted) return null;
      await looking.stop();
      // Once more, for what came after the last look.
      dirty = true;
      await look();
      await logs.ended();
      return client.jobs.get({ id });
    });
  } finally {
    await looking.stop();
    region.clear();
  }
}

/** Null when the work ended by the signal. */
async function signalled<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}

/** Repeats, one after the other; a failure is passed over here, for the watch fails by itself and says why. */
function every(restMs: number, work: () => Promise<void>): { stop(): Promise<void> } {
  let stopped = false;
  let current: Promise<void> = Promise.resolve();
  let cancel = (): void => {};
  const next = (): void => {
    if (stopped) return;
    current = work()
      .catch(() => {})
      .then(() => {
        if (!stopped) cancel = systemClock.after(restMs, next);
      });
  };
  next();
  return {
    async stop() {
      stopped = true;
      cancel();
      await current;
    },
  };
}
