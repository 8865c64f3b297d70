/**
 * What croner and cron-parser take expressions to mean. Without changes of the clocks all three agree, over expressions
 * at random; where they do not, this file holds each difference, and what is decided here and why.
 */
import { CronExpressionParser } from "cron-parser";
import { Cron } from "croner";
import fc from "fast-check";
import { expect, test } from "vitest";
import { meantCron, timingOf } from "./timing-fixture.ts";
import { firesBetween } from "./timing.ts";

const FIRES = 20;

interface Asked {
  readonly text: string;
  readonly zone: string;
  readonly after: number;
  readonly count: number;
}

/** The first fires after an instant, or `refused`. */
function ours({ text, zone, after, count }: Asked): readonly string[] | "refused" {
  try {
    return shown(firesBetween(timingOf({ cron: [text], timezone: zone }), { after, until: after + 30 * YEAR_MS, limit: count }).times);
  } catch {
    return "refused";
  }
}

function croner({ text, zone, after, count }: Asked): readonly string[] | "refused" {
  try {
    return shown(new Cron(text, { timezone: zone, paused: true }).nextRuns(count, new Date(after)).map(Number));
  } catch {
    return "refused";
  }
}

function cronParser({ text, zone, after, count }: Asked): readonly string[] | "refused" {
  try {
    const read = CronExpressionParser.parse(text, { tz: zone, currentDate: new Date(after) });
    return shown(Array.from({ length: count }, () => read.next().getTime()));
  } catch {
    return "refused";
  }
}

const YEAR_MS = 365 * 86_400_000;
const shown = (times: readonly number[]) => times.map((time) => new Date(time).toISOString());

test("in zones whose clocks are not changed, expressions at random mean the same to all three", { timeout: 120_000 }, () => {
  let compared = 0;
  fc.assert(
    fc.property(
      meantCron({ seconds: true }),
      fc.constantFrom("UTC", "Asia/Kathmandu", "America/Phoenix"),
      fc.integer({ min: 0, max: 3000 }),
      (cron, zone, days) => {
        fc.pre(!isDecided(cron.text));
        const after = Date.UTC(2020, 0, 1) + days * 86_400_000 + 12_345_000;
        const asked = { text: cron.text, zone, after, count: FIRES };
        const expected = ours(asked);
        if (expected === "refused") return;
        // They give up on what is rare: 29 February, once in years.
        for (const other of [croner, cronParser]) {
          const found = other(asked);
          if (found === "refused" || found.length < FIRES) continue;
          compared++;
          expect(found, other.name).toEqual(expected);
        }
      },
    ),
    { numRuns: 200 },
  );
  expect(compared).toBeGreaterThan(200);
});

/** Differences that the list below decides. */
function isDecided(text: string): boolean {
  return text.includes("*/1,") || / \S*\*\/1( |$)/u.test(text) || text.includes("L-");
}

interface Difference {
  readonly text: string;
  readonly zone?: string;
  readonly after: string;
  readonly croner: readonly string[] | "refused";
  readonly cronParser: readonly string[] | "refused";
  readonly ours: readonly string[] | "refused";
  readonly why: string;
}

const NEW_YORK = "America/New_York";

