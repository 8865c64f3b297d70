import { expect, test } from "vitest";
import { readTiming, type WrittenTiming } from "./read-timing.ts";
import { timingOf } from "./timing-fixture.ts";

const faultsOf = (written: WrittenTiming) => {
  const read = readTiming(written);
  return "faults" in read ? read.faults.map((fault) => `${fault.path.join(".")}: ${fault.message}`) : [];
};

test("what is written becomes what is stored, with what was left out", () => {
  expect(readTiming({ cron: "0 9 * * mon" })).toEqual({ timing: timingOf({ cron: ["0 9 * * mon"] }) });
  expect(
    readTiming({
      every: "90m",
      timezone: "europe/zurich",
      jitter: "10s",
      starts: "2026-03-29",
      ends: "2026-12-31",
      exclude: ["2026-12-25", "* * * * sun"],
    }),
  ).toEqual({
    timing: timingOf({
      everyMs: 5_400_000,
      timezone: "Europe/Zurich",
      jitterMs: 10_000,
      startsAt: Date.parse("2026-03-28T23:00Z"),
      anchor: Date.parse("2026-03-28T23:00Z"),
      // The day that is named is the last one.
      endsAt: Date.parse("2026-12-31T23:00Z"),
      exclude: ["2026-12-25", "* * * * sun"],
    }),
  });
});

test("times are read in the zone, by its rules, unless they have an offset", () => {
  const startOf = (starts: string) => {
    const read = readTiming({ cron: "* * * * *", timezone: "America/New_York", starts });
    return "timing" in read ? new Date(read.timing.startsAt ?? NaN).toISOString().slice(0, 16) : read.faults;
  };
  expect(startOf("2024-01-15T09:00")).toBe("2024-01-15T14:00");
  expect(startOf("2024-03-10 02:30")).toBe("2024-03-10T07:30");
  expect(startOf("2024-11-03T01:30:00")).toBe("2024-11-03T05:30");
  expect(startOf("2024-11-03T01:30-05:00")).toBe("2024-11-03T06:30");
  expect(startOf("2024-11-03T01:30Z")).toBe("2024-11-03T01:30");
});

test.each<readonly [WrittenTiming, readonly string[]]>([
  [{}, [': it does not say when; write "cron" or "every"']],
  [{ cron: "0 0 * * *", every: "1h" }, ['every: "cron" is there, too; write one of them']],
  [{ cron: ["0 0 * * *", "99 0 * * *"] }, ["cron.1: minute (character 1): 99 is outside of 0 to 59"]],
  [{ cron: 5 }, ["cron: expected text, found 5; put it in quotes"]],
  [{ cron: [] }, ["cron: it is empty; expected is an expression"]],
  [{ every: "0s" }, ['every: "0s" is too short; the shortest is 1s']],
  [{ every: -5 }, ["every: -5 is no duration; expected something like 20m, 1h30m or 45s"]],
  [{ every: "20 minutes" }, ['every: "20 minutes" is no duration; expected something like 20m, 1h30m or 45s; did you mean "20m"?']],
  [
    { cron: "@daily", timezone: "Zurich" },
    ['timezone: "Zurich" is no zone; expected an IANA name such as Europe/Zurich or UTC; did you mean "Europe/Zurich"?'],
  ],
  [{ cron: "@daily", timezone: "+02:00" }, ['timezone: "+02:00" is no zone; expected an IANA name such as Europe/Zurich or UTC']],
  [
    { cron: "@daily", exclude: ["2026-02-30"] },
    ['exclude.0: "2026-02-30" is no date; expected is YYYY-MM-DD, of a year from 1970 to 9998'],
  ],
  [{ cron: "@daily", starts: "0099-01-01" }, ['starts: "0099-01-01" is too far away; expected is a year from 1970 to 9998']],
  [{ cron: "@daily", ends: "9999-12-31" }, ['ends: "9999-12-31" is too far away; expected is a year from 1970 to 9998']],
  [{ every: "1h", anchor: "1969-12-31T23:00Z" }, ['anchor: "1969-12-31T23:00Z" is too far away; expected is a year from 1970 to 9998']],
  [{ cron: "@daily", starts: "2026-05-01", ends: "2026-04-01" }, ["ends: it ends before it starts, so it never fires"]],
  [{ cron: "@daily", exclude: "0 0 * * *" }, ["exclude: it leaves out every time at which this would fire"]],
  [{ cron: "@daily", anchor: "2026-01-01" }, ['anchor: only "every" counts from an anchor']],
])("%j is refused", (written, expected) => {
  expect(faultsOf(written)).toEqual(expected);
});

test("all faults are told at once", () => {
  expect(faultsOf({ cron: "61 25 * * *", timezone: "Mars", jitter: "x", starts: "soon", exclude: [7, "2026-13-01"] })).toHaveLength(7);
});
