/** Follows what a job, or the steps of an execution, print; each line under the name of its step. */
import type { JobDetailJson } from "@windlass/contract";
import type { Client } from "@windlass/sdk";
import { logLines } from "../output/log-lines.ts";
import type { Style } from "../output/style.ts";

export interface LogFollowing {
  readonly client: Client;
  readonly signal: AbortSignal;
  readonly style: Style;
  readonly print: (line: string) => void;
}

export interface LogFollower {
  /** Begins to follow what is new in this job. */
  attend(job: JobDetailJson): void;
  /** Resolves when all that was printed is shown. */
  ended(): Promise<void>;
}

/** Logs followed at once; others wait for one to end. */
const FOLLOWED_MAX = 24;

export function followLogs(following: LogFollowing): LogFollower {
  const seen = new Set<string>();
  const waiting: (readonly [string, string])[] = [];
  const running = new Set<Promise<void>>();
  let failure: unknown = null;
  const next = (): void => {
    while (running.size < FOLLOWED_MAX) {
      const [id, title] = waiting.shift() ?? [];
      if (id === undefined) return;
      const one = followOne(following, id, title ?? "")
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
    attend(job) {
      const sources = job.kind === "workflow" ? (job.steps ?? []).filter((step) => step.attempts > 0).map((step) => [step.id, step.key] as const) : [[job.id, ""] as const];
      for (const source of sources) {
        if (seen.has(source[0])) continue;
        seen.add(source[0]);
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

async function followOne({ client, signal, style, print }: LogFollowing, id: string, title: string): Promise<void> {
  const lines = logLines();
  const prefix = title === "" ? "" : style("dim", `${title} │ `);
  for await (const item of client.jobs.followLogs({ id }, { signal })) {
    if (item.type === "chunks") for (const line of item.chunks.flatMap((chunk) => lines.push(chunk))) print(prefix + line.text);
  }
  for (const line of lines.rest()) print(prefix + line.text);
}