const DIFFERENCES: readonly Difference[] = [
  {
    text: "30 2 * * *",
    zone: NEW_YORK,
    after: "2024-03-10T05:00Z",
    croner: ["2024-03-10T07:00", "2024-03-11T06:30"],
    cronParser: ["2024-03-10T07:30", "2024-03-11T06:30"],
    ours: ["2024-03-10T07:30", "2024-03-11T06:30"],
    why: "a day lies between two daily fires, or what it would have been: the instant stays, and not the end of the gap",
  },
  {
    text: "*/30 2 * * *",
    zone: NEW_YORK,
    after: "2024-03-10T05:00Z",
    croner: ["2024-03-11T06:00", "2024-03-11T06:30"],
    cronParser: ["2024-03-10T07:00", "2024-03-10T07:30"],
    ours: ["2024-03-10T07:00", "2024-03-10T07:30"],
    why: "one hour makes it daily, whatever its minutes are",
  },
  {
    text: "*/30 1 * * *",
    zone: NEW_YORK,
    after: "2024-11-03T04:00Z",
    croner: ["2024-11-03T05:00", "2024-11-03T05:30", "2024-11-03T06:00"],
    cronParser: ["2024-11-03T05:00", "2024-11-03T05:30", "2024-11-04T06:00"],
    ours: ["2024-11-03T05:00", "2024-11-03T05:30", "2024-11-04T06:00"],
    why: "the same",
  },
  {
    text: "0 */2 * * *",
    zone: NEW_YORK,
    after: "2024-03-10T04:30Z",
    croner: ["2024-03-10T05:00", "2024-03-10T08:00", "2024-03-10T10:00"],
    cronParser: ["2024-03-10T05:00", "2024-03-10T07:00", "2024-03-10T08:00"],
    ours: ["2024-03-10T05:00", "2024-03-10T08:00", "2024-03-10T10:00"],
    why: "several hours follow the wall: an hour that is not shown has no fire",
  },
  {
    text: "0 1,3 * * *",
    zone: NEW_YORK,
    after: "2024-11-03T04:00Z",
    croner: ["2024-11-03T05:00", "2024-11-03T06:00", "2024-11-03T08:00"],
    cronParser: ["2024-11-03T05:00", "2024-11-03T08:00", "2024-11-04T06:00"],
    ours: ["2024-11-03T05:00", "2024-11-03T06:00", "2024-11-03T08:00"],
    why: "several hours follow the wall: an hour that is shown twice has two fires",
  },
  {
    text: "15 2 * * *",
    zone: "Australia/Lord_Howe",
    after: "2024-10-05T12:00Z",
    croner: ["2024-10-05T15:30", "2024-10-06T15:15"],
    cronParser: ["2024-10-06T15:15", "2024-10-07T15:15"],
    ours: ["2024-10-05T15:45", "2024-10-06T15:15"],
    why: "half an hour is no other case than a whole one",
  },
  {
    text: "0 0 */1 * 1",
    after: "2024-01-01T00:00Z",
    croner: ["2024-01-02T00:00", "2024-01-03T00:00"],
    cronParser: ["2024-01-02T00:00", "2024-01-03T00:00"],
    ours: ["2024-01-08T00:00", "2024-01-15T00:00"],
    why: "a star with a step of 1 is a star, as for cron itself and for Kubernetes",
  },
  {
    text: "0 0 L-3 * *",
    after: "2024-01-01T00:00Z",
    croner: "refused",
    cronParser: "refused",
    ours: ["2024-01-28T00:00", "2024-02-26T00:00"],
    why: "days before the last one are asked for: the accounts are closed then",
  },
  {
    text: "0 0 15W * *",
    after: "2024-01-01T00:00Z",
    croner: ["2024-01-15T00:00", "2024-02-15T00:00"],
    cronParser: "refused",
    ours: "refused",
    why: "the nearest working day knows no holidays; exclude does",
  },
  {
    text: "*/90 * * * *",
    after: "2024-01-01T00:00Z",
    croner: "refused",
    cronParser: ["2024-01-01T01:00", "2024-01-01T02:00"],
    ours: "refused",
    why: "it does not mean each 90 minutes, and who writes it thinks that it does",
  },
  {
    text: "0 */24 * * *",
    after: "2024-01-01T00:00Z",
    croner: ["2024-01-02T00:00", "2024-01-03T00:00"],
    cronParser: ["2024-01-02T00:00", "2024-01-03T00:00"],
    ours: "refused",
    why: "the same; it is told to write 0",
  },
  {
    text: "5/20 * * * *",
    after: "2024-01-01T00:00Z",
    croner: "refused",
    cronParser: ["2024-01-01T00:05", "2024-01-01T00:25"],
    ours: ["2024-01-01T00:05", "2024-01-01T00:25"],
    why: "from 5 on by 20 is what Quartz and Kubernetes read, and can be meant in no other way",
  },
  {
    text: "0 0 * * sat-sun",
    after: "2024-01-01T00:00Z",
    croner: ["2024-01-06T00:00", "2024-01-07T00:00"],
    cronParser: "refused",
    ours: ["2024-01-06T00:00", "2024-01-07T00:00"],
    why: "the week-end ends with a Sunday",
  },
  {
    text: "0 0 31 2 *",
    after: "2024-01-01T00:00Z",
    croner: [],
    cronParser: "refused",
    ours: "refused",
    why: "what never fires is a slip",
  },
  {
    text: "* * * *",
    after: "2024-01-01T00:00Z",
    croner: "refused",
    cronParser: ["2024-01-01T00:01", "2024-01-01T00:02"],
    ours: "refused",
    why: "which field is missing cannot be known",
  },
];

test.each(DIFFERENCES)("$text ($why)", ({ text, zone = "UTC", after, ...expected }) => {
  const count = (list: readonly string[] | "refused") => (list === "refused" ? 2 : list.length);
  const short = (list: readonly string[] | "refused") => (list === "refused" ? list : list.map((each) => each.slice(0, 16)));
  const asked = { text, zone, after: Date.parse(after) };
  expect(short(croner({ ...asked, count: Math.max(1, count(expected.croner)) }))).toEqual(expected.croner);
  expect(short(cronParser({ ...asked, count: count(expected.cronParser) }))).toEqual(expected.cronParser);
  expect(short(ours({ ...asked, count: count(expected.ours) }))).toEqual(expected.ours);
});
