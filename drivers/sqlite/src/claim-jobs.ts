/**
 * `claim` on SQLite: candidates of each queue in turn, admitted by the kernel, written. The caller holds the write
 * transaction, so what is counted cannot change before it is written.
 *
 * C1. Whose turn it is is decided by `candidates.ts` of drivers/sql; this answers what it asks.
 * C2. A session that is not open claims nothing (ports, S4).
 * C3. Jobs whose key is full leave the ready index as they are met, so a claim looks at each of them once.
 * C4. Jobs that were taken in are claimed where they lie (I6 of intake.ts) when they are all that is ready in the queues that are asked
 *     for, and the claim may be held. Else they are put into the tables first.
 */
import {
  admit,
  heldUntil,
  isUnhindered,
  joinTallies,
  mergeQueues,
  noTally,
  overallOf,
  queueState,
  unsetQueue,
  withOverall,
  withSpawnerLimits,
  WorkingSet,
  type ExecutorName,
  type LiveJob,
  type Queue,
  type QueueState,
  type Signals,
  type SpawnerLimits,
  type WaitingCount,
  type Writes,
} from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";
import {
  askedQueues,
  candidatesOf,
  joinSignals,
  noSignals,
  queuesTable,
  RUNNERS_ALIVE,
  waitingCount,
  waitingQuery,
  type Candidates,
  type Probe,
} from "@windlass/sql";
import { alike } from "./alike-rows.ts";
import { firstOf, withRecords, type ClaimedRows } from "./claimed-rows.ts";
import { liveRows, loadKey } from "./commit-jobs.ts";
import { isPlain, type Front } from "./held-claims.ts";
import type { Database, Row } from "./database.ts";
import { writeRows } from "./write-rows.ts";

/** How often one claim looks again because jobs with a full key ate its batch; then whoever claims comes back. */
const ROUNDS_MAX = 20;

export function claim(db: Database, request: ClaimRequest): ClaimedRows {
  const claimed: LiveJob[] = [];
  const { executor, ahead = 0, now } = request;
  let signals = noSignals;
  let tally = noTally;
  let held: number | null = null;
  let nothingLeft = false;
  if (!db.held.isKnown) db.payOff("asked");
  if (db.get(SESSION, [request.session]) === undefined) return { jobs: alike([]), signals, tally, nothingLeft: false, heldUntil: null };
  for (let round = 0; round === 0 || claimed.length < request.limit; round++) {
    const limit = request.limit - claimed.length;
    if (request.queues === undefined) db.intake.apply(db, "asked");
    const queues = loadQueues(db, request);
    const all = readyJobs(db, queues, { executor, limit, ahead, now });
    if (all.length === 0) {
      held = earliest(queues, now);
      nothingLeft = [...queues.values()].every(isUnhindered);
      break;
    }
    const candidates = firstOf(db, all, claimed);
    // The rest is for the next claim.
    if (round === ROUNDS_MAX || candidates.length === 0) {
      signals = joinSignals(signals, readyAgain(all));
      break;
    }
    const set = new WorkingSet({ live: candidates, ended: [], children: [], idempotent: [] }, request.now);
    const keys = new Map(
      candidates.flatMap(({ concurrencyKey }) => (concurrencyKey === null ? [] : [concurrencyKey])).map((key) => [key, loadKey(db, key)]),
    );
    const ids = admit(set, { candidates, queues, keys, claim: request, limit, ahead, now });
    const admitted = ids.map((id) => set.get(id) as LiveJob);
    const told = writeClaimed(db, set.writes, { candidates, admitted, queues });
    db.turns.took(admitted);
    claimed.push(...admitted);
    signals = joinSignals(joinSignals(signals, set.signals), told);
    tally = joinTallies(tally, set.tally);
    held = earliest(queues, now);
    if (candidates.length < all.length && admitted.length > 0) {
      signals = joinSignals(signals, readyAgain(all));
      break;
    }
    if (set.writes.live.size === 0) break;
  }
  db.waiting.claimed(request, claimed.length);
  return { jobs: withRecords(db, claimed), signals, tally, nothingLeft, heldUntil: held };
}

interface Admitted {
  readonly candidates: readonly LiveJob[];
  /** Those of them that were claimed. */
  readonly admitted: readonly LiveJob[];
  readonly queues: ReadonlyMap<string, QueueState>;
}

function writeClaimed(db: Database, writes: Writes, { candidates, admitted, queues }: Admitted): Signals {
  const mayHold = [...queues.values()].every(isUnhindered) && db.held.mayPut(writes, { candidates, admitted });
  if (!mayHold) {
    db.intake.apply(db, "asked");
    return writeRows(db, writes, new Map(candidates.map((live) => [live.id, live])));
  }
  db.held.put(db, writes, candidates);
  return noSignals;
}

function readyAgain(left: readonly LiveJob[]): Signals {
  return { ...noSignals, ready: new Set(left.map((live) => `${live.executor}/${live.queue}`)) };
}

