/** From the call that enqueues to the start of the handler, with nothing else to do. */
import type { OpenQueue } from "../contenders/contender.ts";
import type { Figures } from "../row.ts";
import { percentile } from "./percentile.ts";

export interface LatencyOptions {
  readonly count: number;
  /** A contender that polls would take minutes for all of them. */
  readonly limitMs: number;
}

/**
 * The first jobs meet code that is being compiled (of the 510th V8 took 7 ms from Windlass, in the background of two cores), and a log of SQLite that
 * grows until it is reused at 64 MB. So many are not counted, or those of so much of the time.
 */
const WARM_UP = 3_000;
const WARM_UP_OF_LIMIT = 0.3;

export async function idleLatency(queue: OpenQueue, { count, limitMs }: LatencyOptions): Promise<Figures> {
  let started = (): void => {};
  const working = await queue.work({ concurrency: 10, onJob: () => started() });
  const took: number[] = [];
  const begun = performance.now();
  const passed = (): number => (performance.now() - begun) / limitMs;
  for (let warm = 0; took.length < count && (took.length === 0 || passed() < 1);) {
    const run = Promise.withResolvers<number>();
    started = () => run.resolve(performance.now());
    const from = performance.now();
    const enqueued = queue.enqueue();
    const at = await run.promise;
    // The next one is to find the queue idle again.
    await enqueued;
    if (warm < WARM_UP && passed() < WARM_UP_OF_LIMIT) warm++;
    else took.push(at - from);
  }
  await working.stop();
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}
