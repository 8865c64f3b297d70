/**
 * What a job prints, as it comes, attempt after attempt.
 *
 * L1. Whether an attempt has ended is looked at before its log is read: what was written before it ended was read then.
 * L2. An id is sent with each batch of chunks and stands for all of it, so who comes back misses nothing and gets
 *     nothing twice.
 */
import type { LogItemJson } from "@windlass/contract";
import type { Engine } from "@windlass/engine";
import { isTerminal, type JobView } from "@windlass/kernel";
import type { Clock, LogKey, LogRange } from "@windlass/ports";
import { alarm, type Alarm } from "./alarm.ts";
import { continued, presentChunk, rangeOf, type RangeQuery } from "./log-range.ts";
import type { StreamItem } from "./server-context.ts";

/** Large, so that a fast writer is kept up with; small enough that others get their turn between two batches. */
const BATCH_BYTES = 262_144;
/** Changes are told; this is for those that were not. */
const REST_MS = 1_000;
/** Between two looks at a log that keeps growing: many small writes become one message. What comes after a silence is sent at once. */
const PACE_MS = 20;

export interface Following {
  readonly view: JobView;
  readonly query: RangeQuery;
  readonly signal: AbortSignal;
}

type Item = StreamItem<LogItemJson>;

export async function* followLogs(engine: Engine, { view, query, signal }: Following): AsyncGenerator<Item> {
  const { id } = view.record;
  const bell = alarm(engine.context.clock, signal);
  const events = await engine.feed.subscribe((event) => event.jobId === id);
  signal.addEventListener("abort", () => events.end(), { once: true });
  const news: News = { ofJob: false };
  const listening = ringAtEach(events, { bell, news });
  try {
    const start = startOf(query);
    let attempt = start.attempt ?? query.attempt ?? (await attemptsOf(engine, id)).made;
    let range = rangeOf({ ...query, after: start.after }, BATCH_BYTES);
    let shown = 0;
    while (!signal.aborted) {
      // While the job waits for its next attempt, the one before was shown already.
      if (attempt > shown) {
        if (range.after === undefined) yield { id: `${attempt}:`, item: { type: "attempt", attempt } };
        yield* followAttempt({ engine, id, attempt, range, bell, news, signal });
        shown = attempt;
      }
      const { made, ended } = await attemptsOf(engine, id);
      if (signal.aborted) return;
      if (query.attempt !== undefined || (ended && made <= attempt)) {
        yield { item: { type: "end" } };
        return;
      }
      if (made > attempt) attempt++;
      else await bell.rest(REST_MS);
      // The tail that was asked for was of the first; the others are shown whole.
      range = rangeOf({ ...query, tailLines: undefined, tailBytes: undefined, after: undefined }, BATCH_BYTES);
    }
  } finally {
    events.end();
    await listening;
  }
}

/** Something happened to the job since it was last looked at. */
interface News {
  ofJob: boolean;
}

interface OneAttempt {
  readonly engine: Engine;
  readonly id: string;
  readonly attempt: number;
  readonly range: LogRange;
  readonly bell: Alarm;
  readonly news: News;
  readonly signal: AbortSignal;
}

async function* followAttempt({ engine, id, attempt, range, bell, news, signal }: OneAttempt): AsyncGenerator<Item> {
  const { logs, clock } = engine.context;
  const key = { jobId: id, attempt };
  const unwatch = logs.watch(key, () => bell.ring());
  let next = range;
  let settled = false;
  news.ofJob = true;
  try {
    while (!signal.aborted) {
      const lookedAt = clock.monotonic();
      const slice = await logs.read(key, next);
      next = continued(next, slice.position);
      if (slice.chunks.length > 0) {
        yield {
          id: `${attempt}:${slice.position}`,
          item: { type: "chunks", chunks: slice.chunks.map((chunk) => presentChunk(attempt, chunk)) },
        };
      }
      if (slice.more) continue;
      if (settled) return;
      if (news.ofJob) {
        news.ofJob = false;
        settled = await hasSettled(engine, key);
        // Once more, for what was written between the last read and its end (L1).
        if (settled) continue;
      }
      if (!(await bell.rest(REST_MS))) news.ofJob = true;
      await pause(clock, lookedAt + PACE_MS - clock.monotonic());
    }
  } finally {
    unwatch();
  }
}

async function hasSettled({ context: { store } }: Engine, { jobId, attempt }: LogKey): Promise<boolean> {
  const attempts = await store.reads.attempts(jobId);
  if ((attempts.find((one) => one.number === attempt)?.endedAt ?? null) !== null) return true;
  return ((await store.reads.get(jobId))?.live ?? null) === null;
}

async function pause(clock: Clock, ms: number): Promise<void> {
  if (ms > 0) await new Promise<void>((resolve) => void clock.after(ms, resolve));
}

async function ringAtEach(events: AsyncIterable<unknown>, { bell, news }: { readonly bell: Alarm; readonly news: News }): Promise<void> {
  for await (const _ of events) {
    news.ofJob = true;
    bell.ring();
  }
}

async function attemptsOf(engine: Engine, id: string): Promise<{ readonly made: number; readonly ended: boolean }> {
  const view = await engine.jobs.get(id);
  return { made: view.live?.attempt ?? view.final?.attempts ?? 0, ended: isTerminal(view.state) };
}

/** Positions of a followed log are `<attempt>:<position in its log>`. */
function startOf({ after }: RangeQuery): { readonly attempt?: number; readonly after?: string } {
  const [, attempt, position] = /^(\d{1,9}):(.*)$/u.exec(after ?? "") ?? [];
  return attempt === undefined ? {} : { attempt: Number(attempt), after: position ?? "" };
}
