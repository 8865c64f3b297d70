/** What is known of a round when all is calm: what users were told, what is stored, what was done. */
import type { Attempt, JobEvent, JobView, Outcome } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import type { Effect } from "./effects.ts";

export interface History {
  /** Every answer to a request that submitted something. */
  readonly acknowledged: readonly { readonly key: string; readonly id: string }[];
  readonly jobs: readonly JobView[];
  /** By job, oldest first. */
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  /** By job, in order. */
  readonly events: ReadonlyMap<string, readonly JobEvent[]>;
  /** All events in the order in which they were committed. */
  readonly feed: readonly JobEvent[];
  /** What somebody heard who listened from the beginning, over many connections. */
  readonly heard: readonly Pick<JobEvent, "jobId" | "seq">[];
  /** In the order in which they happened. */
  readonly effects: readonly Effect[];
  /** How jobs with a certain name end, where that is not `succeeded`. */
  readonly meant: ReadonlyMap<string, Outcome>;
  /** Processes of jobs that are still there. */
  readonly leftovers: readonly number[];
  /** Null: nobody left for good. */
  readonly left: Left | null;
}

/** What a worker that never comes back had begun and not done when it died, and when that was. */
export interface Left {
  readonly attempts: readonly Pick<Effect, "jobId" | "attempt">[];
  readonly at: number;
}

const PAGE = 500;

/** All that the store has. */
export async function readStored({ reads }: Store): Promise<Pick<History, "jobs" | "attempts" | "events" | "feed">> {
  const jobs = await pages((after: JobView | undefined) =>
    reads.list({ workspace: "default", order: "oldest", limit: PAGE, ...(after === undefined ? {} : { after: after.record.id }) }),
  );
  const attempts = new Map<string, readonly Attempt[]>();
  const events = new Map<string, readonly JobEvent[]>();
  for (const { record } of jobs) {
    attempts.set(record.id, await reads.attempts(record.id));
    events.set(record.id, await pages((after: JobEvent | undefined) => reads.events(record.id, after?.seq ?? 0, PAGE)));
  }
  const feed = await pages((after: { readonly position: string; readonly event: JobEvent } | undefined) =>
    reads.feed(after?.position ?? "", PAGE),
  );
  return { jobs, attempts, events, feed: feed.map(({ event }) => event) };
}

async function pages<T>(read: (after: T | undefined) => Promise<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for (;;) {
    const page = await read(all.at(-1));
    all.push(...page);
    if (page.length < PAGE) return all;
  }
}
