/** Writes what a working set came to, one statement for each table however many rows there are. */
import { timerOf, type LiveJob, type Signals, type Writes } from "@windlass/kernel";
import { attemptsTable, endOf, endsTable, jobsTable, liveChangingColumns, liveTable, noSignals, type KnownRecords } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { changedIn, columnOf, insertInto, insertMany, rowsOf, transposed, updateRows, type Given } from "./many-rows.ts";
import { MANY_MIN, writeEvents } from "./event-groups.ts";
import { wakeSchedules } from "./wake-schedules.ts";

interface Rows {
  /** The live rows as they were loaded; one that is not there is new. */
  readonly before: ReadonlyMap<string, LiveJob>;
  /** Of those that ended: whose live rows are deleted already. */
  readonly gone?: ReadonlySet<string>;
  /** Live rows that stand in groups, and are not to be written (claim-groups.ts). */
  readonly grouped?: ReadonlySet<string>;
  /** Gets what claims will not have to read. An id is never used twice, so it does no harm when the transaction fails. */
  readonly known?: KnownRecords;
  /** As of the store (`PostgresOptions`). */
  readonly manyMin?: number;
}

/** Returns what only the stored rows tell. */
export async function writeRows(
  db: Querier,
  writes: Writes,
  { before, gone = new Set(), grouped = new Set(), known, manyMin = MANY_MIN }: Rows,
): Promise<Signals> {
  if (writes.inserted.length > 0) await writeInserted(db, writes, known);
  await writeLive(
    db,
    [...writes.live.values()].filter(({ id }) => !grouped.has(id)),
    before,
  );
  if (writes.moved.size > 0) await db.write(MOVE, [[...writes.moved.keys()], [...writes.moved.values()]]);
  await insertMany(db, attemptsTable, writes.attempts);
  await writeEvents(db, writes, { before, groupMin: manyMin });
  await writeDecisions(db, writes);
  if (writes.ended.size > 0) await writeEnded(db, writes, gone);
  for (const id of writes.ended.keys()) known?.ended(id);
  const dispatchAt = writes.runsEnded.size === 0 ? null : await wakeSchedules(db, writes.runsEnded);
  if (writes.spent.size > 0) {
    const spent = [...writes.spent.values()];
    await db.write(SPEND, [spent.map((one) => one.queue), spent.map((one) => one.fairnessKey), spent.map((one) => one.spentUntil)]);
  }
  if (writes.keysTaken.length > 0) {
    const taken = [writes.keysTaken.map((one) => one.key), writes.keysTaken.map((one) => one.jobId)];
    await db.write("INSERT INTO key_holders (name, job_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING", taken);
  }
  return dispatchAt === null ? noSignals : { ...noSignals, dispatchAt };
}

const MOVE = "UPDATE jobs SET queue = moved.queue FROM unnest($1::text[], $2::text[]) AS moved (id, queue) WHERE jobs.id = moved.id";
const SPEND = `INSERT INTO rate_buckets (queue, fairness_key, spent_until) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
  ON CONFLICT (queue, fairness_key) DO UPDATE SET spent_until = excluded.spent_until`;

const insertJobs = insertInto(jobsTable);

async function writeInserted(db: Querier, writes: Writes, known: KnownRecords | undefined): Promise<void> {
  const rows = jobsTable.alike(writes.inserted);
  await insertJobs(db, rows.columns);
  if (known !== undefined) for (const row of rowsOf(rows)) known.put(row);
  const labels = writes.inserted.flatMap((job) =>
    Object.entries(job.labels).map(([label, value]) => [job.workspace, label, value, job.id] as const),
  );
  if (labels.length > 0)
    await db.write(
      "INSERT INTO job_labels (workspace, label, value, job_id) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
      transposed(labels, 4),
    );
  const keys = writes.idempotency.map((one) => [one.workspace, one.key, one.jobId, one.requestHash] as const);
  if (keys.length === 0) return;
  await db.write(
    "INSERT INTO idempotency_keys (workspace, idempotency_key, job_id, request_hash) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])",
    transposed(keys, 4),
  );
}

const TIMER = { name: "timer_at", kind: "integer" } as const;
const insertLive = insertInto({ ...liveTable, columns: [...liveTable.columns, TIMER] });
const changed = changedIn(liveTable, liveChangingColumns);

async function writeLive(db: Querier, rows: readonly LiveJob[], before: ReadonlyMap<string, LiveJob>): Promise<void> {
  const made = rows.filter((live) => !before.has(live.id));
  if (made.length > 0) await insertLive(db, [...liveTable.alike(made).columns, timersOf(made).values]);
  const changes = rows.flatMap((now) => {
    const old = before.get(now.id);
    return old === undefined ? [] : [{ now, before: old }];
  });
  if (changes.length === 0) return;
  const after = changes.map(({ now }) => now);
  const timersChanged = changes.some((change) => timerOf(change.before) !== timerOf(change.now));
  await updateRows(db, "jobs_live", {
    ids: after.map(({ id }) => id),
    columns: [...changed(changes), ...(timersChanged ? [timersOf(after)] : [])],
  });
}

function timersOf(rows: readonly LiveJob[]): Given {
  return columnOf(TIMER.name, TIMER.kind, rows.map(timerOf));
}

async function writeDecisions(db: Querier, writes: Writes): Promise<void> {
  const facts = writes.facts.filter(({ jobId }) => !writes.ended.has(jobId));
  if (facts.length > 0) {
    const arrays = [facts.map((one) => one.jobId), facts.map((one) => one.number), facts.map((one) => JSON.stringify(one.fact))];
    await db.write("INSERT INTO facts (job_id, number, fact) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])", arrays);
  }
  const seen = [...writes.factsSeen].filter(([id]) => !writes.ended.has(id));
  if (seen.length > 0) {
    const sql =
      "DELETE FROM facts USING unnest($1::text[], $2::bigint[]) AS seen (job_id, number) WHERE facts.job_id = seen.job_id AND facts.number <= seen.number";
    await db.write(sql, [seen.map(([id]) => id), seen.map(([, number]) => number)]);
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
    await db.write(sql, transposed(kept, 3));
  }
  if (removed.length > 0)
    await db.write(
      "DELETE FROM cursors USING unnest($1::text[], $2::text[]) AS gone (job_id, entry) WHERE cursors.job_id = gone.job_id AND cursors.entry = gone.entry",
      transposed(removed, 2),
    );
}

async function writeEnded(db: Querier, writes: Writes, gone: ReadonlySet<string>): Promise<void> {
  await insertMany(db, endsTable, [...writes.ended.values()].map(endOf));
  const left = [...writes.ended.keys()].filter((id) => !gone.has(id));
  if (left.length > 0) await db.write("DELETE FROM jobs_live WHERE id = ANY($1::text[])", [left]);
  if (writes.decidersEnded.length === 0) return;
  await db.write("DELETE FROM facts WHERE job_id = ANY($1::text[])", [writes.decidersEnded]);
  await db.write("DELETE FROM cursors WHERE job_id = ANY($1::text[])", [writes.decidersEnded]);
}
