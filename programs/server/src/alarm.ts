/**
 * Rest until something is said to have changed, a while has passed, or the signal ends.
 *
 * A1. A ring between two rests ends the next rest at once: nothing is missed between looking and resting.
 */
import type { Clock } from "@windlass/ports";

export interface Alarm {
  ring(): void;
  /** True when something was said, false when the time was over. */
  rest(longestMs: number): Promise<boolean>;
}

export function alarm(clock: Clock, signal: AbortSignal): Alarm {
  let rung = false;
  let wake = (): void => {};
  const ring = (): void => {
    rung = true;
    wake();
  };
  signal.addEventListener("abort", ring, { once: true });
  return {
    ring,
    async rest(longestMs) {
      if (!rung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(longestMs, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
      const wasRung = rung;
      rung = false;
      wake = () => {};
      return wasRung;
    },
  };
}
