/**
 * Rate limits: how many attempts may start in how many seconds. A token bucket that holds `limit` starts and fills again
 * evenly, kept as one number: the time at which it will be full again. Pure; a bucket that is full need not be kept.
 *
 * R1. In any span of time no more attempts start than `limit` at once and those that the bucket fills up with meanwhile.
 * R2. A bucket is never emptier than empty: after a change of the limit, or of the clock, nobody waits longer than it
 *     takes to fill an empty one.
 */
export interface RateLimit {
  /** Starts; also how many may start at once after a rest. */
  readonly limit: number;
  readonly perSeconds: number;
}

/** More starts than this are not held back one by one. */
export const RATE_LIMIT_MAX = 1_000_000;
/** A month: what is rarer is a schedule. */
export const RATE_SECONDS_MAX = 31 * 86_400;

const MICRO = 1_000;

/** How many attempts may start at `now`. `spentUntil`: when the bucket will be full again, in microseconds since 1970; 0: it is. */
export function startsLeft(rate: RateLimit, spentUntil: number, now: number): number {
  const interval = intervalOf(rate);
  return Math.floor((rate.limit * interval - spentOf(rate, spentUntil, now)) / interval);
}

/** When the bucket will be full again after one more start at `now`. */
export function spentBy(rate: RateLimit, spentUntil: number, now: number): number {
  return now * MICRO + spentOf(rate, spentUntil, now) + intervalOf(rate);
}

/** When the next attempt may start: `now`, or later. */
export function nextStartAt(rate: RateLimit, spentUntil: number, now: number): number {
  const tooMuch = spentOf(rate, spentUntil, now) - (rate.limit - 1) * intervalOf(rate);
  return tooMuch <= 0 ? now : now + Math.ceil(tooMuch / MICRO);
}

/** True when a bucket is as good as one that was never touched. */
export function isFull(spentUntil: number, now: number): boolean {
  return spentUntil <= now * MICRO;
}

/** Microseconds in which one start comes back; rounded so that the rate is never exceeded. */
function intervalOf({ limit, perSeconds }: RateLimit): number {
  return Math.ceil((perSeconds * MICRO * MICRO) / limit);
}

/** How long it takes to fill the bucket, in microseconds (R2). */
function spentOf(rate: RateLimit, spentUntil: number, now: number): number {
  return Math.min(Math.max(0, spentUntil - now * MICRO), rate.limit * intervalOf(rate));
}
