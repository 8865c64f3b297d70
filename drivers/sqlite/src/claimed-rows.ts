/** What a claim gives, on its way from the rows to who asked: the jobs go as values of their columns, and become objects where they are used. */
import type { LiveJob } from "@windlass/kernel";
import type { Claimed, ClaimedJob } from "@windlass/ports";
import { idOfRecord, jobsTable, liveTable } from "@windlass/sql";
import { alike, rowsOf, type AlikeRows } from "./alike-rows.ts";
import type { Database, Row } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";

/** A `Claimed` whose jobs are rows: the columns of the record, then those of the live row. */
export interface ClaimedRows extends Omit<Claimed, "jobs"> {
  readonly jobs: AlikeRows;
}

const LIVE_FROM = jobsTable.columns.length;

const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id IN`;

export function withRecords(db: Database, claimed: readonly LiveJob[]): AlikeRows {
  const known = claimed.map((live) => db.hot.records.of(live));
  const unknown = claimed.flatMap(({ id }, i) => (known[i] === undefined ? [id] : []));
  const read = new Map(rowsOfIds(db, RECORDS, unknown).map((row) => [idOfRecord(row), row]));
  return alike(claimed.map((live, i) => [...(known[i] ?? read.get(live.id) ?? []), ...liveTable.encode(live)]));
}

export function claimedOf({ jobs, ...claimed }: ClaimedRows): Claimed {
  return { ...claimed, jobs: Array.from(rowsOf(jobs), jobOf) };
}

function jobOf(row: Row): ClaimedJob {
  return { record: jobsTable.decode(row), live: liveTable.decode(row, LIVE_FROM) };
}
