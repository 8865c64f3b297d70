import fc from "fast-check";
import { expect, test } from "vitest";
import { DUE_TIMES_MAX, dueTimes, ON_TIME_MS, spanOf } from "./due-times.ts";
import { plainTimes as fire, plainTiming } from "./fire-times-fixture.ts";
import { DEFAULT_CATCH_UP, type Schedule } from "./schedule-record.ts";

const MINUTE = 60_000;
type Asked = Pick<Schedule, "id" | "timing" | "catchUp">;
const asked = (timing: Partial<typeof plainTiming> = {}, catchUp: Partial<typeof DEFAULT_CATCH_UP> = {}): Asked => ({
  id: "sch_1",
  timing: { ...plainTiming, ...timing },
  catchUp: { ...DEFAULT_CATCH_UP, ...catchUp },
});

test("a time is due when it has come, and once", () => {
  const schedule = asked();
  expect(dueTimes(schedule, { at: 0, now: MINUTE - 1, fire })).toMatchObject({ times: [], past: null, upTo: 0, nextAt: MINUTE });
  expect(dueTimes(schedule, { at: 0, now: MINUTE, fire })).toMatchObject({
    times: [{ nominalAt: MINUTE, dueAt: MINUTE }],
    upTo: MINUTE,
    nextAt: 2 * MINUTE,
  });
  expect(dueTimes(schedule, { at: MINUTE, now: MINUTE + 40_000, fire })).toMatchObject({ times: [], upTo: MINUTE, nextAt: 2 * MINUTE });
});

test("a clock that was put back asks for nothing again", () => {
  expect(dueTimes(asked(), { at: 10 * MINUTE, now: 3 * MINUTE, fire })).toMatchObject({
    times: [],
    upTo: 10 * MINUTE,
    nextAt: 11 * MINUTE,
  });
});

test("each second of a month is one span and a short list", () => {
  const month = 31 * 24 * 60 * MINUTE;
  const counted = {
    ...fire,
    countFires: (_: unknown, { after, until }: { after: number; until: number }) => Math.floor(until / 1000) - Math.floor(after / 1000),
  };
  const next = (timing: unknown, after: number): number => (Math.floor(after / 1000) + 1) * 1000;
  const quick = { ...counted, nextFire: next };
  const due = dueTimes(asked({ everyMs: 1000 }, { policy: "latest", windowMs: 20 * MINUTE }), { at: 0, now: month, fire: quick });
  expect(due.times).toHaveLength(DUE_TIMES_MAX);
  expect(due.past).toEqual({ from: 1000, to: month - DUE_TIMES_MAX * 1000, count: month / 1000 - DUE_TIMES_MAX });
});

test("what waits for a jitter that spans more times than are listed is not given up as missed", () => {
  const hour = 60 * MINUTE;
  const schedule = asked({ everyMs: 1000, jitterMs: hour }, { windowMs: 0 });
  const delayOf = (): number => hour;
  const due = dueTimes(schedule, { at: 0, now: hour - 1, fire: { ...fire, delayOf } });
  expect(due).toMatchObject({ past: null, times: [], upTo: 0, nextAt: 1000 + hour });
  const later = dueTimes(schedule, { at: 0, now: hour + 5_000, fire: { ...fire, delayOf } });
  expect(later).toMatchObject({ past: null, upTo: 5_000 });
  expect(later.times.map(({ nominalAt }) => nominalAt)).toEqual([1000, 2000, 3000, 4000, 5000]);
});

test("every time behind the cursor is listed or in a span, in order, none before it is due", () => {
  fc.assert(
    fc.property(
      fc.record({
        every: fc.integer({ min: 1, max: 200 }).map((n) => n * 1000),
        jitterMs: fc.constantFrom(0, 500, 30_000, 200_000),
        exclude: fc.constantFrom([], ["3000"], ["60000", "7000"], ["1000"]),
        policy: fc.constantFrom("none", "latest", "all"),
        windowMs: fc.integer({ min: 0, max: 20 }).map((n) => n * MINUTE),
        at: fc.integer({ min: 0, max: 5_000_000 }),
        passed: fc.integer({ min: -100_000, max: 5_000_000 }),
      }),
      ({ every, jitterMs, exclude, policy, windowMs, at, passed }) => {
        const schedule = asked({ everyMs: every, jitterMs, exclude }, { policy: policy as "none", windowMs });
        const now = at + passed;
        const due = dueTimes(schedule, { at, now, fire });
        const all = fire.firesBetween({ ...schedule.timing, exclude: [] }, { after: at, until: due.upTo, limit: 1e9 }).times;
        expect(all).toHaveLength((due.past?.count ?? 0) + (due.pastExcluded?.count ?? 0) + due.times.length);
        expect(all.slice(all.length - due.times.length)).toEqual(due.times.map(({ nominalAt }) => nominalAt));
        const first = due.times[0]?.nominalAt ?? due.upTo + 1;
        for (const span of [due.past, due.pastExcluded])
          if (span !== null) {
            expect([all.includes(span.from), all.includes(span.to)]).toEqual([true, true]);
            expect(span.from > at && span.from <= span.to && span.to < first && now - span.to >= ON_TIME_MS).toBe(true);
          }
        expect(due.past === null || due.past.from !== due.pastExcluded?.from).toBe(true);
        for (const [i, time] of due.times.entries()) {
          expect(time.dueAt >= time.nominalAt && time.dueAt <= now && time.dueAt >= (due.times[i - 1]?.dueAt ?? 0)).toBe(true);
          expect(time.isExcluded).toBe(exclude.some((text) => time.nominalAt % Number(text) === 0));
        }
        expect(due.upTo >= at && (due.nextAt === null || due.nextAt > now || at > now)).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test("a span has its first and last time, and how many there are", () => {
  expect(spanOf(plainTiming, { after: MINUTE, until: 5 * MINUTE + 1, fire })).toEqual({ from: 2 * MINUTE, to: 5 * MINUTE, count: 4 });
  expect(spanOf(plainTiming, { after: MINUTE, until: MINUTE + 5, fire })).toBeNull();
});
