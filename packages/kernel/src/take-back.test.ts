import { expect, test } from "vitest";
import { plainTimes as fire } from "./fire-times-fixture.ts";
import { occurrenceOf } from "./decide-occurrences.ts";
import { MINUTE, scheduleOf } from "./ledger-fixture.ts";
import type { Occurrence } from "./occurrence.ts";
import { DEFAULT_CATCH_UP, type ScheduleCursor } from "./schedule-record.ts";
import { takeBack, takenBackFrom } from "./take-back.ts";

const schedule = scheduleOf({ policy: "allow", limit: 9 }, DEFAULT_CATCH_UP);
const DAY = 24 * 60 * MINUTE;

function cursorOf(given: Partial<ScheduleCursor>): ScheduleCursor {
  return { scheduleId: "sch_1", at: 0, nextAt: null, running: [], waiting: [], failing: null, wakes: 0, revision: 1, ...given };
}

function row(from: number, to: number, reason: Occurrence["reason"]): Occurrence {
  const one = occurrenceOf(schedule, { nominalAt: from, dueAt: from, decision: "missed", reason }, 0);
  return { ...one, lastAt: to, count: (to - from) / MINUTE + 1 };
}

test("jobs that were made ahead are taken back from the first that cannot have begun", () => {
  const running = [
    { jobId: "a", nominalAt: MINUTE },
    { jobId: "b", nominalAt: 2 * MINUTE, notBefore: 2 * MINUTE },
    { jobId: "c", nominalAt: 3 * MINUTE, notBefore: 3 * MINUTE },
    { jobId: "d", nominalAt: 4 * MINUTE, notBefore: 4 * MINUTE },
  ];
  const cursor = cursorOf({ at: 4 * MINUTE, running });
  const now = 2 * MINUTE - 500;
  const from = takenBackFrom(cursor, now) ?? 0;
  expect(from).toBe(3 * MINUTE);
  const dispatch = takeBack({ schedule, cursor, from, rows: [row(2 * MINUTE, 2 * MINUTE, "due")], fire }, now);
  expect(dispatch.cursor).toMatchObject({ at: 2 * MINUTE, nextAt: now, running: running.slice(0, 2) });
  expect([dispatch.takenBack, dispatch.added]).toEqual([from, []]);
  expect(dispatch.changes.map((change) => (change.type === "stop" ? change.id : ""))).toEqual(["c", "d"]);
  expect(takenBackFrom(cursor, 4 * MINUTE)).toBeNull();
});

test("a cursor that a clock has moved far ahead comes back to now, and what reaches over it is cut there", () => {
  const now = 10 * MINUTE;
  const cursor = cursorOf({ at: now + 2 * DAY, waiting: [{ nominalAt: now + DAY, dueAt: now + DAY, isLate: false }] });
  const from = takenBackFrom(cursor, now) ?? 0;
  expect(from).toBe(now + 1);
  const rows = [row(9 * MINUTE, now + DAY, "outside_window"), row(8 * MINUTE, 8 * MINUTE, "due")];
  const dispatch = takeBack({ schedule, cursor, from, rows, fire }, now);
  expect(dispatch).toMatchObject({ takenBack: 9 * MINUTE, cursor: { at: now, nextAt: now, waiting: [] } });
  expect(dispatch.added).toMatchObject([{ nominalAt: 9 * MINUTE, lastAt: now, count: 2 }]);
  expect(takenBackFrom(cursorOf({ at: now + DAY / 2 }), now), "another server may be ahead a little").toBeNull();
});

test("of what a row leaves out by `exclude` as much is kept as came, and what lies beside it stays", () => {
  const excluding = scheduleOf({ policy: "allow", limit: 9 }, DEFAULT_CATCH_UP, [String(2 * MINUTE)]);
  const now = 5 * MINUTE;
  const rows = [row(3 * MINUTE, 3 * MINUTE, "due"), row(2 * MINUTE, now + 2 * DAY, "excluded")];
  const dispatch = takeBack({ schedule: excluding, cursor: cursorOf({ at: now + 2 * DAY }), from: now + 1, rows, fire }, now);
  expect(dispatch.takenBack).toBe(2 * MINUTE);
  expect(dispatch.added).toMatchObject([
    { nominalAt: 2 * MINUTE, lastAt: 4 * MINUTE, count: 2 },
    { nominalAt: 3 * MINUTE, count: 1 },
  ]);
});