const SESSION = "SELECT 1 FROM sessions WHERE id = ?";
const CANDIDATES = `SELECT id FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued'`;
const READY = `${CANDIDATES} AND blocked = 0 ORDER BY priority DESC, fairness_key, id LIMIT ?`;
const RESUMED = `${CANDIDATES} AND resumed = 1 ORDER BY priority DESC, id LIMIT ?`;
const OF_KEY = `${CANDIDATES} AND blocked = 0 AND priority = ? AND fairness_key = ? AND id > ? ORDER BY id LIMIT ?`;
const NEXT = "FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued' AND blocked = 0";
const NEXT_PRIORITY = `SELECT priority ${NEXT} AND priority < ? ORDER BY priority DESC LIMIT 1`;
const FIRST_KEY = `SELECT fairness_key ${NEXT} AND priority = ? ORDER BY fairness_key LIMIT 1`;
const NEXT_KEY = `SELECT fairness_key ${NEXT} AND priority = ? AND fairness_key > ? ORDER BY fairness_key LIMIT 1`;
const NEXT_QUEUE =
  "SELECT queue FROM jobs_live WHERE executor = ? AND queue > ? AND state = 'queued' AND blocked = 0 ORDER BY queue LIMIT 1";
const SETTINGS = `SELECT ${queuesTable.list()} FROM queues WHERE name = ?`;
const ALIVE = "FROM jobs_live WHERE queue = ? AND holder <> 'none' AND state IN ('running', 'stopping')";
const BUCKET = "SELECT spent_until FROM rate_buckets WHERE queue = ? AND fairness_key = ?";

type Place = Pick<LiveJob, "executor" | "queue">;

function answered(db: Database, place: Place, candidates: Candidates): readonly LiveJob[] {
  let step = candidates.next();
  while (step.done !== true) step = candidates.next(answer(db, place, step.value));
  return step.value;
}

function answer(db: Database, { executor, queue }: Place, probe: Probe): unknown {
  switch (probe.type) {
    case "ready":
      return waiting(db, readyIds(db, { executor, queue }, probe.limit));
    case "resumed":
      return waiting(db, db.all(RESUMED, [executor, queue, probe.limit]));
    case "priority":
      db.held.apply(db);
      return db.get(NEXT_PRIORITY, [executor, queue, probe.below])?.[0] ?? null;
    case "keys":
      // Held jobs have no fairness key.
      if (probe.after === null) db.held.apply(db);
      return keysFrom(db, { executor, queue }, probe);
    case "buckets":
      return probe.keys.flatMap((key) => db.all(BUCKET, [queue, key]).map((row) => [key, row[0]]));
    case "jobs":
      db.held.apply(db);
      return waiting(
        db,
        probe.keys.flatMap(({ key, after, limit }) => db.all(OF_KEY, [executor, queue, probe.priority, key, after, limit])),
      );
  }
}

interface Wanted {
  readonly executor: ExecutorName;
  readonly limit: number;
  readonly ahead: number;
  readonly now: number;
}

function readyJobs(db: Database, queues: ReadonlyMap<string, QueueState>, wanted: Wanted): readonly LiveJob[] {
  const taken = inIntake(db, queues, wanted);
  if (taken !== null) return taken;
  db.intake.apply(db, "asked");
  const { executor } = wanted;
  return mergeQueues(
    [...queues].map(([queue, state]) =>
      answered(db, { executor, queue }, candidatesOf({ ...wanted, queue, state, turn: db.turns.of(executor, queue) })),
    ),
  );
}

/** Candidates that lie in the intake, where nothing else is ready (C4); null: the tables have to say. */
function inIntake(db: Database, queues: ReadonlyMap<string, QueueState>, { executor, limit, ahead }: Wanted): readonly LiveJob[] | null {
  const taken = db.intake.waiting(db, { executor, queues });
  if (taken === null || ![...queues.values()].every(isUnhindered)) return null;
  const names = [...queues.keys()];
  if (names.some((queue) => mayBeReady(db, { executor, queue }))) return null;
  const mayBeHeld = (live: LiveJob): boolean => isPlain(live) && isBehind(live, db.held.frontOf(executor, live.queue));
  if (!taken.every((live) => mayBeHeld(live) && db.hot.records.of(live) !== undefined)) return null;
  return mergeQueues(names.map((name) => taken.filter(({ queue }) => queue === name).toSorted(byTurn))).slice(0, limit + ahead);
}

function isBehind(live: LiveJob, front: Front | null | undefined): boolean {
  return front === undefined || (front !== null && byTurn(front, live) < 0);
}

function byTurn(a: Front, b: Front): number {
  return b.priority - a.priority || (a.id < b.id ? -1 : 1);
}

function mayBeReady(db: Database, { executor, queue }: Place): boolean {
  const front = db.held.frontOf(executor, queue);
  if (front === undefined) return db.get(READY, [executor, queue, 1]) !== undefined;
  if (front === null) return true;
  return db.get(OF_KEY, [executor, queue, front.priority, "", front.id, 1]) !== undefined || !isLast(db, { executor, queue }, front);
}

/** Whether nothing is ready behind those of this priority without a key. */
function isLast(db: Database, { executor, queue }: Place, { priority }: Front): boolean {
  return (
    db.get(NEXT_KEY, [executor, queue, priority, ""]) === undefined && db.get(NEXT_PRIORITY, [executor, queue, priority]) === undefined
  );
}

