/**
 * A clock that moves only when it is told to. `advance` fires the timers that fall due, in order, and lets everything
 * that they set off run to its end before the next one fires, so a run is the same each time.
 */
import type { Clock } from "@windlass/ports";

export interface FakeClock extends Clock {
  /** Sets the clock forwards or back, as people and time servers do: no time passes, and no timer fires. */
  jump(ms: number): void;
  /** Moves on by `ms`, firing what falls due. */
  advance(ms: number): Promise<void>;
  /** Moves on until `done`, or throws after `limitMs`. Looks after each timer. */
  until(done: () => boolean | Promise<boolean>, limitMs: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Timers that one advance may fire: what needs more never comes to rest. */
const FIRED_MAX = 100_000;

/** 2026-01-01T00:00:00Z */
export const FAKE_START = 1_767_225_600_000;

export function fakeClock(startAt = FAKE_START): FakeClock {
  let now = startAt;
  let jumped = 0;
  let order = 0;
  const timers = new Set<Timer>();
  const next = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers)
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    return first;
  };
  const fire = async (timer: Timer): Promise<void> => {
    timers.delete(timer);
    now = Math.max(now, timer.at);
    timer.callback();
    await settled();
  };
  return {
    now: () => now + jumped,
    monotonic: () => now - startAt,
    after(delayMs, callback) {
      const timer = { at: now + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    jump(ms) {
      jumped += ms;
    },
    async advance(ms) {
      const end = now + ms;
      let fired = 0;
      await settled();
      for (let timer = next(); timer !== undefined && timer.at <= end; timer = next()) {
        if (++fired > FIRED_MAX) throw new Error(`more than ${FIRED_MAX} timers fired in ${ms} ms of fake time: something spins`);
        await fire(timer);
      }
      now = end;
    },
    async until(done, limitMs) {
      const end = now + limitMs;
      await settled();
      while (!(await done())) {
        const timer = next();
        if (timer === undefined || timer.at > end) throw new Error(`not done after ${limitMs} ms of fake time`);
        await fire(timer);
      }
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Resolves when all that can run without time passing has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
