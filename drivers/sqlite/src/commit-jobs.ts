/**
 * `commit` and `unblock` on SQLite: load the rows that the changes need, let the kernel decide, write what came out. The
 * caller holds the write transaction, so nothing needs a lock.
 */
import {
  applyChanges,
  childKeyOf,
  definitionsNeeded,
  idempotencyKeyOf,
  idsNeeded,
  recordsMade,
  roomOf,
  unblocked,
  WorkingSet,
  workspacesNeeded,
  type Change,
  type LiveJob,
  type Signals,
  type Writes,
} from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { joinSignals, liveTable, noSignals, TIDIED_MAX, tidyFrom, tidyNext } from "@windlass/sql";
import { absentWorkspaces } from "./access.ts";
import type { Database, Row } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";
import { storeDeadLetters } from "./dead-letters.ts";
import { disabledDefinitions } from "./small-stores.ts";
import { writeRows } from "./write-rows.ts";

export function commit(db: Database, changes: readonly Change[], now: number): Committed {
  const { live, ended } = loadLive(db, idsNeeded(changes));
  const absent = absentWorkspaces(db, workspacesNeeded(changes));
  const disabled = disabledDefinitions(db, definitionsNeeded(changes));
  const set = new WorkingSet({ live: live.values(), ended, absentWorkspaces: absent, disabled, ...loadMade(db, changes) }, now);
  const results = applyChanges(set, changes, now);
  const grown = storeKeyLimits(db, set.writes);
  const told = writeRows(db, set.writes, live);
  storeDeadLetters(db, set);
  const freed = releaseKeys(db, set.writes);
  return {
    results,
    signals: joinSignals(joinSignals(set.signals, told), promote(db, [...new Set([...grown, ...freed])], now)),
    tally: set.tally,
  };
}

/** Makes blocked jobs ready wherever a key has room. */
export function unblock(db: Database, now: number): Signals {
  return promote(db, blockedKeys(db), now);
}

/** Keys of which nobody holds a place, and nobody alive would ask for one; buckets that are as good as untouched. */
export function tidy(db: Database, after: string, now: number): string {
  const from = tidyFrom(after);
  if (from.part === "buckets") {
    const page = db.all(BUCKETS_PAGE, [from.queue, from.fairnessKey]);
    const [queue = null, fairnessKey = null] = page.at(-1) ?? [];
    if (queue !== null) db.run(REMOVE_FULL_BUCKETS, [from.queue, from.fairnessKey, queue, fairnessKey, now * 1_000]);
    return tidyNext(from, page);
  }
  const names = db.all(`SELECT name FROM concurrency_keys WHERE name > ? ORDER BY name LIMIT ${TIDIED_MAX}`, [from.name]);
  for (const [name = ""] of names) db.run(REMOVE_UNUSED_KEY, [name, name, name]);
  return tidyNext(from, names);
}

const BUCKETS_PAGE = `SELECT queue, fairness_key FROM rate_buckets WHERE (queue, fairness_key) > (?, ?) ORDER BY queue, fairness_key LIMIT ${TIDIED_MAX}`;
const REMOVE_FULL_BUCKETS =
  "DELETE FROM rate_buckets WHERE (queue, fairness_key) > (?, ?) AND (queue, fairness_key) <= (?, ?) AND spent_until <= ?";
const REMOVE_UNUSED_KEY = `DELETE FROM concurrency_keys WHERE name = ? AND NOT EXISTS (SELECT 1 FROM key_holders WHERE name = ?)
  AND NOT EXISTS (SELECT 1 FROM jobs_live WHERE concurrency_key = ?)`;

/** Steps from one key to the next in the index, however many jobs are blocked by each. */
function blockedKeys(db: Database): string[] {
  const keys: string[] = [];
  for (let name = ""; ;) {
    const row = db.get(NEXT_BLOCKED_KEY, [name]);
    if (row === undefined) return keys;
    name = row[0] as string;
    keys.push(name);
  }
}

const NEXT_BLOCKED_KEY =
  "SELECT concurrency_key FROM jobs_live WHERE concurrency_key > ? AND state = 'queued' AND blocked = 1 ORDER BY concurrency_key LIMIT 1";

const LOAD_LIVE = `SELECT ${liveTable.list()} FROM jobs_live WHERE id IN`;
const BLOCKED = `SELECT ${liveTable.list()} FROM jobs_live WHERE concurrency_key = ? AND state = 'queued' AND blocked = 1 ORDER BY priority DESC, id LIMIT ?`;

