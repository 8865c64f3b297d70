/**
 * How far the database's clock is from this one. An answer says what time it was somewhere between question and answer; while
 * either side stood still that may be seconds, by which schedules would fire too early. So the quickest of several answers counts.
 */
import type { Clock } from "@windlass/ports";

const ASKED_MAX = 5;
/** An answer that came so soon is good enough: it is off by half of that at most. */
const QUICK_MS = 50;

/** Milliseconds to add to this clock. `ask` tells the database's time. */
export async function clockOffset(ask: () => Promise<number>, clock: Pick<Clock, "now">): Promise<number> {
  let best = { tookMs: Infinity, offset: 0 };
  for (let asked = 0; asked < ASKED_MAX && best.tookMs > QUICK_MS; asked++) {
    const before = clock.now();
    const there = await ask();
    const after = clock.now();
    // A clock that was set back between the two says nothing.
    const tookMs = after < before ? Infinity : after - before;
    if (tookMs < best.tookMs) best = { tookMs, offset: Math.round(there - (before + after) / 2) };
  }
  return best.offset;
}
