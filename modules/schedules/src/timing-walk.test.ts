/** Two implementations of "when" agree: the one that is used, and the one that walks (timing-fixture.ts). */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DAY_MS, HOUR_MS, meantCron, MINUTE_MS, slowFires, timingOf, walk, type Meant, type Walk } from "./timing-fixture.ts";
import { countFires, firesBetween, nextFire } from "./timing.ts";

/** Around changes of the clocks of every sort, and where there are none. */
const CHANGES: readonly (readonly [zone: string, around: string])[] = [
  ["America/New_York", "2024-03-10T07:00Z"],
  ["America/New_York", "2024-11-03T06:00Z"],
  // Half an hour.
  ["Australia/Lord_Howe", "2024-10-05T15:30Z"],
  ["Australia/Lord_Howe", "2024-04-06T15:00Z"],
  // A day that never was.
  ["Pacific/Apia", "2011-12-30T10:00Z"],
  ["Asia/Kathmandu", "2024-02-28T18:15Z"],
  // One minute after midnight, back into the day before; and at midnight.
  ["America/St_Johns", "2006-10-29T02:31Z"],
  ["America/Sao_Paulo", "2018-11-04T03:00Z"],
  ["America/Sao_Paulo", "2018-02-18T02:00Z"],
  // Late in the evening, into the next day.
  ["America/Nuuk", "2024-03-31T01:00Z"],
  ["Asia/Pyongyang", "2018-05-04T15:00Z"],
  // Two hours, and an offset that is changed for a month.
  ["Antarctica/Troll", "2024-03-31T01:00Z"],
  ["Africa/Casablanca", "2024-03-10T02:00Z"],
  ["UTC", "2023-12-31T23:59Z"],
];

const minutes = CHANGES.map(([zone, around]) =>
  walk(zone, { start: Date.parse(around) - 2 * DAY_MS, end: Date.parse(around) + 3 * DAY_MS, stepMs: MINUTE_MS }),
);
const seconds = CHANGES.filter(([zone]) => zone !== "Pacific/Apia").map(([zone, around]) =>
  walk(zone, { start: Date.parse(around) - 2 * HOUR_MS, end: Date.parse(around) + 1.5 * HOUR_MS, stepMs: 1000 }),
);

const excludes: fc.Arbitrary<readonly Meant[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  fc.array(meantCron({ seconds: false }), { maxLength: 2 }),
);

describe.each([
  { name: "by the minute", walks: minutes, cron: meantCron({ seconds: false }), lead: 25 * HOUR_MS },
  { name: "by the second", walks: seconds, cron: meantCron({ seconds: true }), lead: HOUR_MS + 1 },
])("$name", ({ walks, cron, lead }) => {
  const asked = fc.record({
    // A number, so that a failure does not print a walk.
    walk: fc.nat(walks.length - 1),
    crons: fc.array(cron, { minLength: 1, maxLength: 3 }),
    excludes,
    from: fc.double({ min: 0, max: 1, noNaN: true }),
  });

  test("the times, the next one and their count are those of the walk", { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(asked, ({ walk: index, crons, excludes: leftOut, from }) => {
        const walked = walks[index] as Walk;
        const timing = timingOf({
          cron: crons.map((each) => each.text),
          exclude: leftOut.map((each) => each.text),
          timezone: walked.zone,
        });
        const span = spanOf(walked, lead, from);
        const expected = slowFires(walked, crons, leftOut).filter((time) => time > span.after && time <= span.until);
        expect(firesBetween(timing, { ...span, limit: Infinity }).times).toEqual(expected);
        expect(countFires(timing, span)).toBe(expected.length);
        const next = nextFire(timing, span.after);
        if (expected[0] !== undefined) expect(next).toBe(expected[0]);
        else expect(next === null || next > span.until).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Thousands have been tried; so many say that it is still so. */
const RUNS = 60;

/** A walk says nothing of what was shown before it began, so it has a lead. */
function spanOf({ start, stepMs, walls }: Walk, lead: number, from: number): { readonly after: number; readonly until: number } {
  const until = start + (walls.length - 1) * stepMs;
  const first = start + lead;
  return { after: Math.floor(first + (until - first) * from), until };
}
