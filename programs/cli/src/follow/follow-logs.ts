/** Follows what a job, or the steps of an execution, print; each line under the name of its step. */
import type { JobDetailJson } from "@windlass/contract";
import { logLines, type Client } from "@windlass/sdk";
import { logSources, type LogSource } from "../connection/log-sources.ts";
import type { Style } from "../output/style.ts";

export interface LogFollowing {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly style: Style;
  readonly print: (line: string) => void;
}

export interface LogFollower {
  /** Begins to follow what is new in this job. */
  attend(job: JobDetailJson): Promise<void>;
  /** Resolves when all that was printed is shown. */
  ended(): Promise<void>;
}

/** Logs followed at once; others wait for one to end. */
const FOLLOWED_MAX = 24;

export function followLogs(following: LogFollowing): LogFollower {
  const seen = new Set<string>();
  const waiting: LogSource[] = [];
  const running = new Set<Promise<void>>();
  let failure: unknown = null;
  const next = (): void => {
    while (running.size < FOLLOWED_MAX) {
      const source = waiting.shift();
      if (source === undefined) return;
      const one = followOne(following, source)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => {
          running.delete(one);
          next();
        });
      running.add(one);
    }
  };
  return {
    async attend(job) {
      for (const source of await logSources(following.client, job)) {
        if (seen.has(source.id)) continue;
        seen.add(source.id);
        waiting.push(source);
      }
      next();
    },
    async ended() {
      while (running.size > 0) await Promise.all(running);
      if (failure !== null && !following.signal.aborted) throw failure as Error;
    },
  };
}

async function followOne({ client, signal, style, print }: LogFollowing, { id, title }: LogSource): Promise<void> {
  const lines = logLines();
  const prefix = title === "" ? "" : style("dim", `${title} │ `);
  for await (const item of client.jobs.followLogs({ id }, { signal })) {
    if (item.type === "chunks") for (const line of item.chunks.flatMap((chunk) => lines.push(chunk))) print(prefix + line.text);
  }
  for (const line of lines.rest()) print(prefix + line.text);
}