/** The live rows of these jobs and of their parents, and which of the others have ended. */
function loadLive(db: Database, ids: ReadonlySet<string>): { live: Map<string, LiveJob>; ended: string[] } {
  const live = new Map(liveRows(db, [...ids]).map((job) => [job.id, job]));
  const missing = [...ids].filter((id) => !live.has(id));
  const parents = new Set<string>();
  for (const { parentId } of live.values()) if (parentId !== null && !live.has(parentId)) parents.add(parentId);
  for (const parent of liveRows(db, [...parents])) live.set(parent.id, parent);
  return { live, ended: rowsOfIds(db, "SELECT id FROM jobs WHERE id IN", missing).map((row) => row[0] as string) };
}

/** The live rows of these ids that are there, in no particular order. */
export function liveRows(db: Database, ids: readonly string[]): LiveJob[] {
  const found: LiveJob[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const live = db.held.live(id) ?? db.hot.live(id);
    if (live === undefined) unknown.push(id);
    else found.push(live);
  }
  return [...found, ...rowsOfIds(db, LOAD_LIVE, unknown).map((row) => liveTable.decode(row))];
}

/** Which of the jobs to be made are there already. */
function loadMade(
  db: Database,
  changes: readonly Change[],
): { children: [string, string][]; idempotent: [string, { id: string; requestHash: string | null }][] } {
  const children: [string, string][] = [];
  const idempotent: [string, { id: string; requestHash: string | null }][] = [];
  for (const job of recordsMade(changes)) {
    if (job.parentId !== null) {
      const childKey = job.childKey ?? job.id;
      const row = db.get("SELECT id FROM jobs WHERE parent_id = ? AND child_key = ?", [job.parentId, childKey]);
      if (row !== undefined) children.push([childKeyOf(job.parentId, childKey), row[0] as string]);
    }
    if (job.idempotencyKey !== null) {
      const row = db.get("SELECT job_id, request_hash FROM idempotency_keys WHERE workspace = ? AND idempotency_key = ?", [
        job.workspace,
        job.idempotencyKey,
      ]);
      if (row !== undefined)
        idempotent.push([
          idempotencyKeyOf(job.workspace, job.idempotencyKey),
          { id: row[0] as string, requestHash: row[1] as string | null },
        ]);
    }
  }
  return { children, idempotent };
}

/** Stores the limits that came with new jobs; returns the keys whose limit grew. */
function storeKeyLimits(db: Database, writes: Writes): string[] {
  const grown: string[] = [];
  for (const [key, limit] of writes.keyLimits) {
    const stored = db.get("SELECT slots FROM concurrency_keys WHERE name = ?", [key])?.[0] as number | undefined;
    if (stored === limit) continue;
    db.run("INSERT INTO concurrency_keys (name, slots) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET slots = excluded.slots", [
      key,
      limit,
    ]);
    if (stored !== undefined && stored < limit) grown.push(key);
  }
  return grown;
}

/** Also of a job that held none: it may have been promised the room that another blocked job can have now. */
function releaseKeys(db: Database, writes: Writes): string[] {
  for (const { key, jobId } of writes.keysReleased) db.run("DELETE FROM key_holders WHERE name = ? AND job_id = ?", [key, jobId]);
  return writes.keysReleased.map((released) => released.key);
}

function promote(db: Database, keys: readonly string[], now: number): Signals {
  const jobs = keys.flatMap((key) => {
    const room = roomOf(loadKey(db, key));
    return room === 0 ? [] : db.all(BLOCKED, [key, room]).map((row: Row) => liveTable.decode(row));
  });
  if (jobs.length === 0) return noSignals;
  const set = new WorkingSet({ live: jobs, ended: [], children: [], idempotent: [] }, now);
  for (const job of jobs) set.take(job, unblocked(job));
  writeRows(db, set.writes, new Map(jobs.map((job) => [job.id, job])));
  return set.signals;
}

/** A key with its limit and its holders. */
export function loadKey(db: Database, key: string): { limit: number; holders: Set<string> } {
  const limit = db.get("SELECT slots FROM concurrency_keys WHERE name = ?", [key])?.[0] as number | undefined;
  const holders = db.all("SELECT job_id FROM key_holders WHERE name = ?", [key]).map((row) => row[0] as string);
  return { limit: limit ?? 1, holders: new Set(holders) };
}
