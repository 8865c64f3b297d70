import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration, storableDelay, wholeSeconds } from "./duration.ts";

test.each([
  [90, 90_000],
  ["90", 90_000],
  ["1.5", 1_500],
  [" 250ms ", 250],
  ["1h30m", 5_400_000],
  ["1d2h3m4s5ms", 93_784_005],
  [0, 0],
  ["32.2s", 32_200],
  [32.2, 32_200],
  ["0.6ms", 1],
])("%j is read as %d ms", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test("seconds with a fraction are whole milliseconds", () => {
  // Each of these times a thousand is no whole number.
  for (const value of [16.1, 2.01, 1.001, 8.19, 4.02]) {
    expect(Number.isInteger(value * 1000)).toBe(false);
    expect(wholeSeconds(value)).toBe(Number(`${value}e3`));
  }
});

test.each(["", "abc", "-1", "1 h", "1h30", "h", "1w", "1e3", -1, Number.NaN, Number.POSITIVE_INFINITY])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("whole amounts of one unit are read exactly", () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  fc.assert(
    fc.property(fc.nat({ max: 100_000 }), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])), (amount, unit) => {
      expect(parseDuration(`${amount}${unit}`)).toBe(amount * units[unit]);
    }),
  );
});

test.each([
  [12, "12ms"],
  [1_500, "1.5s"],
  [90_000, "1m 30s"],
  [93_784_005, "1d 2h"],
  [59_999, "1m"],
])("%d ms is shown as %s", (value, text) => {
  expect(formatDuration(value)).toBe(text);
});

test("what is shown is within one unit of what was meant, and can be read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e10 }), (value) => {
      const read = parseDuration(formatDuration(value).replace(" ", ""));
      expect(Math.abs((read ?? Number.NaN) - value)).toBeLessThan(
        Math.max(3_600_000 * Number(value >= 86_400_000), 60_000 * Number(value >= 3_600_000), 1_000),
      );
    }),
  );
});

test.each([
  [1.5, 2],
  [-1, 0],
  [Number.NaN, 1_000],
  [Number.POSITIVE_INFINITY, 3_153_600_000_000],
  ["250", 250],
])("a delay of %j is stored as %d ms", (delay, expected) => {
  expect(storableDelay(delay as number)).toBe(expected);
});
