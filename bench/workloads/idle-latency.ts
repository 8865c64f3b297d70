/** From the call that enqueues to the start of the handler, with nothing else to do. */
import type { OpenQueue } from "../contenders/contender.ts";
import type { Figures } from "../row.ts";
import { percentile } from "./percentile.ts";

export interface LatencyOptions {
  readonly count: number;
  /** A contender that polls would take minutes for all of them. */
  readonly limitMs: number;
}

/** The first jobs meet cold code and are not counted. */
const WARM_UP = 5;

export async function idleLatency(queue: OpenQueue, { count, limitMs }: LatencyOptions): Promise<Figures> {
  let started = (): void => {};
  const working = await queue.work({ concurrency: 10, onJob: () => started() });
  const took: number[] = [];
  const begun = performance.now();
  for (let i = 0; i < WARM_UP + count && (took.length === 0 || performance.now() - begun < limitMs); i++) {
    const run = Promise.withResolvers<number>();
    started = () => run.resolve(performance.now());
    const from = performance.now();
    const enqueued = queue.enqueue();
    const at = await run.promise;
    // The next one is to find the queue idle again.
    await enqueued;
    if (i >= WARM_UP) took.push(at - from);
  }
  await working.stop();
  return { p50: percentile(took, 0.5), p99: percentile(took, 0.99) };
}
