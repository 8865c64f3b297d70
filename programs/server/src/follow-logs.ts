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
import type { LogRange } from "@windlass/ports";
import { alarm, type Alarm } from "./alarm.ts";
import { continued, presentChunk, rangeOf, type RangeQuery } from "./log-range.ts";
import type { StreamItem } from "./server-context.ts";

const BATCH_BYTES = 65_536;
/** Changes are told; this is for those that were not. */
const REST_MS = 1_000;

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
  const listening = ringAtEach(events, bell);
  try {
    const start = startOf(query);
    let attempt = start.attempt ?? query.attempt ?? (await attemptsOf(engine, id)).made;
    let range = rangeOf({ ...query, after: start.after }, BATCH_BYTES);
    let shown = 0;
    while (!signal.aborted) {
      // While the job waits for its next attempt, the one before was shown already.
      if (attempt > shown) {
        if (range.after === undefined) yield { id: `${attempt}:`, item: { type: "attempt", attempt } };
        yield* followAttempt({ engine, id, attempt, range, bell, signal });
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

interface OneAttempt {
  readonly engine: Engine;
  readonly id: string;
  readonly attempt: number;
  readonly range: LogRange;
  readonly bell: Alarm;
  readonly signal: AbortSignal;
}

async function* followAttempt({ engine, id, attempt, range, bell, signal }: OneAttempt): AsyncGenerator<Item> {
  const { logs, store } = engine.context;
  const key = { jobId: id, attempt };
  const unwatch = logs.watch(key, () => bell.ring());
  let next = range;
  try {
    while (!signal.aborted) {
      const attempts = await store.reads.attempts(id);
      const settled =
        (attempts.find((one) => one.number === attempt)?.endedAt ?? null) !== null || ((await store.reads.get(id))?.live ?? null) === null;
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
      await bell.rest(REST_MS);
    }
  } finally {
    unwatch();
  }
}

async function ringAtEach(events: AsyncIterable<unknown>, bell: Alarm): Promise<void> {
  for await (const _ of events) bell.ring();
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
