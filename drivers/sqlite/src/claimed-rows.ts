/** What a claim gives, on its way from the rows to who asked: the jobs go as values of their columns, and become objects where they are used. */
import type { JobRecord, LiveJob } from "@windlass/kernel";
import type { Claimed, ClaimedJob } from "@windlass/ports";
import { jobsTable, liveTable, type Shape } from "@windlass/sql";
import { alike, rowsOf, type AlikeRows } from "./alike-rows.ts";
import type { Database, Row } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";

/** A `Claimed` whose jobs are rows: the columns of the record, then those of the live row. */
export interface ClaimedRows extends Omit<Claimed, "jobs"> {
  readonly jobs: AlikeRows;
}

/** Where a column stands among those of a record. */
const at = (key: keyof JobRecord): number => jobsTable.columns.findIndex((column) => column.key === key);
const [ID, QUEUE, SPEC, INPUT] = [at("id"), at("queue"), at("spec"), at("input")];
const LIVE_FROM = jobsTable.columns.length;

const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id IN`;

/** Records as rows of `jobs`. */
export const asRows: Shape<Row> = {
  idOf: (row) => row[ID] as string,
  queueOf: (row) => row[QUEUE] as string,
  moved: (row, queue) => row.with(QUEUE, queue),
  lengthOf: (row) => String(row[SPEC]).length + String(row[INPUT]).length,
};

export function withRecords(db: Database, claimed: readonly LiveJob[]): AlikeRows {
  const known = claimed.map((live) => db.hot.records.of(live));
  const unknown = claimed.flatMap(({ id }, i) => (known[i] === undefined ? [id] : []));
  const read = new Map(rowsOfIds(db, RECORDS, unknown).map((row) => [asRows.idOf(row), row]));
  return alike(claimed.map((live, i) => [...(known[i] ?? read.get(live.id) ?? []), ...liveTable.encode(live)]));
}

export function claimedOf({ jobs, ...claimed }: ClaimedRows): Claimed {
  return { ...claimed, jobs: Array.from(rowsOf(jobs), jobOf) };
}

function jobOf(row: Row): ClaimedJob {
  return { record: jobsTable.decode(row), live: liveTable.decode(row, LIVE_FROM) };
}
