/**
 * Writes what a working set came to, in the order in which `Writes` lists it. Of a live row only the columns that differ
 * are written, so that an index is touched only when what it orders by has changed.
 */
import { timerOf, type LiveJob, type Writes } from "@windlass/kernel";
import {
  attemptsTable,
  encodeValue,
  eventsTable,
  finalTable,
  jobsTable,
  liveChangingColumns,
  liveTable,
  type SqlValue,
} from "@windlass/sql";
import type { Database } from "./database.ts";

const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");
const insertInto = (table: { readonly name: string; readonly columns: readonly unknown[]; list(): string }): string =>
  `INSERT INTO ${table.name} (${table.list()}) VALUES (${marks(table.columns.length)})`;

const INSERT_JOB = insertInto(jobsTable);
const INSERT_LIVE = `INSERT INTO jobs_live (${liveTable.list()}, timer_at) VALUES (${marks(liveTable.columns.length + 1)})`;
const INSERT_ATTEMPT = insertInto(attemptsTable);
const INSERT_EVENT = insertInto(eventsTable);
const END_JOB = `UPDATE jobs SET ${finalTable.columns.map((column) => `${column.name} = ?`).join(", ")} WHERE id = ?`;

/** `before` holds the live rows as they were loaded; a row that is not there is new. */
export function writeRows(db: Database, writes: Writes, before: ReadonlyMap<string, LiveJob>): void {
  for (const job of writes.inserted) {
    db.run(INSERT_JOB, jobsTable.encode(job));
    for (const [label, value] of Object.entries(job.labels))
      db.run("INSERT INTO job_labels (workspace, label, value, job_id) VALUES (?, ?, ?, ?)", [job.workspace, label, value, job.id]);
  }
  for (const live of writes.live.values()) writeLive(db, live, before.get(live.id));
  for (const attempt of writes.attempts) db.run(INSERT_ATTEMPT, attemptsTable.encode(attempt));
  for (const event of writes.events) db.run(INSERT_EVENT, eventsTable.encode(event));
  writeDecisions(db, writes);
  for (const [id, final] of writes.ended) {
    db.run(END_JOB, [...finalTable.encode(final), id]);
    db.run("DELETE FROM jobs_live WHERE id = ?", [id]);
  }
  for (const id of writes.decidersEnded) {
    db.run("DELETE FROM facts WHERE job_id = ?", [id]);
    db.run("DELETE FROM cursors WHERE job_id = ?", [id]);
  }
  for (const { workspace, key, jobId, requestHash } of writes.idempotency) {
    db.run("INSERT INTO idempotency_keys (workspace, idempotency_key, job_id, request_hash) VALUES (?, ?, ?, ?)", [
      workspace,
      key,
      jobId,
      requestHash,
    ]);
  }
  for (const { key, jobId } of writes.keysTaken) db.run("INSERT OR IGNORE INTO key_holders (name, job_id) VALUES (?, ?)", [key, jobId]);
}

function writeDecisions(db: Database, writes: Writes): void {
  for (const { jobId, number, fact } of writes.facts)
    db.run("INSERT INTO facts (job_id, number, fact) VALUES (?, ?, ?)", [jobId, number, JSON.stringify(fact)]);
  for (const [id, number] of writes.factsSeen) db.run("DELETE FROM facts WHERE job_id = ? AND number <= ?", [id, number]);
  for (const { jobId, key, value } of writes.cursor) {
    if (value === null) db.run("DELETE FROM cursors WHERE job_id = ? AND entry = ?", [jobId, key]);
    else
      db.run(
        "INSERT INTO cursors (job_id, entry, value) VALUES (?, ?, ?) ON CONFLICT (job_id, entry) DO UPDATE SET value = excluded.value",
        [jobId, key, JSON.stringify(value)],
      );
  }
}

function writeLive(db: Database, live: LiveJob, before: LiveJob | undefined): void {
  if (before === undefined) {
    db.run(INSERT_LIVE, [...liveTable.encode(live), timerOf(live)]);
    return;
  }
  const columns: string[] = [];
  const values: SqlValue[] = [];
  for (const column of liveChangingColumns) {
    if (live[column.key] === before[column.key]) continue;
    columns.push(`${column.name} = ?`);
    values.push(encodeValue(column.kind, live[column.key]));
  }
  const timer = timerOf(live);
  if (timer !== timerOf(before)) {
    columns.push("timer_at = ?");
    values.push(timer);
  }
  if (columns.length > 0) db.run(`UPDATE jobs_live SET ${columns.join(", ")} WHERE id = ?`, [...values, live.id]);
}
