/** `ScheduleStore` on SQLite. The caller holds the write transaction, so nothing needs a lock. */
import {
  cursorAfter,
  demandRevision,
  isStillRight,
  noTally,
  replacementsNeeded,
  rowsOf,
  type Dispatch,
  type Expected,
  type Occurrence,
  type Schedule,
} from "@windlass/kernel";
import type { Dispatched, DuePlace, DueSchedule, OccurrenceFilter, ScheduleFilter, ScheduleView } from "@windlass/ports";
import {
  cursorsTable,
  decodeMarks,
  decodeSchedule,
  DUE_START,
  MARKS,
  MOVING,
  noSignals,
  occurrenceQuery,
  occurrencesTable,
  removedRow,
  runningIn,
  scheduleQuery,
  schedulesTable,
  scheduleStatements,
  scheduleValues,
  settleValues,
} from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import { commit } from "./commit-jobs.ts";
import type { Database, Row } from "./database.ts";
import { insertMany, rowsOfIds, Target } from "./many-rows.ts";
import { disabledDefinitions } from "./small-stores.ts";

const SQL = scheduleStatements(() => "?");
const OCCURRENCES = new Target(
  "occurrences",
  occurrencesTable.columns.map(({ name }) => name),
);
/** Cursors that are there, all at once: an update of each takes twice as long. */
const MOVED = new Target(
  "schedule_cursors",
  cursorsTable.columns.map(({ name }) => name),
  `ON CONFLICT (schedule_id) DO UPDATE SET ${MOVING.map((name) => `${name} = excluded.${name}`).join(", ")}`,
);

/** Rows for `decodeDue`, which become objects where they are used (J1 of shared-json.ts). */
export function listSchedules(db: Database, filter: ScheduleFilter): DueRows {
  const { sql, values } = scheduleQuery(filter, () => "?");
  return rowsWithAlive(db, db.all(sql, values));
}

export function getSchedule(db: Database, workspace: string, name: string): DueSchedule | null {
  const [view] = found(db, workspace, name);
  return view === undefined
    ? null
    : withAlive(
        view,
        aliveOf(
          db,
          view.cursor.running.map(({ jobId }) => jobId),
        ),
      );
}

/** Rows as they are stored: lists of texts and numbers cross the threads in a fraction of the time that records take, and are read behind. */
export interface DueRows {
  readonly rows: readonly Row[];
  /** Of the jobs that the cursors name those that have not ended. */
  readonly alive: ReadonlySet<string>;
}

export function dueSchedules(
  db: Database,
  now: number,
  { limit, after = DUE_START }: { readonly limit: number; readonly after?: DuePlace },
): DueRows {
  return rowsWithAlive(db, db.all(SQL.due, [now, after.nextAt, after.scheduleId, limit]));
}

export function decodeDue({ rows, alive }: DueRows): readonly DueSchedule[] {
  return rows.map((row) => withAlive(decodeSchedule(row), alive));
}

export function nextDueSchedule(db: Database): number | null {
  return (db.get(SQL.nextDue)?.[0] ?? null) as number | null;
}

function found(db: Database, workspace: string, name: string): ScheduleView[] {
  return db.all(SQL.get, [workspace, name]).map((row) => decodeSchedule(row));
}

function rowsWithAlive(db: Database, rows: readonly Row[]): DueRows {
  return { rows, alive: aliveOf(db, rows.flatMap(runningIn)) };
}

function aliveOf(db: Database, ids: readonly string[]): ReadonlySet<string> {
  return new Set(rowsOfIds(db, "SELECT id FROM jobs_live WHERE id IN", ids).map((row) => row[0] as string));
}

function withAlive(view: ScheduleView, alive: ReadonlySet<string>): DueSchedule {
  return { ...view, alive: view.cursor.running.flatMap(({ jobId }) => (alive.has(jobId) ? [jobId] : [])) };
}

