import fc from "fast-check";
import { expect, test } from "vitest";
import { addDuration, addTally, emptyDurations, joinTallies, TALLY_BUCKETS, tallyOf, type Tally } from "./tally.ts";

test("a duration is in the first bucket whose bound it does not exceed, and a negative one counts as none", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000, max: 100_000_000 }), (ms) => {
      const durations = emptyDurations();
      addDuration(durations, ms);
      const bucket = durations.counts.indexOf(1);
      expect(durations.counts.reduce((a, b) => a + b)).toBe(1);
      expect(durations.sumMs).toBe(Math.max(0, ms));
      if (bucket < TALLY_BUCKETS.length) expect(ms).toBeLessThanOrEqual(TALLY_BUCKETS[bucket] as number);
      if (bucket > 0) expect(ms).toBeGreaterThan(TALLY_BUCKETS[bucket - 1] as number);
    }),
  );
});

test("tallies add up, and what is added is not changed", () => {
  const one = tallyWith("q", 3);
  const other = tallyWith("q", 4);
  const joined = joinTallies(one, other);
  expect(joined.get("q")).toMatchObject({ submitted: 7, finished: { succeeded: 2 }, runs: { succeeded: { sumMs: 200 } } });
  expect(one.get("q")?.submitted).toBe(3);
  const all: Tally = new Map();
  addTally(all, one, () => "together");
  addTally(all, tallyWith("r", 5), () => "together");
  expect([...all.keys()]).toEqual(["together"]);
  expect(all.get("together")?.submitted).toBe(8);
});

function tallyWith(queue: string, submitted: number): Tally {
  const tally: Tally = new Map();
  const of = tallyOf(tally, queue);
  of.submitted = submitted;
  of.finished.succeeded = 1;
  addDuration((of.runs.succeeded = emptyDurations()), 100);
  return tally;
}
