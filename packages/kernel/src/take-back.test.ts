import { expect, test } from "vitest";
import { plainTimes as fire } from "./fire-times-fixture.ts";
import { occurrenceOf } from "./decide-occurrences.ts";
import { MINUTE, scheduleOf } from "./ledger-fixture.ts";
import type { Occurrence } from "./occurrence.ts";
import { DEFAULT_CATCH_UP, decidedBehind, isStillRight, type OpenRun, type ScheduleCursor } from "./schedule-record.ts";
import { takeBack, takenBackFrom } from "./take-back.ts";

const schedule = scheduleOf({ policy: "allow", limit: 9 }, DEFAULT_CATCH_UP);
const DAY = 24 * 60 * MINUTE;

function cursorOf(given: Partial<ScheduleCursor>): ScheduleCursor {
  return { scheduleId: "sch_1", at: 0, nextAt: null, running: [], waiting: [], failing: null, wakes: 0, revision: 1, ...given };
}

function row(from: number, to: number, reason: Occurrence["reason"]): Occurrence {
  const one = occurrenceOf(schedule, { nominalAt: from, dueAt: from, decision: reason === "paused" ? "skipped" : "missed", reason }, 0);
  return { ...one, lastAt: to, count: (to - from) / MINUTE + 1 };
}

const ofJob = (jobId: string, nominalAt: number): Occurrence => ({ ...row(nominalAt, nominalAt, "due"), decision: "fired", jobId });
const made = (jobId: string, minute: number): OpenRun => ({ jobId, nominalAt: minute * MINUTE, notBefore: minute * MINUTE });

test("jobs that were made ahead are taken back, but for those that may have begun: their times keep their rows", () => {
  const running = [{ jobId: "a", nominalAt: MINUTE }, made("b", 2), made("c", 3), made("d", 4)];
  const cursor = cursorOf({ at: 4 * MINUTE, running });
  const alive = ["a", "b", "c", "d"];
  const now = 2 * MINUTE - 500;
  const from = takenBackFrom({ cursor, alive }, now) ?? 0;
  expect(from).toBe(now + 1);
  const rows = [row(MINUTE, MINUTE, "due")];
  const begun = ofJob("b", 2 * MINUTE);
  const given = { schedule, cursor, alive, from, rows, made: [ofJob("d", 4 * MINUTE), ofJob("c", 3 * MINUTE), begun], fire };
  const dispatch = takeBack(given, now);
  expect(dispatch.cursor).toMatchObject({ at: now, nextAt: now, running: running.slice(0, 2) });
  expect([dispatch.takenBack, dispatch.added]).toEqual([from, [begun]]);
  expect([...decidedBehind(dispatch.cursor)]).toEqual([2 * MINUTE]);
  expect(dispatch.changes.map((change) => (change.type === "stop" ? change.id : ""))).toEqual(["c", "d"]);
  expect(takenBackFrom({ cursor, alive }, 4 * MINUTE)).toBeNull();
});

test("what was decided ahead without a job is taken back as well, and what somebody has cancelled stays", () => {
  const now = MINUTE;
  const cursor = cursorOf({ at: 4 * MINUTE, running: [made("cancelled", 3)] });
  expect(takenBackFrom({ cursor, alive: [] }, now)).toBe(now + 1);
  // The cursor has forgotten one that was cancelled before the last decision; its row has not.
  const kept = [ofJob("cancelled", 3 * MINUTE), ofJob("forgotten", 2 * MINUTE)];
  const dispatch = takeBack({ schedule, cursor, alive: [], from: now + 1, rows: [], made: kept, fire }, now);
  expect(dispatch).toMatchObject({ takenBack: now + 1, added: kept, changes: [], cursor: { at: now } });
  expect(dispatch.cursor.running).toEqual([made("cancelled", 3), { jobId: "forgotten", nominalAt: 2 * MINUTE }]);
  expect(takenBackFrom({ cursor: { ...cursor, ...dispatch.cursor }, alive: [] }, now), "once").toBeNull();
});

test("times that wait for their jitter are taken back with their jobs, though they have come", () => {
  const cursor = cursorOf({ at: 2 * MINUTE, running: [{ jobId: "a", nominalAt: MINUTE, notBefore: 5 * MINUTE }] });
  expect(takenBackFrom({ cursor, alive: ["a"] }, 3 * MINUTE)).toBe(MINUTE);
});

test("a cursor that a clock has moved far ahead comes back to now, and what reaches over it is cut there", () => {
  const now = 10 * MINUTE;
  const cursor = cursorOf({ at: now + 2 * DAY, waiting: [{ nominalAt: now + DAY, dueAt: now + DAY, isLate: false }] });
  const from = takenBackFrom({ cursor, alive: [] }, now) ?? 0;
  expect(from).toBe(now + 1);
  const rows = [row(9 * MINUTE, now + DAY, "outside_window"), row(8 * MINUTE, 8 * MINUTE, "due")];
  const ran = ofJob("ran", now + DAY + MINUTE);
  const dispatch = takeBack({ schedule, cursor, alive: [], from, rows, made: [ran], fire }, now);
  expect(dispatch).toMatchObject({ takenBack: 9 * MINUTE, cursor: { at: now, nextAt: now, waiting: [] } });
  expect(dispatch.added).toMatchObject([{ nominalAt: 9 * MINUTE, lastAt: now, count: 2 }, { jobId: "ran" }]);
  expect([...decidedBehind(dispatch.cursor)], "what it ran is not run again").toEqual([ran.nominalAt]);
});

test("of what a row leaves out by `exclude` as much is kept as came, and what lies beside it stays", () => {
  const excluding = scheduleOf({ policy: "allow", limit: 9 }, DEFAULT_CATCH_UP, [String(2 * MINUTE)]);
  const now = 5 * MINUTE;
  const cursor = cursorOf({ at: now + 2 * DAY });
  const rows = [row(3 * MINUTE, 3 * MINUTE, "due"), row(2 * MINUTE, now + 2 * DAY, "excluded")];
  const given = { cursor, alive: [], from: now + 1, made: [], fire };
  const dispatch = takeBack({ ...given, schedule: excluding, rows }, now);
  expect(dispatch.takenBack).toBe(2 * MINUTE);
  expect(dispatch.added).toMatchObject([
    { nominalAt: 2 * MINUTE, lastAt: 4 * MINUTE, count: 2 },
    { nominalAt: 3 * MINUTE, count: 1 },
  ]);
  const passed = takeBack({ ...given, schedule: excluding, rows: [row(MINUTE, now + DAY, "paused")] }, now);
  expect(passed.added, "a pause passes over those, too").toMatchObject([{ nominalAt: MINUTE, lastAt: 5 * MINUTE, count: 5 }]);
});

test("what is taken back counts only while no job of the schedule has ended since; other decisions do not mind", () => {
  const decided = { revision: 3, wakes: 1 };
  expect(isStillRight({ ...decided, takenBack: 5 }, { revision: 3, wakes: 1 })).toBe(true);
  expect(isStillRight({ ...decided, takenBack: 5 }, { revision: 3, wakes: 2 })).toBe(false);
  expect(isStillRight(decided, { revision: 3, wakes: 2 })).toBe(true);
  expect([isStillRight(decided, { revision: 4, wakes: 1 }), isStillRight(decided, undefined)]).toEqual([false, false]);
});