export function putSchedule(
  db: Database,
  given: Omit<Schedule, "revision">,
  { expected, dispatch, now }: { readonly expected: Expected; readonly dispatch: Dispatch; readonly now: number },
): Schedule | null {
  demandWorkspace(db, given.workspace);
  const [before] = found(db, given.workspace, given.name);
  demandRevision(`schedule ${given.name}`, { revision: before?.schedule.revision ?? 0, expected });
  if ((before?.cursor.revision ?? 0) !== dispatch.revision) return null;
  if (before === undefined) {
    const schedule = { ...given, revision: 1 };
    db.run(SQL.add, schedulesTable.encode(schedule));
    db.run(SQL.addCursor, cursorsTable.encode(cursorAfter(null, dispatch, now)));
    return schedule;
  }
  const { id, createdBy, createdAt, revision } = before.schedule;
  const schedule = { ...given, id, createdBy, createdAt, revision: revision + 1 };
  db.run(SQL.change, scheduleValues(schedule));
  dispatchSchedules(db, [{ ...dispatch, scheduleId: id }], now);
  return schedule;
}

export function removeSchedule(
  db: Database,
  {
    workspace,
    name,
    expected,
    cursorRevision,
    now,
  }: {
    readonly workspace: string;
    readonly name: string;
    readonly expected: Expected;
    readonly cursorRevision: number;
    readonly now: number;
  },
): Schedule | null {
  const [before] = found(db, workspace, name);
  demandRevision(`schedule ${name}`, { revision: before?.schedule.revision ?? 0, expected });
  if (before?.cursor.revision !== cursorRevision) return null;
  const { schedule, cursor } = before;
  for (const { nominalAt } of cursor.waiting) db.run(SQL.settle, settleValues(schedule.id, removedRow(nominalAt, now)));
  db.run(SQL.removeCursor, [schedule.id]);
  db.run(SQL.remove, [schedule.id]);
  return schedule;
}

/** Keeps L1 to L3. */
export function dispatchSchedules(db: Database, dispatches: readonly Dispatch[], now: number): Dispatched {
  const before = marksOf(
    db,
    dispatches.map(({ scheduleId }) => scheduleId),
  );
  const disabled = disabledDefinitions(db, replacementsNeeded(dispatches));
  const taken = new Map<string, Dispatch>();
  const counted = dispatches.map((dispatch) => {
    const counts = isStillRight(dispatch, before.get(dispatch.scheduleId), disabled) && !taken.has(dispatch.scheduleId);
    if (counts) taken.set(dispatch.scheduleId, dispatch);
    return counts;
  });
  const changes = [...taken.values()].flatMap((dispatch) => dispatch.changes);
  const { results, signals, tally } = changes.length === 0 ? NOTHING : commit(db, changes, now);
  const added: Occurrence[] = [];
  let from = 0;
  for (const dispatch of taken.values()) {
    const rows = rowsOf(dispatch, results.slice(from, (from += dispatch.changes.length)));
    added.push(...rows.added);
    if (dispatch.takenBack !== undefined) db.run(SQL.takeBack, [dispatch.scheduleId, dispatch.takenBack]);
    for (const settlement of rows.settled) db.run(SQL.settle, settleValues(dispatch.scheduleId, settlement));
  }
  insertMany(
    db,
    OCCURRENCES,
    added.map((row) => occurrencesTable.encode(row)),
  );
  // What was stopped may have ended by that, which counts as an end like any other.
  const ended = changes.some(({ type }) => type === "stop") ? marksOf(db, [...taken.keys()]) : before;
  insertMany(
    db,
    MOVED,
    [...taken].map(([id, dispatch]) => cursorsTable.encode(cursorAfter(ended.get(id) ?? null, dispatch, now))),
  );
  return { counted, signals, tally };
}

function marksOf(db: Database, ids: readonly string[]): ReturnType<typeof decodeMarks> {
  return decodeMarks(rowsOfIds(db, `${MARKS} WHERE schedule_id IN`, [...new Set(ids)]));
}

const NOTHING = { results: [], signals: noSignals, tally: noTally };

export function listOccurrences(db: Database, filter: OccurrenceFilter): Occurrence[] {
  const { sql, values } = occurrenceQuery(filter, () => "?");
  return db.all(sql, values).map((row) => occurrencesTable.decode(row));
}

/** Oldest first, by the index on their age. */
export function pruneOccurrences(db: Database, before: number, limit: number): number {
  return db.run(SQL.prune, [before, limit]);
}
