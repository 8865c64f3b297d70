/**
 * Writes what a working set came to, in the order in which `Writes` lists it, many rows with one statement. Of a live row
 * only the columns that differ are written, so that an index is touched only when what it orders by has changed.
 */
import type { LiveJob, Signals, Writes } from "@windlass/kernel";
import { attemptsTable, endOf, endsTable, noSignals } from "@windlass/sql";
import type { Database, Row } from "./database.ts";
import { addChange } from "./live-changes.ts";
import { ATTEMPTS, encoded, ENDS, insertMade, recordsOf, rowsMade } from "./made-rows.ts";
import { insertMany, runForIds, SameChanges, Target } from "./many-rows.ts";
import { wakeSchedules } from "./wake-schedules.ts";

const FACTS = new Target("facts", ["job_id", "number", "fact"]);

const SPEND = "INSERT OR REPLACE INTO rate_buckets (queue, fairness_key, spent_until) VALUES (?, ?, ?)";

/** `before` holds the live rows as they were loaded; a row that is not there is new. Returns what only the stored rows tell. */
export function writeRows(db: Database, writes: Writes, before: ReadonlyMap<string, LiveJob>): Signals {
  const made: LiveJob[] = [];
  const changes = new SameChanges();
  const held = db.held.take(db, touched(writes));
  for (const live of writes.live.values()) {
    const old = held.get(live.id)?.stored ?? before.get(live.id);
    if (old === undefined) made.push(live);
    else addChange(changes, live, old);
  }
  const heldEvents = Array.from(held.values(), ({ event }) => event);
  const rows = rowsMade(db, { ...writes, events: [...heldEvents, ...writes.events] }, made);
  insertMade(db, rows);
  changes.update(db, "jobs_live");
  for (const [id, queue] of writes.moved) db.run("UPDATE jobs SET queue = ? WHERE id = ?", [queue, id]);
  insertMany(db, ATTEMPTS, encoded(attemptsTable, writes.attempts));
  writeDecisions(db, writes);
  writeEnded(db, writes);
  const dispatchAt = writes.runsEnded.size === 0 ? null : wakeSchedules(db, writes.runsEnded);
  for (const { queue, fairnessKey, spentUntil } of writes.spent.values()) db.run(SPEND, [queue, fairnessKey, spentUntil]);
  remember(db, writes, recordsOf(rows));
  for (const { key, jobId } of writes.keysTaken) db.run("INSERT OR IGNORE INTO key_holders (name, job_id) VALUES (?, ?)", [key, jobId]);
  return dispatchAt === null ? noSignals : { ...noSignals, dispatchAt };
}

function* touched({ live, ended }: Writes): Generator<string> {
  yield* live.keys();
  yield* ended.keys();
}

function remember({ hot, held }: Database, writes: Writes, records: readonly Row[]): void {
  for (const record of records) hot.records.put(record);
  for (const live of writes.live.values()) {
    hot.putLive(live);
    held.ready(live);
  }
  for (const id of writes.ended.keys()) hot.ended(id);
}

function writeEnded(db: Database, writes: Writes): void {
  insertMany(db, ENDS, encoded(endsTable, [...writes.ended.values()].map(endOf)));
  runForIds(db, "DELETE FROM jobs_live WHERE id IN", { ids: [...writes.ended.keys()] });
  runForIds(db, "DELETE FROM facts WHERE job_id IN", { ids: writes.decidersEnded });
  runForIds(db, "DELETE FROM cursors WHERE job_id IN", { ids: writes.decidersEnded });
}

function writeDecisions(db: Database, writes: Writes): void {
  insertMany(
    db,
    FACTS,
    writes.facts.map(({ jobId, number, fact }) => [jobId, number, JSON.stringify(fact)]),
  );
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