/** The first ready jobs that are not held (H7 of held-claims.ts). */
function readyIds(db: Database, { executor, queue }: Place, limit: number): readonly Row[] {
  const front = db.held.frontOf(executor, queue);
  if (front) {
    const ids = db.all(OF_KEY, [executor, queue, front.priority, "", front.id, limit]);
    if (ids.length === limit || isLast(db, { executor, queue }, front)) return ids;
  }
  if (front !== undefined) db.held.apply(db);
  return db.all(READY, [executor, queue, limit]);
}

/** The live rows of these ids, in their order. */
function waiting(db: Database, ids: readonly Row[]): LiveJob[] {
  const live = new Map(
    liveRows(
      db,
      ids.map((row) => row[0] as string),
    ).map((job) => [job.id, job]),
  );
  return ids.flatMap((row) => live.get(row[0] as string) ?? []);
}

/** Steps from one key to the next in the index, however many jobs lie between. */
function keysFrom(db: Database, { executor, queue }: Place, probe: Extract<Probe, { readonly type: "keys" }>): string[] {
  const keys: string[] = [];
  for (let after = probe.after; keys.length < probe.limit;) {
    const row =
      after === null ? db.get(FIRST_KEY, [executor, queue, probe.priority]) : db.get(NEXT_KEY, [executor, queue, probe.priority, after]);
    if (row === undefined) break;
    after = row[0] as string;
    keys.push(after);
  }
  return keys;
}

function earliest(queues: ReadonlyMap<string, QueueState>, now: number): number | null {
  const times = [...queues.values()].flatMap((queue) => heldUntil(queue, now) ?? []);
  return times.length === 0 ? null : Math.min(...times);
}

function loadQueues(db: Database, request: ClaimRequest): Map<string, QueueState> {
  const names = request.queues ?? askedQueues(readyQueues(db, request.executor), request);
  return new Map(statesOf(db, names, request.spawner));
}

function statesOf(db: Database, names: readonly string[], spawner: SpawnerLimits | undefined): [string, QueueState][] {
  // Nothing to count where nothing is limited, or no runner waits.
  const isLimited = overallOf(names, spawner, 0) !== null;
  if (isLimited) db.held.apply(db);
  const overall = isLimited ? overallOf(names, spawner, db.get(RUNNERS_ALIVE, [])?.[0] as number) : null;
  return names.map((name) => [name, withOverall(loadQueue(db, name, spawner), name, overall)]);
}

interface QueueLook {
  readonly fairnessKey: string;
  readonly spawner: SpawnerLimits | undefined;
}

/** What a claim would see of one queue and one of its fairness keys. */
export function stateOfQueue(db: Database, name: string, { fairnessKey, spawner }: QueueLook): QueueState {
  const state = statesOf(db, [name], spawner)[0]?.[1] ?? queueState();
  const spentUntil = state.settings.keyRateLimit === null ? undefined : db.get(BUCKET, [name, fairnessKey])?.[0];
  if (spentUntil !== undefined && fairnessKey !== "")
    state.fairness.set(fairnessKey, { running: state.fairness.get(fairnessKey)?.running ?? 0, spentUntil: spentUntil as number });
  return state;
}

export function waitingInQueue(db: Database, live: Pick<LiveJob, "executor" | "queue" | "priority" | "id">): WaitingCount[] {
  const { sql, values } = waitingQuery(live, () => "?");
  return db.all(sql, values).map((row) => waitingCount(row));
}

function loadQueue(db: Database, name: string, spawner: SpawnerLimits | undefined): QueueState {
  const row = db.get(SETTINGS, [name]);
  return usedQueue(db, withSpawnerLimits(row === undefined ? unsetQueue(name) : queuesTable.decode(row), spawner));
}

/** Counts only what a limit needs. */
function usedQueue(db: Database, queue: Queue): QueueState {
  const { name, concurrencyLimit, rateLimit, keyConcurrencyLimit } = queue;
  if (concurrencyLimit !== null || keyConcurrencyLimit !== null) db.held.apply(db);
  const state = queueState(queue, {
    running: concurrencyLimit === null ? 0 : (db.get(`SELECT count(*) ${ALIVE}`, [name])?.[0] as number),
    spentUntil: rateLimit === null ? 0 : ((db.get(BUCKET, [name, ""])?.[0] ?? 0) as number),
  });
  if (keyConcurrencyLimit === null) return state;
  for (const [key, running] of db.all(`SELECT fairness_key, count(*) ${ALIVE} GROUP BY fairness_key`, [name]))
    state.fairness.set(key as string, { running: running as number, spentUntil: 0 });
  return state;
}

/** The queues that have something ready; steps from one to the next in the index, however many jobs lie between. */
function readyQueues(db: Database, executor: string): string[] {
  const names: string[] = [];
  for (let name = ""; ;) {
    const row = db.get(NEXT_QUEUE, [executor, name]);
    if (row === undefined) return names;
    name = row[0] as string;
    names.push(name);
  }
}
