/** Jobs that do nothing, one after the other until none is left: what a queue costs besides the work. */
import type { OpenQueue } from "../contenders/contender.ts";

export interface DrainOptions {
  readonly count: number;
  readonly concurrency: number;
}

/** Jobs per second from the start of the worker until every end is stored. The jobs must be there already. */
export async function drain(queue: OpenQueue, { count, concurrency }: DrainOptions): Promise<number> {
  const all = Promise.withResolvers<void>();
  let called = 0;
  const from = performance.now();
  const working = await queue.work({
    concurrency,
    onJob: () => {
      if (++called === count) all.resolve();
    },
  });
  await all.promise;
  await working.stored(count);
  const seconds = (performance.now() - from) / 1_000;
  await working.stop();
  return count / seconds;
}
