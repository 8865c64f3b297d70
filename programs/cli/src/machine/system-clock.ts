/** This machine's clock and timers, for everything that is handed a `Clock`. */
import type { Clock } from "@windlass/ports";

/** Beyond this a timer of Node fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = (restMs: number): void => {
      timer = setTimeout(() => (restMs > TIMER_MS_MAX ? arm(restMs - TIMER_MS_MAX) : callback()), Math.min(restMs, TIMER_MS_MAX));
      timer.unref();
    };
    arm(Math.max(0, delayMs));
    return () => clearTimeout(timer);
  },
};
