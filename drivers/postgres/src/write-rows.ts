/** Writes what a working set came to, one statement for each table however many rows there are. */
import { timerOf, type LiveJob, type Writes } from "@windlass/kernel";
import {
  attemptsTable,
  endOf,
  endsTable,
  eventsTable,
  jobsTable,
  liveChangingColumns,
  liveTable,
  type Column,
  type Kind,
  type SqlValue,
  type Table,
} from "@windlass/sql";
import type { Querier, Value } from "./connection.ts";

/** `before` has the ids of the live rows that are there already; others are new. */
export async function writeRows(db: Querier, writes: Writes, before: ReadonlySet<string>): Promise<void> {
  if (writes.inserted.length > 0) await writeInserted(db, writes);
  await writeLive(db, [...writes.live.values()], before);
  if (writes.moved.size > 0) await db.rows(MOVE, [[...writes.moved.keys()], [...writes.moved.values()]]);
  await insertAll(db, attemptsTable, writes.attempts);
  await insertAll(db, eventsTable, writes.events);
  await writeDecisions(db, writes);
  if (writes.ended.size > 0) await writeEnded(db, writes);
  if (writes.spent.size > 0) {
    const spent = [...writes.spent.values()];
    await db.rows(SPEND, [spent.map((one) => one.queue), spent.map((one) => one.fairnessKey), spent.map((one) => one.spentUntil)]);
  }
  if (writes.keysTaken.length > 0) {
    const taken = [writes.keysTaken.map((one) => one.key), writes.keysTaken.map((one) => one.jobId)];
    await db.rows("INSERT INTO key_holders (name, job_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING", taken);
  }
}

const MOVE = "UPDATE jobs SET queue = moved.queue FROM unnest($1::text[], $2::text[]) AS moved (id, queue) WHERE jobs.id = moved.id";
const SPEND = `INSERT INTO rate_buckets (queue, fairness_key, spent_until) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
  ON CONFLICT (queue, fairness_key) DO UPDATE SET spent_until = excluded.spent_until`;

async function writeInserted(db: Querier, writes: Writes): Promise<void> {
  await insertAll(db, jobsTable, writes.inserted);
  const labels = writes.inserted.flatMap((job) =>
    Object.entries(job.labels).map(([label, value]) => [job.workspace, label, value, job.id] as const),
  );
  if (labels.length > 0)
    await db.rows(
      "INSERT INTO job_labels (workspace, label, value, job_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
      transposed(labels, 4),
    );
  const keys = writes.idempotency.map((one) => [one.workspace, one.key, one.jobId, one.requestHash] as const);
  if (keys.length === 0) return;
  await db.rows(
    "INSERT INTO idempotency_keys (workspace, idempotency_key, job_id, request_hash) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
    transposed(keys, 4),
  );
}

const TIMER = { name: "timer_at", kind: "integer" } as const;
const INSERT_LIVE = insertSql("jobs_live", [...liveTable.columns, TIMER]);
const UPDATE_LIVE = updateSql("jobs_live", [...liveChangingColumns, TIMER]);

async function writeLive(db: Querier, rows: readonly LiveJob[], before: ReadonlySet<string>): Promise<void> {
  const made = rows.filter((live) => !before.has(live.id));
  const changed = rows.filter((live) => before.has(live.id));
  if (made.length > 0) await db.rows(INSERT_LIVE, [...arraysOf(liveTable, made), made.map(timerOf)]);
  if (changed.length === 0) return;
  const arrays = arraysOf({ ...liveTable, columns: liveChangingColumns }, changed);
  await db.rows(UPDATE_LIVE, [changed.map((live) => live.id), ...arrays, changed.map(timerOf)]);
}

async function writeDecisions(db: Querier, writes: Writes): Promise<void> {
  const facts = writes.facts.filter(({ jobId }) => !writes.ended.has(jobId));
  if (facts.length > 0) {
    const arrays = [
      facts.map((one) => one.jobId),
      facts.map((one) => one.number),
      facts.map((one) => encodeText(JSON.stringify(one.fact))),
    ];
    await db.rows("INSERT INTO facts (job_id, number, fact) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])", arrays);
  }
  const seen = [...writes.factsSeen].filter(([id]) => !writes.ended.has(id));
  if (seen.length > 0) {
    const sql =
      "DELETE FROM facts USING unnest($1::text[], $2::bigint[]) AS seen (job_id, number) WHERE facts.job_id = seen.job_id AND facts.number <= seen.number";
    await db.rows(sql, [seen.map(([id]) => id), seen.map(([, number]) => number)]);
  }
  await writeCursors(db, writes);
}

