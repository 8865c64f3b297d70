import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CRON_LENGTH_MAX, faultText, parseCron } from "./cron.ts";
import { meantCron } from "./timing-fixture.ts";

const faultsOf = (text: string) => {
  const read = parseCron(text);
  return "faults" in read ? read.faults.map(faultText) : [];
};

test.each([
  ["61 * * * *", ["minute (character 1): 61 is outside of 0 to 59"]],
  ["* * 0 * *", ["day of month (character 5): 0 is outside of 1 to 31"]],
  ["* * * * 8", ["day of week (character 9): 8 is outside of 0 to 7"]],
  ["0 0 * janu *", ['month (character 7): "janu" is not a number from 1 to 12 or jan to dec; did you mean "jan"?']],
  ["0 0 * * mno", ['day of week (character 9): "mno" is not a number from 0 to 7 or sun to sat; did you mean "mon"?']],
  ["0 22-2 * * *", ["hour (character 3): 22-2 goes backwards; write 22-23,0-2"]],
  ["0 0 * * fri-mon", ["day of week (character 9): fri-mon goes backwards; write fri-sat,sun-mon"]],
  ["*/0 * * * *", ['minute (character 3): a step is a whole number from 1, found "0"']],
  [
    "*/90 * * * *",
    [
      'minute (character 3): a step of 90 never takes a second step from 0 to 59: it would mean 0 alone; write that, or "every: 90m" for an interval',
    ],
  ],
  ["0,,5 * * * *", ["minute (character 3): expected a number from 0 to 59, found nothing"]],
  ["? * * * *", ['minute (character 1): "?" is for days of the month and of the week; write *']],
  ["0 0 15W * *", ['day of month (character 5): "15W" is not a number from 1 to 31']],
  ["0 0 L-31 * *", ["day of month (character 7): 31 days before the last one is in no month; allowed is 0 to 30"]],
  [
    "0 0 * * L",
    ['day of week (character 9): "L" does not say which day of the week; write friL for the last Friday, fri#2 for the second one'],
  ],
  ["0 0 * * fri#6", ['day of week (character 13): "6" is not which of the month; allowed is 1 to 5']],
  ["* * * *", ["expression (character 1): it has 4 fields; expected are 5 (minute hour day month weekday), or 6 with seconds first"]],
  [
    "0 0 12 1 1 ? 2026",
    [
      "expression (character 14): it has 7 fields; expected are 5 (minute hour day month weekday), or 6 with seconds first; a year has no field here: use starts and ends",
    ],
  ],
  ["  ", ["expression (character 1): it is empty; write 5 fields (minute hour day month weekday), 6 with seconds first, or @daily"]],
  [
    "@dayly",
    [
      'expression (character 1): "@dayly" is no name of a schedule; allowed are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly; did you mean "@daily"?',
    ],
  ],
  ["@every 5m", ['expression (character 1): an interval has a field of its own; write "every: 5m"']],
  ["TZ=Europe/Zurich 0 9 * * *", ['expression (character 1): the zone has a place of its own; write "timezone: Europe/Zurich"']],
])("%j is refused with the field and the character", (text, expected) => {
  expect(faultsOf(text)).toEqual(expected);
});

test("all faults are told at once, in the order in which they stand", () => {
  expect(faultsOf("61 25 32 13 mno")).toHaveLength(5);
  expect(faultsOf("61,62 5-70/x * * *")).toHaveLength(4);
});

describe("what never fires is refused", () => {
  test.each(["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 *", "0 0 L-30 4 *", "0 0 L-29 2 *"])("%s", (text) => {
    expect(faultsOf(text)[0]).toContain("it never fires");
  });
  test.each(["0 0 29 2 *", "0 0 31 2 mon", "0 0 L-28 2 *", "0 0 30,31 2,3 *", "0 0 * 2 mon#5", "0 0 L-30 * *"])("%s fires", (text) => {
    expect(faultsOf(text)).toEqual([]);
  });
});

test("names mean what their expressions do", () => {
  expect(parseCron(" @Weekly ")).toEqual(parseCron("0 0 * * sun"));
  expect(parseCron("@annually")).toEqual(parseCron("0 0 1 JAN ?"));
});

const LETTERS = "0123456789*/-,#?lLwjanfebsumo @\t";

test("whatever is written is read or refused, at a character of it, and soon", () => {
  const letters = fc.array(fc.constantFrom(...LETTERS.split("")), { maxLength: 40 }).map((parts) => parts.join(""));
  const nearly = fc
    .tuple(meantCron({ seconds: true }), fc.nat(60), fc.constantFrom("", "*", "#", "99", "L", " ", "-", ","))
    .map(([cron, at, put]) => cron.text.slice(0, at) + put + cron.text.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(letters, nearly, fc.string({ unit: "grapheme", maxLength: 600 })), (text) => {
      const read = parseCron(text);
      if ("cron" in read) return;
      expect(read.faults.length).toBeGreaterThan(0);
      expect(read.faults.length).toBeLessThanOrEqual(CRON_LENGTH_MAX);
      for (const fault of read.faults) expect(fault.at >= 0 && fault.at <= text.length, faultText(fault)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
