/** Signals of several steps of one transaction as one. */
import type { Signals } from "@windlass/kernel";

export const noSignals: Signals = { ready: new Set(), woken: false, stopping: new Set(), timerAt: null, dispatchAt: null };

export function joinSignals(a: Signals, b: Signals): Signals {
  if (b === noSignals) return a;
  if (a === noSignals) return b;
  return {
    ready: a.ready.union(b.ready),
    woken: a.woken || b.woken,
    stopping: a.stopping.union(b.stopping),
    timerAt: earliest(a.timerAt, b.timerAt),
    dispatchAt: earliest(a.dispatchAt, b.dispatchAt),
  };
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}
