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
  expect(dueTimes(schedule, { at: 0, now: MINUTE - 1, fire })).toMatchObject({ times: [], past: [], upTo: 0, nextAt: MINUTE });
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
  expect(due.past).toEqual([{ from: 1000, to: month - DUE_TIMES_MAX * 1000, count: month / 1000 - DUE_TIMES_MAX }]);
});

test("what waits for a jitter that spans more times than are listed is not given up as missed", () => {
  const hour = 60 * MINUTE;
  const schedule = asked({ everyMs: 1000, jitterMs: hour }, { windowMs: 0 });
  const delayOf = (): number => hour;
  const due = dueTimes(schedule, { at: 0, now: hour - 1, fire: { ...fire, delayOf } });
  expect(due).toMatchObject({ past: [], times: [], upTo: 0, nextAt: 1000 + hour });
  const later = dueTimes(schedule, { at: 0, now: hour + 5_000, fire: { ...fire, delayOf } });
  expect(later).toMatchObject({ past: [], upTo: 5_000 });
  expect(later.times.map(({ nominalAt }) => nominalAt)).toEqual([1000, 2000, 3000, 4000, 5000]);
});

test("every time behind the cursor is listed or in a span, or has its row, in order, none before it is due", () => {
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
        rows: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
      }),
      ({ every, jitterMs, exclude, policy, windowMs, at, passed, rows }) => {
        const schedule = asked({ everyMs: every, jitterMs, exclude }, { policy: policy as "none", windowMs });
        const now = at + passed;
        const decided = new Set(rows.map((n) => (Math.floor(at / every) + n) * every));
        const due = dueTimes(schedule, { at, now, fire, decided });
        const all = fire.firesBetween({ ...schedule.timing, exclude: [] }, { after: at, until: due.upTo, limit: 1e9 }).times;
        const first = due.times[0]?.nominalAt ?? due.upTo + 1;
        const spans = [...due.past, ...due.pastExcluded];
        const rest = all.filter((time) => time < first && decided.has(time)).length;
        expect(all).toHaveLength(spans.reduce((sum, { count }) => sum + count, rest) + due.times.length);
        expect(all.slice(all.length - due.times.length)).toEqual(due.times.map(({ nominalAt }) => nominalAt));
        for (const span of spans) {
          expect([all.includes(span.from), all.includes(span.to)]).toEqual([true, true]);
          expect(span.from > at && span.from <= span.to && span.to < first && now - span.to >= ON_TIME_MS).toBe(true);
          expect([...decided].filter((time) => span.from <= time && time <= span.to)).toEqual([]);
        }
        expect(new Set(spans.map((span) => span.from)).size).toBe(spans.length);
        for (const [i, time] of due.times.entries()) {
          expect(time.dueAt >= time.nominalAt && time.dueAt <= now && time.dueAt >= (due.times[i - 1]?.dueAt ?? 0)).toBe(true);
          expect(time.isDecided).toBe(decided.has(time.nominalAt));
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
