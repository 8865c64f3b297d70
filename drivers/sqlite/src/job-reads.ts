/** `JobReads` on SQLite. Runs on the reader's connection where there is one; sees what was committed before the call. */
import { attemptOf, jobStates, type Attempt, type JobEvent, type JobState, type JobView } from "@windlass/kernel";
import type { FeedEntry, JobFilter, Tally, TallyBy } from "@windlass/ports";
import {
  attemptOfEnd,
  attemptsTable,
  countQueries,
  decodeView,
  endedAttemptSql,
  eventsTable,
  listQueries,
  liveTable,
  mergeLists,
  mergeTallies,
  tallyQueries,
  viewColumns,
  viewTables,
} from "@windlass/sql";
import { loadKey } from "./commit-jobs.ts";
import type { Database, Row } from "./database.ts";

const VIEW = `SELECT ${viewColumns} FROM ${viewTables} WHERE j.id = ?`;
const ATTEMPTS = `SELECT ${attemptsTable.list()} FROM attempts WHERE job_id = ? ORDER BY number`;
const LAST = endedAttemptSql("?");
const CURRENT = `SELECT ${liveTable.list()} FROM jobs_live WHERE id = ? AND phase IS NOT NULL`;
const EVENTS = eventsTable.list();
const FEED = `SELECT position, (SELECT workspace FROM jobs WHERE id = job_id), ${EVENTS} FROM events WHERE position > ? ORDER BY position LIMIT ?`;

const CHILD = `SELECT ${viewColumns} FROM ${viewTables} WHERE j.parent_id = ? AND j.child_key = ?`;

export function getChild(db: Database, parentId: string, childKey: string): JobView | null {
  const row = db.get(CHILD, [parentId, childKey]);
  return row === undefined ? null : decodeView(row);
}

export function madeUnder(db: Database, workspace: string, idempotencyKey: string): string | null {
  return (db.get(MADE_UNDER, [workspace, idempotencyKey])?.[0] ?? null) as string | null;
}

const MADE_UNDER = "SELECT job_id FROM idempotency_keys WHERE workspace = ? AND idempotency_key = ?";

export function getJob(db: Database, id: string): JobView | null {
  const row = db.get(VIEW, [id]);
  return row === undefined ? null : decodeView(row);
}

export function listJobs(db: Database, filter: JobFilter): readonly JobView[] {
  const lists = listQueries(filter, () => "?").map(({ sql, values }) => db.all(sql, values).map((row: Row) => decodeView(row)));
  return mergeLists(lists, filter);
}

export function tallyJobs(db: Database, filter: JobFilter, by: TallyBy): Tally {
  const queries = tallyQueries({ ...filter, limit: filter.limit + 1 }, by, () => "?");
  return mergeTallies(
    queries.flatMap(({ sql, values }) => db.all(sql, values)),
    filter.limit,
  );
}

export function listAttempts(db: Database, jobId: string): Attempt[] {
  const row = db.get(CURRENT, [jobId]);
  const ended = db.all(ATTEMPTS, [jobId]).map((one) => attemptsTable.decode(one));
  const last = db.get(LAST, [jobId]);
  if (last !== undefined) ended.push(attemptOfEnd(last));
  const current = row === undefined ? null : attemptOf(liveTable.decode(row), null);
  if (current !== null && !ended.some(({ number }) => number === current.number)) ended.push(current);
  // The last one may have begun and ended since.
  return ended.toSorted((a, b) => a.number - b.number);
}

export function listEvents(db: Database, jobId: string, query: { readonly after: number; readonly limit: number }): JobEvent[] {
  return db
    .all(`SELECT ${EVENTS} FROM events WHERE job_id = ? AND seq > ? ORDER BY seq LIMIT ?`, [jobId, query.after, query.limit])
    .map((row) => eventsTable.decode(row));
}

/** One writer at a time: the order of positions is the order of commits. */
export function feed(db: Database, after: string, limit: number): FeedEntry[] {
  const rows = db.all(FEED, [after === "" ? 0 : Number(after), limit]);
  return rows.map((row) => ({
    position: positionText(row[0] as number),
    workspace: row[1] as string,
    event: eventsTable.decode(row, 2),
  }));
}

export function feedEnd(db: Database): string {
  const last = db.get("SELECT max(position) FROM events")?.[0] as number | null;
  return last === null ? "" : positionText(last);
}

export function keyHolders(db: Database, key: string): { limit: number; holders: string[] } {
  const { limit, holders } = loadKey(db, key);
  return { limit, holders: [...holders].toSorted() };
}

export function counts(db: Database, workspace: string, cap: number): Record<JobState, number> {
  const sum = (statements: readonly string[]): number =>
    statements.reduce((total, sql) => total + (db.get(sql, [workspace, cap])?.[0] as number), 0);
  return Object.fromEntries(jobStates.map((state) => [state, Math.min(cap, sum(countQueries(state, () => "?")))])) as Record<
    JobState,
    number
  >;
}

/** Sixteen digits: the text sorts as the number does. */
function positionText(position: number): string {
  return String(position).padStart(16, "0");
}