/** The last entry given under a key counts. */
async function writeCursors(db: Querier, writes: Writes): Promise<void> {
  const entries = [
    ...new Map(
      writes.cursor.filter(({ jobId }) => !writes.ended.has(jobId)).map((entry) => [`${entry.jobId} ${entry.key}`, entry]),
    ).values(),
  ];
  const kept = entries
    .filter((entry) => entry.value !== null)
    .map((entry) => [entry.jobId, entry.key, JSON.stringify(entry.value)] as const);
  const removed = entries.filter((entry) => entry.value === null).map((entry) => [entry.jobId, entry.key] as const);
  if (kept.length > 0) {
    const sql =
      "INSERT INTO cursors (job_id, entry, value) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT (job_id, entry) DO UPDATE SET value = excluded.value";
    await db.rows(sql, transposed(kept, 3));
  }
  if (removed.length > 0)
    await db.rows(
      "DELETE FROM cursors USING unnest($1::text[], $2::text[]) AS gone (job_id, entry) WHERE cursors.job_id = gone.job_id AND cursors.entry = gone.entry",
      transposed(removed, 2),
    );
}

async function writeEnded(db: Querier, writes: Writes): Promise<void> {
  const ids = [...writes.ended.keys()];
  await insertAll(db, endsTable, [...writes.ended.values()].map(endOf));
  await db.rows("DELETE FROM jobs_live WHERE id = ANY($1::text[])", [ids]);
  if (writes.decidersEnded.length === 0) return;
  await db.rows("DELETE FROM facts WHERE job_id = ANY($1::text[])", [writes.decidersEnded]);
  await db.rows("DELETE FROM cursors WHERE job_id = ANY($1::text[])", [writes.decidersEnded]);
}

async function insertAll<T extends object>(db: Querier, table: Table<T>, records: readonly T[]): Promise<void> {
  if (records.length > 0) await db.rows(insertSql(table.name, table.columns), arraysOf(table, records));
}

interface NamedColumn {
  readonly name: string;
  readonly kind: Kind;
}

function insertSql(table: string, columns: readonly NamedColumn[]): string {
  return `INSERT INTO ${table} (${columns.map((column) => column.name).join(", ")}) SELECT * FROM unnest(${columns.map((column, i) => `$${i + 1}::${arrayType(column.kind)}`).join(", ")})`;
}

function updateSql(table: string, columns: readonly NamedColumn[]): string {
  const names = columns.map((column) => column.name);
  const arrays = columns.map((column, i) => `$${i + 2}::${arrayType(column.kind)}`);
  return `UPDATE ${table} SET ${names.map((name) => `${name} = given.${name}`).join(", ")} FROM unnest($1::text[], ${arrays.join(", ")}) AS given (given_id, ${names.join(", ")}) WHERE ${table}.id = given.given_id`;
}

function arrayType(kind: Kind): string {
  return kind === "integer" || kind === "flag" ? "bigint[]" : "text[]";
}

/** One array for each column. */
function arraysOf<T extends object>(
  table: { readonly columns: readonly Column<T>[]; encode(record: T): SqlValue[] } & Pick<Table<T>, "columns">,
  records: readonly T[],
): Value[] {
  return table.columns.map((column) => records.map((record) => encodeCell(column, record)));
}

function encodeCell<T>(column: Column<T>, record: T): SqlValue {
  const value: unknown = record[column.key];
  if (value === null || value === undefined) return null;
  if (column.kind === "json") return JSON.stringify(value);
  if (column.kind === "flag") return value === true ? 1 : 0;
  return typeof value === "string" ? encodeText(value) : (value as number);
}

/** One array for each column of `rows`, as they are stored. */
export function transposed(rows: readonly (readonly SqlValue[])[], width: number): Value[] {
  return Array.from({ length: width }, (_, i) => rows.map((row) => encodeText(row[i] ?? null)));
}

/** PostgreSQL cannot store the character NUL. */
function encodeText<T extends SqlValue>(text: T): T {
  return typeof text === "string" && text.includes("\0") ? (text.replaceAll("\0", "\uFFFD") as T) : text;
}
