/** How fast jobs are taken in, each acknowledged when it is durable. */
import type { OpenQueue } from "../contenders/contender.ts";

export interface EnqueueOptions {
  /** So many callers, each of which waits for its answer before it calls again. */
  readonly inFlight: number;
  /** For so long, so that a slow contender takes no longer than a fast one. */
  readonly forMs: number;
}

/** Before the clock starts: connections are made and code is warm. */
const WARM_UP = 100;

export interface Enqueued {
  readonly perSecond: number;
  /** All that are queued now, those of the warm-up too. */
  readonly jobs: number;
}

/** Jobs submitted one by one. */
export async function enqueue(queue: OpenQueue, { inFlight, forMs }: EnqueueOptions): Promise<Enqueued> {
  let left = WARM_UP;
  await lanes(inFlight, async () => {
    while (left-- > 0) await queue.enqueue();
  });
  let count = 0;
  const from = performance.now();
  await lanes(inFlight, async () => {
    for (; performance.now() - from < forMs; count++) await queue.enqueue();
  });
  return { perSecond: count / ((performance.now() - from) / 1_000), jobs: WARM_UP + count };
}

const lanes = (inFlight: number, lane: () => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: inFlight }, lane));

/** Jobs per second, handed over in batches. */
export async function enqueueMany(queue: OpenQueue, { count }: { readonly count: number }): Promise<number> {
  const from = performance.now();
  await queue.enqueueMany(count);
  return count / ((performance.now() - from) / 1_000);
}
