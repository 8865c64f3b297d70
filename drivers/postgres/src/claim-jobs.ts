/**
 * `claim` on PostgreSQL: candidates that nobody else holds, admitted by the kernel. Each round is a transaction of its own.
 *
 * C1. Rows of queues with a limit are locked first, in the order of names; the attempts alive are counted after that, so
 *     two claims never count the same free place (limit 1 was once seen with 3 running).
 * C2. Candidates are locked and those of others passed over: two claims never wait for each other's jobs.
 * C3. Keys are locked last (K1).
 * C4. A session that is not open claims nothing (ports, S4): its row is kept from being deleted until the claim is stored.
 */
import type pg from "pg";
import { admit, joinTallies, noTally, WorkingSet, type LiveJob, type QueueState, type ReadonlyTally, type Signals } from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest } from "@windlass/ports";
import { jobsTable, joinSignals, liveTable, noSignals } from "@windlass/sql";
import { lockKeys } from "./concurrency-keys.ts";
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";
import { writeRows } from "./write-rows.ts";

/** How often one claim looks again because jobs with a full key ate its batch; then whoever claims comes back. */
const ROUNDS_MAX = 20;

export async function claim(pool: pg.Pool, request: ClaimRequest): Promise<Claimed> {
  const jobs: ClaimedJob[] = [];
  let signals = noSignals;
  let tally = noTally;
  for (let round = 0; round === 0 || jobs.length < request.limit; round++) {
    const done = await inTransaction(pool, (db) => claimRound(db, { ...request, limit: request.limit - jobs.length }));
    jobs.push(...done.jobs);
    signals = joinSignals(signals, done.signals);
    tally = joinTallies(tally, done.tally);
    if (!done.blockedSome) break;
    if (round === ROUNDS_MAX) return { jobs, signals: joinSignals(signals, { ...noSignals, ready: done.offered }), tally };
  }
  return { jobs, signals, tally };
}

interface Round {
  readonly jobs: readonly ClaimedJob[];
  readonly signals: Signals;
  readonly tally: ReadonlyTally;
  /** True when there may be more behind the jobs that became blocked. */
  readonly blockedSome: boolean;
  readonly offered: ReadonlySet<string>;
}

async function claimRound(db: Querier, request: ClaimRequest): Promise<Round> {
  const { limit, ahead = 0, now } = request;
  if ((await db.rows(SESSION, [request.session])).length === 0)
    return { jobs: [], signals: noSignals, tally: noTally, blockedSome: false, offered: new Set() };
  const queues = await loadQueues(db, request);
  const candidates: LiveJob[] = [];
  for (const [name, queue] of queues) {
    const rows = await db.rows(isOpen(queue, request) ? READY : RESUMED, [request.executor, name, limit + ahead]);
    candidates.push(...rows.map((row) => liveTable.decode(row)));
  }
  const set = new WorkingSet({ live: candidates, ended: [], children: [], idempotent: [] }, request.now);
  if (candidates.length === 0) return { jobs: [], signals: noSignals, tally: noTally, blockedSome: false, offered: new Set() };
  const names = new Set(candidates.flatMap(({ concurrencyKey }) => (concurrencyKey === null ? [] : [concurrencyKey])));
  const keys = await lockKeys(db, [...names].toSorted());
  const ids = admit(set, { candidates: candidates.toSorted(byTurn), queues, keys, claim: request, limit, ahead, now });
  await writeRows(db, set.writes, new Set(candidates.map((live) => live.id)));
  const records = new Map((await db.rows(RECORDS, [ids])).map((row) => jobsTable.decode(row)).map((record) => [record.id, record]));
  const jobs = ids.flatMap((id) => {
    const record = records.get(id);
    const live = set.get(id);
    return record === undefined || live === undefined ? [] : [{ record, live }];
  });
  return {
    jobs,
    signals: set.signals,
    tally: set.tally,
    blockedSome: set.writes.live.size > ids.length,
    offered: new Set(candidates.map((live) => `${live.executor}/${live.queue}`)),
  };
}

/** Deleting the row waits for this lock, heartbeats do not. */
const SESSION = "SELECT 1 FROM sessions WHERE id = $1 FOR KEY SHARE";
const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id = ANY($1::text[])`;
const CANDIDATES = `SELECT ${liveTable.list()} FROM jobs_live WHERE executor = $1 AND queue = $2 AND state = 'queued'`;
const READY = `${CANDIDATES} AND blocked = 0 ORDER BY priority DESC, id LIMIT $3 FOR UPDATE SKIP LOCKED`;
const RESUMED = `${CANDIDATES} AND resumed = 1 ORDER BY priority DESC, id LIMIT $3 FOR UPDATE SKIP LOCKED`;
/** Steps from one queue to the next in the index, however many jobs lie between. */
const READY_QUEUES = `WITH RECURSIVE names AS (
    (SELECT queue FROM jobs_live WHERE executor = $1 AND state = 'queued' AND blocked = 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT l.queue FROM jobs_live l WHERE l.executor = $1 AND l.queue > names.queue AND l.state = 'queued' AND l.blocked = 0 ORDER BY l.queue LIMIT 1) FROM names WHERE names.queue IS NOT NULL
  ) SELECT queue FROM names WHERE queue IS NOT NULL`;
const LIMITED =
  "SELECT name, paused, concurrency_limit FROM queues WHERE name = ANY($1::text[]) AND concurrency_limit IS NOT NULL ORDER BY name FOR UPDATE";
const UNLIMITED = "SELECT name, paused FROM queues WHERE name = ANY($1::text[]) AND concurrency_limit IS NULL";
const HELD =
  "SELECT queue, count(*) FROM jobs_live WHERE queue = ANY($1::text[]) AND holder <> 'none' AND state IN ('running', 'stopping') GROUP BY queue";

async function loadQueues(db: Querier, request: ClaimRequest): Promise<Map<string, QueueState>> {
  const names = request.queues ?? (await db.rows(READY_QUEUES, [request.executor])).map((row) => row[0] as string);
  const queues = new Map<string, QueueState>(names.map((name) => [name, { paused: false, limit: null, running: 0 }]));
  for (const [name, paused] of await db.rows(UNLIMITED, [names]))
    queues.set(name as string, { paused: paused === 1, limit: null, running: 0 });
  const limited = await db.rows(LIMITED, [names]);
  if (limited.length === 0) return queues;
  const held = new Map((await db.rows(HELD, [limited.map((row) => row[0] as string)])) as readonly [string, number][]);
  for (const [name, paused, limit] of limited)
    queues.set(name as string, { paused: paused === 1, limit: limit as number, running: held.get(name as string) ?? 0 });
  return queues;
}

function byTurn(a: LiveJob, b: LiveJob): number {
  return b.priority - a.priority || (a.id < b.id ? -1 : 1);
}

/** Whether this queue offers more than resumed attempts to this claim (kernel, D3 and D4). */
function isOpen(queue: QueueState, { executor }: ClaimRequest): boolean {
  return !queue.paused && (executor === "none" || queue.limit === null || queue.running < queue.limit);
}
