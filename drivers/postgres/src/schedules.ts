/**
 * `ScheduleStore` on PostgreSQL.
 *
 * P4. Jobs that a decision stops are locked before its cursor, as the end of a job locks the two; cursors in the order of their ids.
 */
import type pg from "pg";
import {
  cursorAfter,
  definitionsNeeded,
  demandRevision,
  isStillRight,
  noTally,
  replacementsNeeded,
  rowsOf,
  type ChangeResult,
  type Dispatch,
  type Occurrence,
  type Schedule,
  type ScheduleCursor,
} from "@windlass/kernel";
import type { Dispatched, DueSchedule, ScheduleStore, ScheduleView } from "@windlass/ports";
import {
  cursorsTable,
  cursorValues,
  decodeMarks,
  decodeSchedule,
  DUE_START,
  MARKS,
  MOVING,
  noSignals,
  occurrenceQuery,
  occurrencesTable,
  removedRow,
  scheduleQuery,
  schedulesTable,
  scheduleStatements,
  scheduleValues,
  settleValues,
} from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import { commit, lockLive, type Known } from "./commit-jobs.ts";
import { ofAllLive } from "./claim-groups.ts";
import type { Querier, Row } from "./connection.ts";
import { disabledNow, keepMarks } from "./disabled-definitions.ts";
import { insertMany, transposed } from "./many-rows.ts";
import { inTransaction } from "./transaction.ts";

const p = (n: number): string => `$${n}`;
const SQL = scheduleStatements(p);
const LOCKED = `${SQL.get} FOR UPDATE`;

export interface ScheduleParts {
  readonly db: Querier;
  readonly pool: pg.Pool;
  readonly known: Known;
  readonly during: <T>(work: () => Promise<T>) => Promise<T>;
}

export function scheduleStore({ db, pool, known, during }: ScheduleParts): ScheduleStore {
  const transaction = <T>(work: (tx: Querier) => Promise<T>): Promise<T> => during(() => inTransaction(pool, work));
  return {
    async list(filter) {
      const { sql, values } = scheduleQuery(filter, p);
      return withAlive(db, await db.once(sql, values));
    },
    get: async (workspace, name) => (await withAlive(db, await db.rows(SQL.get, [workspace, name])))[0] ?? null,
    due: async (now, limit, { nextAt, scheduleId } = DUE_START) => withAlive(db, await db.rows(SQL.due, [now, nextAt, scheduleId, limit])),
    nextDue: async () => ((await db.rows(SQL.nextDue))[0]?.[0] ?? null) as number | null,
    put: (given, { expected, dispatch, now }) =>
      transaction(async (tx) => {
        await demandWorkspace(tx, given.workspace);
        if (dispatch.revision === 0) return add(tx, given, { expected, dispatch, now });
        const before = await locked(tx, given);
        demandRevision(`schedule ${given.name}`, { revision: before?.schedule.revision ?? 0, expected });
        if (before?.cursor.revision !== dispatch.revision) return null;
        const { id, createdBy, createdAt, revision } = before.schedule;
        const schedule = { ...given, id, createdBy, createdAt, revision: revision + 1 };
        await tx.write(SQL.change, scheduleValues(schedule));
        await store({ tx, known }, [{ ...dispatch, scheduleId: id }], now);
        return schedule;
      }),
    remove: (workspace, name, { expected, cursorRevision, now }) =>
      transaction(async (tx) => {
        const before = await locked(tx, { workspace, name });
        demandRevision(`schedule ${name}`, { revision: before?.schedule.revision ?? 0, expected });
        if (before?.cursor.revision !== cursorRevision) return null;
        const { schedule, cursor } = before;
        for (const { nominalAt } of cursor.waiting) await tx.write(SQL.settle, settleValues(schedule.id, removedRow(nominalAt, now)));
        await tx.write(SQL.removeCursor, [schedule.id]);
        await tx.write(SQL.remove, [schedule.id]);
        return schedule;
      }),
    dispatch: (dispatches, now) => transaction((tx) => store({ tx, known }, dispatches, now)),
    async history(filter) {
      const { sql, values } = occurrenceQuery(filter, p);
      return (await db.once(sql, values)).map((row) => occurrencesTable.decode(row));
    },
    prune: (before, limit) => db.count(SQL.prune, [before, limit]),
  };
}

async function locked(tx: Querier, { workspace, name }: Pick<Schedule, "workspace" | "name">): Promise<ScheduleView | null> {
  const [row] = await tx.rows(LOCKED, [workspace, name]);
  return row === undefined ? null : decodeSchedule(row);
}

type Step = Parameters<ScheduleStore["put"]>[1];

