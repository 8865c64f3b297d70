/** Signals of several steps of one transaction as one. */
import type { Signals } from "@windlass/kernel";

export const noSignals: Signals = { ready: new Set(), woken: false, stopping: new Set(), timerAt: null, finished: [] };

export function joinSignals(a: Signals, b: Signals): Signals {
  if (b === noSignals) return a;
  if (a === noSignals) return b;
  return {
    ready: a.ready.union(b.ready),
    woken: a.woken || b.woken,
    stopping: a.stopping.union(b.stopping),
    timerAt: a.timerAt === null ? b.timerAt : b.timerAt === null ? a.timerAt : Math.min(a.timerAt, b.timerAt),
    finished: [...a.finished, ...b.finished],
  };
}
