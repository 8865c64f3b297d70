import fc from "fast-check";
import { expect, test } from "vitest";
import { isFull, nextStartAt, RATE_LIMIT_MAX, RATE_SECONDS_MAX, spentBy, startsLeft, type RateLimit } from "./rate.ts";

const T0 = 1_767_225_600_000;
const rates: fc.Arbitrary<RateLimit> = fc.record({ limit: fc.integer({ min: 1, max: 20 }), perSeconds: fc.integer({ min: 1, max: 60 }) });

/** Starts as often as the rate allows, at times that somebody else chooses. */
function startsOf(rate: RateLimit, gaps: readonly number[]): number[] {
  const starts: number[] = [];
  let now = T0;
  let spent = 0;
  for (const gap of gaps) {
    now += gap;
    while (startsLeft(rate, spent, now) > 0) {
      spent = spentBy(rate, spent, now);
      starts.push(now);
    }
  }
  return starts;
}

test("a bucket that was never touched holds the whole limit, and one start comes back at a time", () => {
  const rate = { limit: 3, perSeconds: 1 };
  expect(startsLeft(rate, 0, T0)).toBe(3);
  let spent = 0;
  for (let i = 0; i < 3; i++) spent = spentBy(rate, spent, T0);
  expect([startsLeft(rate, spent, T0), nextStartAt(rate, spent, T0)]).toEqual([0, T0 + 334]);
  expect([startsLeft(rate, spent, T0 + 333), startsLeft(rate, spent, T0 + 334), startsLeft(rate, spent, T0 + 1_001)]).toEqual([0, 1, 3]);
  expect([isFull(spent, T0 + 1_000), isFull(spent, T0 + 1_001)]).toEqual([false, true]);
});

test("in no span of time do more start than the limit at once and what comes back meanwhile (R1)", () => {
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60 }), (rate, gaps) => {
      const starts = startsOf(rate, gaps);
      for (const [i, from] of starts.entries())
        for (let k = i; k < starts.length; k++) {
          const spanMs = (starts[k] ?? 0) - from;
          expect(k - i + 1).toBeLessThanOrEqual(rate.limit + Math.floor((spanMs * rate.limit) / (rate.perSeconds * 1_000)));
        }
    }),
  );
});

test("what is held back may start at the time that is told, and not before", () => {
  fc.assert(
    fc.property(rates, fc.nat(40), fc.nat(70_000), (rate, used, later) => {
      let spent = 0;
      for (let i = 0; i < Math.min(used, rate.limit); i++) spent = spentBy(rate, spent, T0);
      const now = T0 + later;
      const at = nextStartAt(rate, spent, now);
      expect(startsLeft(rate, spent, at)).toBeGreaterThan(0);
      if (at > now) expect(startsLeft(rate, spent, at - 1)).toBe(0);
      else expect(startsLeft(rate, spent, now)).toBeGreaterThan(0);
    }),
  );
});

test("nobody waits longer than it takes to fill an empty bucket, whatever the rate was before, and also when the clock went back (R2)", () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: -1e9, max: 1e12 }), (rate, ahead) => {
      const spent = T0 * 1_000 + ahead;
      expect(nextStartAt(rate, spent, T0) - T0).toBeLessThanOrEqual(Math.ceil((rate.perSeconds * 1_000) / rate.limit) + 1);
    }),
  );
});

test("the largest rates are counted exactly", () => {
  for (const rate of [
    { limit: RATE_LIMIT_MAX, perSeconds: 1 },
    { limit: RATE_LIMIT_MAX, perSeconds: RATE_SECONDS_MAX },
    { limit: 1, perSeconds: RATE_SECONDS_MAX },
  ]) {
    const spent = spentBy(rate, 0, T0);
    expect(Number.isSafeInteger(spent)).toBe(true);
    expect(startsLeft(rate, spent, T0)).toBe(rate.limit - 1);
  }
});
