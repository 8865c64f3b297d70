/** Schedules, cursors and occurrences: the tables, and the statements that both drivers run. Each uses its values in order, each once. */
import type { Occurrence, Schedule, ScheduleCursor, Settlement } from "@windlass/kernel";
import type { DuePlace, OccurrenceFilter, ScheduleFilter, ScheduleView } from "@windlass/ports";
import type { Placeholder, Query } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const schedulesTable = tableOf<Schedule>("schedules", {
  id: "text",
  workspace: "text",
  name: "text",
  timing: "json",
  overlap: "json",
  catchUp: "json",
  template: "json",
  input: "json",
  labels: "json",
  paused: "flag",
  pausedBy: "text",
  pausedAt: "integer",
  pausedReason: "text",
  source: "text",
  createdBy: "text",
  createdAt: "integer",
  changedBy: "text",
  changedAt: "integer",
  revision: "integer",
  mayCommand: "flag",
});

export const cursorsTable = tableOf<ScheduleCursor>("schedule_cursors", {
  scheduleId: "text",
  at: "integer",
  nextAt: "integer",
  running: "json",
  waiting: "json",
  failing: "json",
  wakes: "integer",
  revision: "integer",
});

export const occurrencesTable = tableOf<Occurrence>("occurrences", {
  scheduleId: "text",
  nominalAt: "integer",
  run: "text",
  workspace: "text",
  lastAt: "integer",
  count: "integer",
  origin: "text",
  dueAt: "integer",
  decision: "text",
  reason: "text",
  message: "text",
  jobId: "text",
  behind: "text",
  intoAt: "integer",
  decidedAt: "integer",
  settledAt: "integer",
});

/** Before all that are due. */
export const DUE_START: DuePlace = { nextAt: -Number.MAX_SAFE_INTEGER, scheduleId: "" };

const VIEW = `SELECT ${schedulesTable.list("s.")}, ${cursorsTable.list("c.")} FROM`;
const CURSOR_FROM = schedulesTable.columns.length;
const RUNNING_AT = CURSOR_FROM + cursorsTable.columns.findIndex(({ key }) => key === "running");

export function decodeSchedule(row: readonly SqlValue[]): ScheduleView {
  return { schedule: schedulesTable.decodeShared(row), cursor: cursorsTable.decode(row, CURSOR_FROM) };
}

/** The jobs that the cursor of such a row names. */
export function runningIn(row: readonly SqlValue[]): readonly string[] {
  const text = row[RUNNING_AT];
  return text === "[]" ? [] : (JSON.parse(text as string) as ScheduleCursor["running"]).map(({ jobId }) => jobId);
}

/** What never changes of a schedule that is there, and so is not written again. */
const FIXED: readonly string[] = ["id", "workspace", "name", "createdBy", "createdAt"];
const changing = schedulesTable.columns.filter(({ key }) => !FIXED.includes(key));

/** The columns of a cursor that a decision writes. */
export const MOVING: readonly string[] = ["at", "next_at", "running", "waiting", "failing", "revision"];

/** What a decision is compared with: few values, so that storing many decisions reads little. */
export type CursorMark = Pick<ScheduleCursor, "revision" | "wakes">;
export const MARKS = "SELECT schedule_id, revision, wakes FROM schedule_cursors";

export function decodeMarks(rows: readonly (readonly SqlValue[])[]): Map<string, CursorMark> {
  return new Map(rows.map(([id, revision, wakes]) => [id as string, { revision: revision as number, wakes: wakes as number }]));
}

