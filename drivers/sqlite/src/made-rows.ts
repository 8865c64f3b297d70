/**
 * The rows that new jobs, and all events, have in their tables: stored at once with what else changes (write-rows.ts), or
 * later, when their jobs were taken in (intake.ts).
 */
import { timerOf, type LiveJob, type Writes } from "@windlass/kernel";
import { attemptsTable, endOf, endsTable, eventsTable, jobsTable, liveTable, type SqlValue, type Table } from "@windlass/sql";
import type { Database, Row } from "./database.ts";
import { insertMany, Target } from "./many-rows.ts";

const namesOf = (table: { readonly columns: readonly { readonly name: string }[] }): string[] => table.columns.map((column) => column.name);

const EVENTS = new Target("events", ["position", ...namesOf(eventsTable)]);

export const LIVE: Target = new Target("jobs_live", [...namesOf(liveTable), "timer_at"]);

/** In the order in which they are written. */
export const MADE: readonly Target[] = [
  new Target("jobs", namesOf(jobsTable)),
  new Target("job_labels", ["workspace", "label", "value", "job_id"]),
  LIVE,
  EVENTS,
  new Target("idempotency_keys", ["workspace", "idempotency_key", "job_id", "request_hash"]),
];

/** For each of `MADE` its rows. */
export type MadeRows = readonly (readonly Row[])[];

export const ATTEMPTS: Target = new Target("attempts", namesOf(attemptsTable));
export const ENDS: Target = new Target("job_ends", namesOf(endsTable));

/** What the end of a job leaves, in the order in which it is written. */
export const ENDED: readonly Target[] = [ATTEMPTS, ENDS, EVENTS];

/** For each of `ENDED` its rows. */
export type EndedRows = readonly (readonly Row[])[];

/** Positions in the feed are given out here. */
export function rowsEnded(db: Database, { attempts, ended, events }: Pick<Writes, "attempts" | "ended" | "events">): EndedRows {
  return [encoded(attemptsTable, attempts), encoded(endsTable, [...ended.values()].map(endOf)), positioned(db, events)];
}

/** `live`: the live rows that are new. Positions in the feed are given out here. */
export function rowsMade(db: Database, { inserted, events, idempotency }: Writes, live: readonly LiveJob[]): MadeRows {
  return [
    encoded(jobsTable, inserted),
    inserted.flatMap((job) => Object.entries(job.labels).map(([label, value]) => [job.workspace, label, value, job.id])),
    live.map((job) => [...liveTable.encode(job), timerOf(job)]),
    positioned(db, events),
    idempotency.map(({ workspace, key, jobId, requestHash }) => [workspace, key, jobId, requestHash]),
  ];
}

/** The rows of `jobs`. */
export function recordsOf([records = []]: MadeRows): readonly Row[] {
  return records;
}

export function insertMade(db: Database, made: MadeRows): void {
  insertRows(db, MADE, (i) => made[i] ?? []);
}

/** `rowsOf`: of the target with this number. */
export function insertRows(db: Database, targets: readonly Target[], rowsOf: (i: number) => readonly Row[]): void {
  for (const [i, target] of targets.entries()) insertMany(db, target, rowsOf(i));
}

/** They get their positions now. */
export function insertEvents(db: Database, events: Writes["events"]): void {
  insertMany(db, EVENTS, positioned(db, events));
}

export function encoded<T>(table: Table<T>, records: readonly T[]): SqlValue[][] {
  return table.encodeAll(records);
}

function positioned(db: Database, events: Writes["events"]): SqlValue[][] {
  if (events.length === 0) return [];
  let position = db.positions.take(db, events.length);
  return encoded(eventsTable, events).map((row) => [position++, ...row]);
}
