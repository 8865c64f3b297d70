import fc from "fast-check";
import { expect, test } from "vitest";
import { MEASURES, tableOf, verdictsOf, type MeasureName, type Sample } from "./verdict.ts";

const NOTHING = Object.fromEntries(Object.keys(MEASURES).map((name) => [name, null])) as Record<MeasureName, null>;
const HOUR = 3_600_000;

/** One measure over an hour, a sample each 10 s. */
const samplesOf = (name: MeasureName, valueAt: (minute: number) => number): Sample[] =>
  Array.from({ length: 361 }, (_, i) => ({ at: (i * HOUR) / 360, values: { ...NOTHING, [name]: valueAt(i / 6) } }));
const flat = (samples: readonly Sample[]): (boolean | undefined)[] => verdictsOf(samples).map((verdict) => verdict.flat);

test("what grows without end is not flat, however steep its beginning was", () => {
  expect(flat(samplesOf("serverFiles", (minute) => 40 + minute))).toEqual([false]);
  expect(flat(samplesOf("serverFiles", (minute) => 40 + 100 * Math.log1p(minute)))).toEqual([false]);
  expect(flat(samplesOf("serverMemory", (minute) => (200 + minute) * 1024 ** 2))).toEqual([false]);
});

test("what fills up first and then stays is flat, with sweeps and single peaks", () => {
  expect(flat(samplesOf("serverFiles", (minute) => Math.min(400, 40 * minute)))).toEqual([true]);
  expect(flat(samplesOf("database", (minute) => (100 + 40 * (minute % 1)) * 1024 ** 2))).toEqual([true]);
  expect(flat(samplesOf("serverMemory", (minute) => (minute > 59 ? 900 : 200) * 1024 ** 2))).toEqual([true]);
});

test("a steady value with any noise below the bound is flat; what only falls is, too", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 361, maxLength: 361 }),
      fc.integer({ min: 0, max: 5 }),
      (noise, fall) => {
        expect(flat(samplesOf("serverFiles", (minute) => 1_000 - fall * minute + (noise[Math.round(minute * 6)] ?? 0)))).toEqual([true]);
      },
    ),
    { numRuns: 20 },
  );
});

test("what was not measured has no verdict, and too few samples have none at all", () => {
  expect(verdictsOf(samplesOf("logs", () => 1)).map(({ name }) => name)).toEqual(["logs"]);
  expect(() => verdictsOf(samplesOf("logs", () => 1).slice(0, 8))).toThrow("let it run for longer");
});

test("the table tells each number beside what is allowed", () => {
  expect(tableOf(verdictsOf(samplesOf("serverFiles", (minute) => 40 + minute)))).toMatch(
    /serverFiles +70\.0 +85\.0 +100\.0 +30\.0 +10\.0 +NOT FLAT/u,
  );
});