/** Of two who make the same one, the second waits here and then finds what the first has made. */
async function add(tx: Querier, given: Omit<Schedule, "revision">, { expected, dispatch, now }: Step): Promise<Schedule | null> {
  const schedule = { ...given, revision: 1 };
  const isNew = expected !== "any" && (await tx.count(SQL.add, schedulesTable.encode(schedule))) === 1;
  if (!isNew) {
    const before = await locked(tx, given);
    demandRevision(`schedule ${given.name}`, { revision: before?.schedule.revision ?? 0, expected });
    return null;
  }
  demandRevision(`schedule ${given.name}`, { revision: 0, expected });
  await tx.write(SQL.addCursor, cursorsTable.encode(cursorAfter(null, dispatch, now)));
  return schedule;
}

const ALIVE = ofAllLive("SELECT id FROM jobs_live WHERE id = ANY($1::text[])", "$1::text[]");

async function withAlive(db: Querier, found: readonly Row[]): Promise<DueSchedule[]> {
  const views = found.map(decodeSchedule);
  const ids = views.flatMap(({ cursor }) => cursor.running.map(({ jobId }) => jobId));
  const rows = ids.length === 0 ? [] : await db.rows(ALIVE, [ids]);
  const alive = new Set(rows.map((row) => row[0] as string));
  return views.map((view) => ({ ...view, alive: view.cursor.running.flatMap(({ jobId }) => (alive.has(jobId) ? [jobId] : [])) }));
}

/** Keeps L1 to L3 of the kernel, and P4. */
async function store(
  { tx, known }: { readonly tx: Querier; readonly known: Known },
  dispatches: readonly Dispatch[],
  now: number,
): Promise<Dispatched> {
  const replacing = replacementsNeeded(dispatches);
  if (replacing.length > 0 || definitionsNeeded(dispatches.flatMap(({ changes }) => changes)).length > 0) await keepMarks(tx);
  const disabled = await disabledNow(tx, replacing);
  const stopped = dispatches.flatMap(({ changes }) => changes.flatMap((change) => (change.type === "stop" ? [change.id] : [])));
  if (stopped.length > 0) await lockLive(tx, stopped);
  const ids = dispatches.map(({ scheduleId }) => scheduleId);
  const before = await lockMarks(tx, ids);
  const taken = new Map<string, Dispatch>();
  const counted = dispatches.map((dispatch) => {
    const counts = isStillRight(dispatch, before.get(dispatch.scheduleId), disabled) && !taken.has(dispatch.scheduleId);
    if (counts) taken.set(dispatch.scheduleId, dispatch);
    return counts;
  });
  const changes = [...taken.values()].flatMap((dispatch) => dispatch.changes);
  const { results, signals, tally } = changes.length === 0 ? NOTHING : await commit(tx, known, { changes, now });
  await storeRows(tx, [...taken.values()], results);
  // What was stopped may have ended by that, which counts as an end like any other.
  const ended = stopped.length > 0 ? await lockMarks(tx, ids) : before;
  await moveCursors(
    tx,
    [...taken.values()].map((dispatch) => cursorAfter(ended.get(dispatch.scheduleId) ?? null, dispatch, now)),
  );
  return { counted, signals, tally };
}

const LOCK_MARKS = `${MARKS} WHERE schedule_id = ANY($1::text[]) ORDER BY schedule_id FOR UPDATE`;

async function lockMarks(tx: Querier, ids: readonly string[]): Promise<ReturnType<typeof decodeMarks>> {
  return decodeMarks(await tx.rows(LOCK_MARKS, [[...new Set(ids)]]));
}

const NOTHING = { results: [], signals: noSignals, tally: noTally };

async function storeRows(tx: Querier, taken: readonly Dispatch[], results: readonly ChangeResult[]): Promise<void> {
  const added: Occurrence[] = [];
  let from = 0;
  for (const dispatch of taken) {
    const rows = rowsOf(dispatch, results.slice(from, (from += dispatch.changes.length)));
    added.push(...rows.added);
    if (dispatch.takenBack !== undefined) await tx.write(SQL.takeBack, [dispatch.scheduleId, dispatch.takenBack]);
    for (const settlement of rows.settled) await tx.write(SQL.settle, settleValues(dispatch.scheduleId, settlement));
  }
  await insertMany(tx, occurrencesTable, added);
}

const MOVE = `UPDATE schedule_cursors c SET ${MOVING.map((name) => `${name} = m.${name}`).join(", ")}
  FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[]) AS m (${MOVING.join(", ")}, id) WHERE c.schedule_id = m.id`;

async function moveCursors(tx: Querier, cursors: readonly ScheduleCursor[]): Promise<void> {
  if (cursors.length > 0) await tx.write(MOVE, transposed(cursors.map(cursorValues), 7));
}