export function scheduleStatements(placeholder: Placeholder) {
  const p = placeholder;
  const values = (count: number): string => Array.from({ length: count }, (_, i) => p(i + 1)).join(", ");
  return {
    get: `${VIEW} schedules s JOIN schedule_cursors c ON c.schedule_id = s.id WHERE s.workspace = ${p(1)} AND s.name = ${p(2)}`,
    // PostgreSQL that knew the limit, and thought that about as many are due, would sort all that are due for each page.
    due: `${VIEW} schedule_cursors c JOIN schedules s ON s.id = c.schedule_id WHERE c.next_at <= ${p(1)} AND (c.next_at, c.schedule_id) > (${p(2)}, ${p(3)}) ORDER BY c.next_at, c.schedule_id LIMIT (SELECT CAST(${p(4)} AS bigint))`,
    nextDue: "SELECT next_at FROM schedule_cursors WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1",
    add: `INSERT INTO schedules (${schedulesTable.list()}) VALUES (${values(schedulesTable.columns.length)}) ON CONFLICT DO NOTHING`,
    change: `UPDATE schedules SET ${changing.map(({ name }, i) => `${name} = ${p(i + 1)}`).join(", ")} WHERE id = ${p(changing.length + 1)}`,
    remove: `DELETE FROM schedules WHERE id = ${p(1)}`,
    removeCursor: `DELETE FROM schedule_cursors WHERE schedule_id = ${p(1)}`,
    addCursor: `INSERT INTO schedule_cursors (${cursorsTable.list()}) VALUES (${values(cursorsTable.columns.length)})`,
    cursor: `SELECT ${cursorsTable.list()} FROM schedule_cursors WHERE schedule_id = ${p(1)}`,
    wakeCursor: `UPDATE schedule_cursors SET wakes = wakes + ${p(1)}, next_at = ${p(2)} WHERE schedule_id = ${p(3)}`,
    settle: `UPDATE occurrences SET decision = ${p(1)}, reason = ${p(2)}, message = ${p(3)}, job_id = ${p(4)}, into_at = ${p(5)}, settled_at = ${p(6)}
      WHERE schedule_id = ${p(7)} AND nominal_at = ${p(8)} AND run = '' AND decision IN ('postponed', 'queued')`,
    takeBack: `DELETE FROM occurrences WHERE schedule_id = ${p(1)} AND nominal_at >= ${p(2)} AND run = ''`,
    prune: `DELETE FROM occurrences WHERE (schedule_id, nominal_at, run) IN (SELECT schedule_id, nominal_at, run FROM occurrences
      WHERE decided_at < ${p(1)} AND decision NOT IN ('postponed', 'queued') ORDER BY decided_at LIMIT ${p(2)})`,
  } as const;
}

/** The values of `change`. */
export function scheduleValues(schedule: Schedule): SqlValue[] {
  const encoded = schedulesTable.encode(schedule);
  return [...schedulesTable.columns.flatMap(({ key }, i) => (FIXED.includes(key) ? [] : [encoded[i] ?? null])), schedule.id];
}

/** The values of `MOVING`, and whose they are. */
export function cursorValues({ at, nextAt, running, waiting, failing, revision, scheduleId }: ScheduleCursor): SqlValue[] {
  return [
    at,
    nextAt,
    JSON.stringify(running),
    JSON.stringify(waiting),
    failing === null ? null : JSON.stringify(failing),
    revision,
    scheduleId,
  ];
}

/** The values of `settle`. */
export function settleValues(scheduleId: string, settlement: Settlement): SqlValue[] {
  const { decision, reason, message, jobId, intoAt, settledAt, nominalAt } = settlement;
  return [decision, reason, message, jobId, intoAt, settledAt, scheduleId, nominalAt];
}

/** What becomes of one that waits when its schedule is removed. */
export function removedRow(nominalAt: number, settledAt: number): Settlement {
  return { nominalAt, settledAt, decision: "skipped", reason: "removed", message: null, jobId: null, intoAt: null };
}

/** By workspace and name. */
export function scheduleQuery({ workspace, source, after, limit }: ScheduleFilter, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where: string[] = [];
  if (workspace !== null) where.push(`s.workspace = ${value(workspace)}`);
  if (source !== undefined) where.push(`s.source = ${value(source)}`);
  if (after !== undefined) where.push(`(s.workspace, s.name) > (${value(after.workspace)}, ${value(after.name)})`);
  const condition = where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`;
  return {
    sql: `${VIEW} schedules s JOIN schedule_cursors c ON c.schedule_id = s.id${condition} ORDER BY s.workspace, s.name LIMIT ${value(limit)}`,
    values,
  };
}

/** Newest first. */
export function occurrenceQuery(filter: OccurrenceFilter, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const { scheduleId, workspace, decisions, origin, run, since, until, after, limit } = filter;
  const where = [`schedule_id = ${value(scheduleId)}`];
  if (workspace !== undefined) where.push(`workspace = ${value(workspace)}`);
  if (since !== undefined) where.push(`nominal_at >= ${value(since)}`);
  if (until !== undefined) where.push(`nominal_at < ${value(until)}`);
  if (after !== undefined) where.push(`(nominal_at, run) < (${value(after.nominalAt)}, ${value(after.run)})`);
  if (origin !== undefined) where.push(`origin = ${value(origin)}`);
  if (run !== undefined) where.push(`run = ${value(run)}`);
  if (decisions !== undefined) where.push(decisions.length === 0 ? "1 = 0" : `decision IN (${decisions.map(value).join(", ")})`);
  const sql = `SELECT ${occurrencesTable.list()} FROM occurrences WHERE ${where.join(" AND ")} ORDER BY nominal_at DESC, run DESC LIMIT ${value(limit)}`;
  return { sql, values };
}
