/** What a claim gives, on its way from the rows to who asked: the jobs go as values of their columns, and become objects where they are used. */
import { assert, type LiveJob } from "@windlass/kernel";
import type { Claimed, ClaimedJob } from "@windlass/ports";
import { fittingClaim, idOfRecord, jobsTable, liveTable, type AlikeRows } from "@windlass/sql";
import { alike, rowsOf } from "./alike-rows.ts";
import type { Database, Row } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";

/** A `Claimed` whose jobs are rows: the columns of the record, then those of the live row. */
export interface ClaimedRows extends Omit<Claimed, "jobs"> {
  readonly jobs: AlikeRows;
}

const LIVE_FROM = jobsTable.columns.length;

const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id IN`;

/** SQLite knows it without reading the texts. */
const BYTES = "SELECT id, ifnull(octet_length(spec), 0) + ifnull(octet_length(input), 0) FROM jobs WHERE id IN";

/** The first of them, as many as one claim may give when it has given `given` already. Records that are known are small. */
export function firstOf(db: Database, candidates: readonly LiveJob[], given: readonly LiveJob[]): readonly LiveJob[] {
  const asked = [...given, ...candidates].filter((live) => db.hot.records.of(live) === undefined);
  const bytes = new Map(
    rowsOfIds(
      db,
      BYTES,
      asked.map(({ id }) => id),
    ).map(([id, count]) => [id as string, count as number]),
  );
  const bytesOf = ({ id }: LiveJob): number => bytes.get(id) ?? 0;
  return fittingClaim(candidates, bytesOf, { jobs: given.length, bytes: given.reduce((sum, job) => sum + bytesOf(job), 0) });
}

/** In the transaction of the claim: nothing is claimed when a record is missing. */
export function withRecords(db: Database, claimed: readonly LiveJob[]): AlikeRows {
  const known = claimed.map((live) => db.hot.records.of(live));
  const unknown = claimed.flatMap(({ id }, i) => (known[i] === undefined ? [id] : []));
  const read = new Map(rowsOfIds(db, RECORDS, unknown).map((row) => [idOfRecord(row), row]));
  return alike(
    claimed.map((live, i) => {
      const record = known[i] ?? read.get(live.id);
      assert(record !== undefined, `the live job ${live.id} has a record in the table jobs`);
      return [...record, ...liveTable.encode(live)];
    }),
  );
}

export function claimedOf({ jobs, ...claimed }: ClaimedRows): Claimed {
  return { ...claimed, jobs: Array.from(rowsOf(jobs), jobOf) };
}

function jobOf(row: Row): ClaimedJob {
  return { record: jobsTable.decode(row), live: liveTable.decode(row, LIVE_FROM) };
}
