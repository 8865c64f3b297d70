/** For tests: a machine whose time moves when it is told. */
import type { Machine } from "./worker-machine.ts";

export function still() {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  const machine: Machine = {
    now: () => now,
    monotonic: () => now,
    after(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    soon: (callback) => queueMicrotask(callback),
    random: () => 0,
    bytes: (count) => new Uint8Array(count),
    sha256: async (text) => text,
  };
  const pass = (ms: number): void => {
    now += ms;
    for (const timer of timers) if (timer.at <= now && timers.delete(timer)) timer.callback();
  };
  return { machine, pass, timers };
}
