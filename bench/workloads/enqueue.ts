/** How fast jobs are taken in, each acknowledged when it is durable. */
import type { OpenQueue } from "../contenders/contender.ts";

export interface EnqueueOptions {
  /** So many callers, each of which waits for its answer before it calls again. */
  readonly inFlight: number;
  /** For so long before the clock starts; as long as is measured when left out. */
  readonly warmUpMs?: number;
  /** For so long, so that a slow contender takes no longer than a fast one. */
  readonly forMs: number;
}

export interface Enqueued {
  readonly perSecond: number;
  /** All that are queued now, those of the warm-up too. */
  readonly jobs: number;
}

/**
 * Jobs submitted one by one. The same is done before the clock starts: connections are made, and code is warm. A program that is
 * compiled while it runs takes twice as long for its first thousands of calls, and a server has made them long ago.
 */
export async function enqueue(queue: Pick<OpenQueue, "enqueue">, options: EnqueueOptions): Promise<Enqueued> {
  const warm = await calls(queue, { ...options, forMs: options.warmUpMs ?? options.forMs });
  const measured = await calls(queue, options);
  return { perSecond: measured.count / (measured.tookMs / 1_000), jobs: warm.count + measured.count };
}

async function calls(
  queue: Pick<OpenQueue, "enqueue">,
  { inFlight, forMs }: EnqueueOptions,
): Promise<{ readonly count: number; readonly tookMs: number }> {
  let count = 0;
  const from = performance.now();
  await lanes(inFlight, async () => {
    for (; performance.now() - from < forMs; count++) await queue.enqueue();
  });
  return { count, tookMs: performance.now() - from };
}

const lanes = (inFlight: number, lane: () => Promise<void>): Promise<unknown> => Promise.all(Array.from({ length: inFlight }, lane));

/** Jobs per second, handed over in batches. */
export async function enqueueMany(queue: OpenQueue, { count }: { readonly count: number }): Promise<number> {
  const from = performance.now();
  await queue.enqueueMany(count);
  return count / ((performance.now() - from) / 1_000);
}
