/**
 * The queues of a claim on PostgreSQL: their settings, and what of their limits is used. C1 of claim-jobs.ts is kept here.
 */
import {
  overallOf,
  queueState,
  unsetQueue,
  withOverall,
  withSpawnerLimits,
  type LiveJob,
  type Queue,
  type QueueState,
  type SpawnerLimits,
  type WaitingCount,
} from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";
import { askedQueues, queuesTable, RUNNERS_ALIVE, waitingCount, waitingQuery } from "@windlass/sql";
import { ofAllLive } from "./claim-groups.ts";
import type { Querier } from "./connection.ts";
import { KEEP_SETTINGS } from "./queue-settings.ts";

/** Steps from one queue to the next in the index, however many jobs lie between. */
const READY_QUEUES = `WITH RECURSIVE names AS (
    (SELECT queue FROM jobs_live WHERE executor = $1 AND state = 'queued' AND blocked = 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT l.queue FROM jobs_live l WHERE l.executor = $1 AND l.queue > names.queue AND l.state = 'queued' AND l.blocked = 0 ORDER BY l.queue LIMIT 1) FROM names WHERE names.queue IS NOT NULL
  ) SELECT queue FROM names WHERE queue IS NOT NULL`;
const SETTINGS = `SELECT ${queuesTable.list()} FROM queues WHERE name = ANY($1::text[])`;
/** Held to the end of the transaction. */
const SPAWNER_LOCK = "SELECT pg_advisory_xact_lock($1)";
/** No other lock of ours has this number. */
const SPAWNER_NUMBER = 7_461_002;
const LOCK = "SELECT 1 FROM queues WHERE name = ANY($1::text[]) ORDER BY name FOR UPDATE";
/** Those that stand in groups are counted without looking at them. */
const ALIVE = `SELECT queue, fairness_key, sum(count)::bigint FROM (
    SELECT queue, fairness_key, 1 AS count FROM jobs_live WHERE queue = ANY($1::text[]) AND holder <> 'none' AND state IN ('running', 'stopping')
    UNION ALL SELECT queue, fairness_key, size FROM claim_groups WHERE queue = ANY($1::text[])
  ) AS alive GROUP BY queue, fairness_key`;
/** Of queues as a whole. */
const SPENT = "SELECT queue, spent_until FROM rate_buckets WHERE queue = ANY($1::text[]) AND fairness_key = ''";
export const BUCKETS = "SELECT fairness_key, spent_until FROM rate_buckets WHERE queue = $1 AND fairness_key = ANY($2::text[])";

/** The state of each queue that is asked for; rows with a limit are locked, and the settings of all stay as they are. */
export async function loadQueues(db: Querier, request: ClaimRequest): Promise<Map<string, QueueState>> {
  const names = request.queues ?? askedQueues(await readyQueues(db, request.executor), request);
  const { spawner } = request;
  const limitsRunners = spawner !== undefined && names.some((name) => hasLimits(withSpawnerLimits(unsetQueue(name), spawner)));
  if (limitsRunners || overallOf(names, spawner, 0) !== null) await db.rows(SPAWNER_LOCK, [SPAWNER_NUMBER]);
  const [, known] = await Promise.all([db.rows(KEEP_SETTINGS), settingsOf(db, SETTINGS, names)]);
  const settings = (name: string): Queue => withSpawnerLimits(known.get(name) ?? unsetQueue(name), spawner);
  const withLimits = names.filter((name) => hasLimits(settings(name)));
  const queues = new Map<string, QueueState>(names.map((name) => [name, queueState(settings(name))]));
  // Sent together: what is counted is counted behind the lock.
  if (withLimits.length > 0) await Promise.all([db.rows(LOCK, [withLimits]), loadUsed(db, withLimits.map(settings), queues)]);
  await loadOverall(db, queues, spawner);
  return queues;
}

async function readyQueues(db: Querier, executor: string): Promise<readonly string[]> {
  return (await db.rows(READY_QUEUES, [executor])).map((row) => row[0] as string);
}

async function settingsOf(db: Querier, sql: string, names: readonly string[]): Promise<Map<string, Queue>> {
  return new Map((await db.rows(sql, [names])).map((row) => queuesTable.decode(row)).map((queue) => [queue.name, queue]));
}

async function loadOverall(db: Querier, queues: ReadonlyMap<string, QueueState>, spawner: SpawnerLimits | undefined): Promise<void> {
  const names = [...queues.keys()];
  if (overallOf(names, spawner, 0) === null) return;
  const overall = overallOf(names, spawner, (await db.rows(ofAllLive(RUNNERS_ALIVE)))[0]?.[0] as number);
  for (const [name, state] of queues) withOverall(state, name, overall);
}

function hasLimits({ concurrencyLimit, rateLimit, keyConcurrencyLimit, keyRateLimit }: Queue): boolean {
  return concurrencyLimit !== null || rateLimit !== null || keyConcurrencyLimit !== null || keyRateLimit !== null;
}

interface QueueLook {
  readonly fairnessKey: string;
  readonly spawner: SpawnerLimits | undefined;
}

/** What a claim would see of one queue and one of its fairness keys; locks nothing. */
export async function stateOfQueue(db: Querier, name: string, { fairnessKey, spawner }: QueueLook): Promise<QueueState> {
  const queue = withSpawnerLimits((await settingsOf(db, SETTINGS, [name])).get(name) ?? unsetQueue(name), spawner);
  const state = queueState(queue);
  await loadUsed(db, [queue], new Map([[name, state]]));
  await loadOverall(db, new Map([[name, state]]), spawner);
  if (fairnessKey === "" || queue.keyRateLimit === null) return state;
  const spentUntil = ((await db.rows(BUCKETS, [name, [fairnessKey]]))[0]?.[1] ?? 0) as number;
  state.fairness.set(fairnessKey, { running: state.fairness.get(fairnessKey)?.running ?? 0, spentUntil });
  return state;
}

export async function waitingInQueue(db: Querier, live: Pick<LiveJob, "executor" | "queue" | "priority" | "id">): Promise<WaitingCount[]> {
  const { sql, values } = waitingQuery(live, (n) => `$${n}`);
  return (await db.rows(sql, values)).map((row) => waitingCount(row));
}

/** Counts only what a limit needs. */
async function loadUsed(db: Querier, limited: readonly Queue[], queues: ReadonlyMap<string, QueueState>): Promise<void> {
  const counted = limited.filter(({ concurrencyLimit, keyConcurrencyLimit }) => concurrencyLimit !== null || keyConcurrencyLimit !== null);
  const rated = limited.filter(({ rateLimit }) => rateLimit !== null);
  const [alive, spent] = await Promise.all([
    counted.length === 0 ? [] : db.rows(ALIVE, [counted.map(({ name }) => name)]),
    rated.length === 0 ? [] : db.rows(SPENT, [rated.map(({ name }) => name)]),
  ]);
  for (const [name, key, count] of alive) {
    const state = queues.get(name as string);
    if (state === undefined) continue;
    state.running += count as number;
    if (state.settings.keyConcurrencyLimit !== null) state.fairness.set(key as string, { running: count as number, spentUntil: 0 });
  }
  for (const [name, spentUntil] of spent) {
    const state = queues.get(name as string);
    if (state !== undefined) state.spentUntil = spentUntil as number;
  }
}
