/** The supervisor's own clock: it is a program by itself, with nobody to hand it one. */
import type { Clock } from "@windlass/ports";

/** Its timers keep the program alive: the supervisor alone decides when it leaves. */
export function supervisorClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after so long. */
export async function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(delayMs, resolve));
}
