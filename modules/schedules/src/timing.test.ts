import { describe, expect, test } from "vitest";
import { previewFires } from "./preview.ts";
import { HOUR_MS, MINUTE_MS, timingOf } from "./timing-fixture.ts";
import { countFires, delayOf, firesBetween, nextFire } from "./timing.ts";

const at = (text: string) => Date.parse(text);
const list = (timing: Parameters<typeof firesBetween>[0], from: string, to: string) =>
  firesBetween(timing, { after: at(from) - 1, until: at(to), limit: 100 }).times.map((each) => new Date(each).toISOString().slice(0, 16));
const newYork = (...cron: string[]) => timingOf({ cron, timezone: "America/New_York" });

describe("changes of the clocks", () => {
  test("9:00 in New York is 14:00 UTC in January", () => {
    expect(list(newYork("0 9 * * *"), "2024-01-15T00:00Z", "2024-01-15T23:59Z")).toEqual(["2024-01-15T14:00"]);
  });

  test("a daily time that does not exist comes at the instant at which it would have, once", () => {
    expect(list(newYork("30 2 * * *"), "2024-03-10T05:00Z", "2024-03-11T03:00Z")).toEqual(["2024-03-10T07:30"]);
    expect(list(newYork("30 2 * * *", "30 3 * * *"), "2024-03-10T05:00Z", "2024-03-11T03:00Z")).toEqual(["2024-03-10T07:30"]);
  });

  test("a daily time that exists twice comes the first time", () => {
    expect(list(newYork("30 1 * * *"), "2024-11-03T04:00Z", "2024-11-04T04:00Z")).toEqual(["2024-11-03T05:30"]);
  });

  test("an hourly expression comes in each real hour", () => {
    expect(list(newYork("0 * * * *"), "2024-11-03T04:00Z", "2024-11-03T08:00Z")).toHaveLength(5);
    expect(list(newYork("30 * * * *"), "2024-03-10T05:00Z", "2024-03-10T08:59Z")).toEqual(
      ["05:30", "06:30", "07:30", "08:30"].map((time) => `2024-03-10T${time}`),
    );
  });

  test("half an hour of Lord Howe, and a day that Apia never had", () => {
    const lordHowe = timingOf({ cron: ["15 2 * * *"], timezone: "Australia/Lord_Howe" });
    expect(list(lordHowe, "2024-10-05T12:00Z", "2024-10-06T12:00Z")).toEqual(["2024-10-05T15:45"]);
    expect(
      list(timingOf({ cron: ["0,15,30,45 2 * * *"], timezone: "Australia/Lord_Howe" }), "2024-10-05T12:00Z", "2024-10-06T12:00Z"),
    ).toHaveLength(2);
    const apia = timingOf({ cron: ["0 9 * * *"], timezone: "Pacific/Apia" });
    expect(list(apia, "2011-12-29T00:00Z", "2011-12-31T23:00Z")).toEqual(["2011-12-29T19:00", "2011-12-30T19:00", "2011-12-31T19:00"]);
    expect(list(timingOf({ cron: ["0 9 * * *"], timezone: "Asia/Kathmandu" }), "2024-01-01T00:00Z", "2024-01-01T23:00Z")).toEqual([
      "2024-01-01T03:15",
    ]);
  });
});

describe("intervals", () => {
  test("the k-th fire is at anchor + k × interval, exactly, for intervals that divide no hour and over changes of the clocks", () => {
    for (const minutes of [25, 90, 7, 1441]) {
      const timing = timingOf({ everyMs: minutes * MINUTE_MS, anchor: at("2024-03-01T00:07Z"), timezone: "America/New_York" });
      let now = timing.anchor - 1;
      for (let k = 0; k < 1000; k++) {
        now = nextFire(timing, now) ?? NaN;
        expect(now).toBe(timing.anchor + k * minutes * MINUTE_MS);
      }
    }
  });

  test("what is left out is left out of intervals, too, and counted so", () => {
    const timing = timingOf({ everyMs: 25 * MINUTE_MS, exclude: ["2024-01-02", "* 0-11 * * *"] });
    const span = { after: at("2024-01-01T00:00Z") - 1, until: at("2024-01-04T00:00Z") };
    const { times } = firesBetween(timing, { ...span, limit: 1000 });
    expect(times.length).toBe(countFires(timing, span));
    expect(times.every((time) => new Date(time).getUTCHours() >= 12 && new Date(time).getUTCDate() !== 2)).toBe(true);
    expect(times.length).toBeGreaterThan(50);
  });

  test("an interval that only meets what is left out never fires, and that is found out soon", () => {
    expect(nextFire(timingOf({ everyMs: 2000, exclude: ["*/2 * * * * *"] }), 0)).toBeNull();
    expect(nextFire(timingOf({ everyMs: HOUR_MS, exclude: ["* * * * *"] }), 0)).toBeNull();
    expect(nextFire(timingOf({ cron: ["* * * * * *"], exclude: ["* * * * *"] }), 0)).toBeNull();
  });
});

