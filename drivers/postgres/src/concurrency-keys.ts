/**
 * Concurrency keys on PostgreSQL.
 *
 * K1. Who counts, takes or frees places of a key holds the lock of its row in `concurrency_keys`, taken in the order of
 *     names, after the locks of live rows. What is counted under it cannot change before it is written.
 * K2. Freeing counts under the same lock as blocking: a job that is being blocked is either seen by who frees, or sees
 *     the place that was freed.
 * K3. A key that nobody uses goes only if nobody is about to store a job with it: who does holds its row against that
 *     until the job can be seen.
 */
import { roomOf, unblocked, WorkingSet, type KeyState, type LiveJob, type Signals, type Writes } from "@windlass/kernel";
import { noSignals, TIDIED_MAX, tidyFrom, tidyNext } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { liveColumns, liveOf } from "./live-rows.ts";
import { writeRows } from "./write-rows.ts";

/** The keys with their holders, locked (K1). */
export async function lockKeys(db: Querier, names: readonly string[]): Promise<Map<string, KeyState>> {
  const keys = new Map<string, KeyState>();
  if (names.length === 0) return keys;
  const limits = await db.rows("SELECT name, slots FROM concurrency_keys WHERE name = ANY($1::text[]) ORDER BY name FOR NO KEY UPDATE", [
    names,
  ]);
  for (const [name, slots] of limits) keys.set(name as string, { limit: slots as number, holders: new Set() });
  for (const [name, id] of await db.rows("SELECT name, job_id FROM key_holders WHERE name = ANY($1::text[])", [names]))
    keys.get(name as string)?.holders.add(id as string);
  return keys;
}

/** Stores the limits that came with new jobs; returns the keys whose limit grew. */
export async function storeKeyLimits(db: Querier, limits: ReadonlyMap<string, number>): Promise<string[]> {
  if (limits.size === 0) return [];
  const names = [...limits.keys()];
  const stored = new Map(
    (await db.rows("SELECT name, slots FROM concurrency_keys WHERE name = ANY($1::text[]) ORDER BY name FOR KEY SHARE", [
      names,
    ])) as readonly [string, number][],
  );
  const changed = names.filter((name) => stored.get(name) !== limits.get(name)).toSorted();
  if (changed.length === 0) return [];
  const sql =
    "INSERT INTO concurrency_keys (name, slots) SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (name) DO UPDATE SET slots = excluded.slots";
  await db.write(sql, [changed, changed.map((name) => limits.get(name) ?? 1)]);
  return changed.filter((name) => (stored.get(name) ?? Infinity) < (limits.get(name) ?? 1));
}

/** Removes keys of which nobody holds a place, and nobody alive would ask for one (K3); and buckets that are as good as untouched. */
export async function tidy(db: Querier, after: string, now: number): Promise<string> {
  const from = tidyFrom(after);
  if (from.part === "buckets") {
    const page = await db.rows(BUCKETS_PAGE, [from.queue, from.fairnessKey]);
    const [queue = null, fairnessKey = null] = page.at(-1) ?? [];
    if (queue !== null) await db.rows(REMOVE_FULL_BUCKETS, [from.queue, from.fairnessKey, queue, fairnessKey, now * 1_000]);
    return tidyNext(from, page);
  }
  const page = await db.rows(`SELECT name FROM concurrency_keys WHERE name > $1 ORDER BY name LIMIT ${TIDIED_MAX}`, [from.name]);
  const names = page.map((row) => row[0] as string);
  // Whoever is using one of them keeps it: its row is passed over. Whether it is unused is asked again once it is locked.
  const locked = await db.rows(
    `SELECT name FROM concurrency_keys WHERE name = ANY($1::text[]) AND ${UNUSED} ORDER BY name FOR UPDATE SKIP LOCKED`,
    [names],
  );
  if (locked.length > 0)
    await db.rows(`DELETE FROM concurrency_keys WHERE name = ANY($1::text[]) AND ${UNUSED}`, [locked.map((row) => row[0] as string)]);
  return tidyNext(from, page);
}

const BUCKETS_PAGE = `SELECT queue, fairness_key FROM rate_buckets WHERE (queue, fairness_key) > ($1, $2) ORDER BY queue, fairness_key LIMIT ${TIDIED_MAX}`;
const REMOVE_FULL_BUCKETS =
  "DELETE FROM rate_buckets WHERE (queue, fairness_key) > ($1, $2) AND (queue, fairness_key) <= ($3, $4) AND spent_until <= $5";
const UNUSED = `NOT EXISTS (SELECT 1 FROM key_holders h WHERE h.name = concurrency_keys.name)
  AND NOT EXISTS (SELECT 1 FROM jobs_live l WHERE l.concurrency_key = concurrency_keys.name)`;

/** Frees what was released and lets blocked jobs in, also for keys that have room for another reason. */
export async function freeKeys(
  db: Querier,
  change: { readonly released: Writes["keysReleased"]; readonly grown: readonly string[]; readonly now: number },
): Promise<Signals> {
  const names = [...new Set([...change.grown, ...change.released.map((one) => one.key)])].toSorted();
  if (names.length === 0) return noSignals;
  const keys = await lockKeys(db, names);
  if (change.released.length > 0) {
    const gone =
      "DELETE FROM key_holders USING unnest($1::text[], $2::text[]) AS gone (name, job_id) WHERE key_holders.name = gone.name AND key_holders.job_id = gone.job_id";
    await db.write(gone, [change.released.map((one) => one.key), change.released.map((one) => one.jobId)]);
    for (const { key, jobId } of change.released) keys.get(key)?.holders.delete(jobId);
  }
  const promoted: LiveJob[] = [];
  // A blocked row that is locked is about to end, and who ends it looks at this key again.
  for (const [name, key] of keys) if (roomOf(key) > 0) promoted.push(...(await db.rows(BLOCKED, [name, roomOf(key)])).map(liveOf));
  if (promoted.length === 0) return noSignals;
  const set = new WorkingSet({ live: promoted, ended: [], children: [], idempotent: [] }, change.now);
  for (const live of promoted) set.take(live, unblocked(live));
  await writeRows(db, set.writes, { before: new Map(promoted.map((live) => [live.id, live])) });
  return set.signals;
}

const BLOCKED = `SELECT ${liveColumns()} FROM jobs_live WHERE concurrency_key = $1 AND state = 'queued' AND blocked = 1 ORDER BY priority DESC, id LIMIT $2 FOR UPDATE SKIP LOCKED`;
