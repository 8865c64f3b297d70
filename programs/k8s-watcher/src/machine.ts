/** What everything here is handed: time, chance, the program's log, its figures, and when to end. */
import { backoffDelay, ms, seconds, type Backoff } from "@windlass/kernel";
import type { Clock, Logger, Random } from "@windlass/ports";
import type { WatcherMetrics } from "./watcher-metrics.ts";

export interface Machine {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  /** Aborted when the watcher is to end. */
  readonly signal: AbortSignal;
}

/** Whatever does not answer is asked again so: soon at first, and never less often than each half minute. */
const AGAIN: Backoff = { initial: ms(250), factor: 2, max: seconds(30), jitter: 0.5 };

export function delayOf(failures: number, { random }: Pick<Machine, "random">): number {
  return backoffDelay(AGAIN, failures, random.next());
}

/** Ends early when the signal is aborted; never throws. */
export function rest(delayMs: number, { clock, signal }: Pick<Machine, "clock" | "signal">): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(delayMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