describe("limits of a timing", () => {
  test("it may fire at its start and not at its end", () => {
    const timing = timingOf({ cron: ["0 * * * *"], startsAt: at("2024-01-01T02:00Z"), endsAt: at("2024-01-01T04:00Z") });
    expect(list(timing, "2024-01-01T00:00Z", "2024-01-02T00:00Z")).toEqual(["2024-01-01T02:00", "2024-01-01T03:00"]);
    expect(countFires(timing, { after: 0, until: at("2025-01-01T00:00Z") })).toBe(2);
    expect(nextFire(timing, at("2024-01-01T03:00Z"))).toBeNull();
    expect(nextFire(timing, 0)).toBe(timing.startsAt);
  });

  test("a limit cuts, and says so", () => {
    const timing = timingOf({ cron: ["* * * * *"] });
    expect(firesBetween(timing, { after: 0, until: 3 * MINUTE_MS, limit: 2 })).toEqual({ times: [MINUTE_MS, 2 * MINUTE_MS], isCut: true });
    expect(firesBetween(timing, { after: 0, until: 3 * MINUTE_MS, limit: 3 })).toEqual({
      times: [1, 2, 3].map((k) => k * MINUTE_MS),
      isCut: false,
    });
    expect(firesBetween(timing, { after: 0, until: 3 * MINUTE_MS, limit: 0 })).toEqual({ times: [], isCut: true });
    expect(firesBetween(timing, { after: 5, until: 5, limit: 3 })).toEqual({ times: [], isCut: false });
  });

  test("each second of a month is counted without being listed", () => {
    const timing = timingOf({ cron: ["* * * * * *", "*/2 * * * * *"], timezone: "Europe/Zurich" });
    expect(countFires(timing, { after: at("2024-03-01T00:00Z"), until: at("2024-03-31T00:00Z") })).toBe(30 * 86_400);
    // On the day on which the clocks are changed, an hour less is shown and not an hour less passes.
    expect(countFires(timing, { after: at("2024-03-31T00:00Z"), until: at("2024-04-01T00:00Z") })).toBe(86_400);
  });

  test("29 February is found over a century without a leap year, and on one day of the week", () => {
    expect(nextFire(timingOf({ cron: ["0 0 29 2 *"] }), at("2096-03-01T00:00Z"))).toBe(at("2104-02-29T00:00Z"));
    const sundays = timingOf({ cron: ["0 0 29 2 *"], exclude: ["* * * * 1-6"] });
    expect(nextFire(sundays, at("2088-03-01T00:00Z"))).toBe(at("2128-02-29T00:00Z"));
  });
});

test("the same fire of the same schedule is always delayed alike, within the jitter, and others differently", () => {
  const timing = timingOf({ cron: ["* * * * *"], jitterMs: 10_000 });
  const delays = Array.from({ length: 1000 }, (_, k) => delayOf(timing, "sch_1", k * MINUTE_MS));
  expect(delays).toEqual(Array.from({ length: 1000 }, (_, k) => delayOf(timing, "sch_1", k * MINUTE_MS)));
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...delays)).toBeLessThanOrEqual(10_000);
  const tenths = Array.from({ length: 10 }, (_, tenth) => delays.filter((delay) => Math.floor(delay / 1000.2) === tenth).length);
  expect(Math.min(...tenths)).toBeGreaterThan(60);
  expect(delayOf(timing, "sch_2", 0)).not.toBe(delayOf(timing, "sch_1", 0));
  expect(delayOf({ ...timing, jitterMs: 0 }, "sch_1", 0)).toBe(0);
});

test("a preview shows the wall of the schedule's zone and of the viewer's", () => {
  expect(previewFires(newYork("30 2 * * *"), { after: at("2024-03-09T12:00Z"), count: 2, viewerZone: "Asia/Kathmandu" })).toEqual([
    { at: at("2024-03-10T07:30Z"), local: "2024-03-10T03:30:00-04:00", viewed: "2024-03-10T13:15:00+05:45" },
    { at: at("2024-03-11T06:30Z"), local: "2024-03-11T02:30:00-04:00", viewed: "2024-03-11T12:15:00+05:45" },
  ]);
});

test("what was stored and is wrong all the same is told, and harms nobody else", () => {
  expect(() => nextFire(timingOf({ cron: ["61 * * * *"] }), 0)).toThrow("minute (character 1): 61 is outside of 0 to 59");
  expect(() => nextFire(timingOf({ cron: ["* * * * *"], timezone: "Mars/Olympus" }), 0)).toThrow("Mars/Olympus");
  expect(() => nextFire(timingOf({}), 0)).toThrow("expressions");
});
