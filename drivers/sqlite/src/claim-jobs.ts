/**
 * `claim` on SQLite: candidates of each queue in order, admitted by the kernel, written. The caller holds the write
 * transaction, so what is counted cannot change before it is written.
 *
 * C1. A queue that is paused or full offers only resumed attempts: they were admitted before.
 * C2. A session that is not open claims nothing (ports, S4).
 * C3. Jobs whose key is full leave the ready index as they are met, so a claim looks at each of them once.
 */
import { admit, joinTallies, noTally, WorkingSet, type JobRecord, type LiveJob, type QueueState } from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest } from "@windlass/ports";
import { joinSignals, jobsTable, noSignals } from "@windlass/sql";
import { liveRows, loadKey } from "./commit-jobs.ts";
import type { Database } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";
import { writeRows } from "./write-rows.ts";

/** How often one claim looks again because jobs with a full key ate its batch; then whoever claims comes back. */
const ROUNDS_MAX = 20;

export function claim(db: Database, request: ClaimRequest): Claimed {
  const claimed: LiveJob[] = [];
  let signals = noSignals;
  let tally = noTally;
  if (db.get(SESSION, [request.session]) === undefined) return { jobs: [], signals, tally };
  const { ahead = 0 } = request;
  for (let round = 0; round === 0 || claimed.length < request.limit; round++) {
    const limit = request.limit - claimed.length;
    const queues = loadQueues(db, request);
    const candidates = [...queues].flatMap(([name, queue]) =>
      loadCandidates(db, { executor: request.executor, name, open: isOpen(queue, request), limit: limit + ahead }),
    );
    if (candidates.length === 0) break;
    if (round === ROUNDS_MAX) {
      signals = joinSignals(signals, { ...noSignals, ready: new Set(candidates.map((live) => `${live.executor}/${live.queue}`)) });
      break;
    }
    const set = new WorkingSet({ live: candidates, ended: [], children: [], idempotent: [] }, request.now);
    const keys = new Map(
      candidates.flatMap(({ concurrencyKey }) => (concurrencyKey === null ? [] : [concurrencyKey])).map((key) => [key, loadKey(db, key)]),
    );
    const ids = admit(set, { candidates: candidates.toSorted(byTurn), queues, keys, claim: request, limit, ahead, now: request.now });
    writeRows(db, set.writes, new Map(candidates.map((live) => [live.id, live])));
    for (const id of ids) claimed.push(set.get(id) as LiveJob);
    signals = joinSignals(signals, set.signals);
    tally = joinTallies(tally, set.tally);
    if (set.writes.live.size === 0) break;
  }
  return { jobs: withRecords(db, claimed), signals, tally };
}

function withRecords(db: Database, claimed: readonly LiveJob[]): ClaimedJob[] {
  const unknown = claimed.flatMap(({ id }) => (db.hot.record(id) === undefined ? [id] : []));
  const read = new Map(
    rowsOfIds(db, RECORDS, unknown)
      .map((row) => jobsTable.decode(row))
      .map((record) => [record.id, record]),
  );
  return claimed.map((live) => ({ record: (db.hot.record(live.id) ?? read.get(live.id)) as JobRecord, live }));
}

const SESSION = "SELECT 1 FROM sessions WHERE id = ?";
const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id IN`;
const CANDIDATES = `SELECT id FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued'`;
const READY = `${CANDIDATES} AND blocked = 0 ORDER BY priority DESC, id LIMIT ?`;
const RESUMED = `${CANDIDATES} AND resumed = 1 ORDER BY priority DESC, id LIMIT ?`;
const NEXT_QUEUE =
  "SELECT queue FROM jobs_live WHERE executor = ? AND queue > ? AND state = 'queued' AND blocked = 0 ORDER BY queue LIMIT 1";
const HELD = "SELECT count(*) FROM jobs_live WHERE queue = ? AND holder <> 'none' AND state IN ('running', 'stopping')";

function byTurn(a: LiveJob, b: LiveJob): number {
  return b.priority - a.priority || (a.id < b.id ? -1 : 1);
}

/** Whether this queue offers more than resumed attempts to this claim (kernel, D3 and D4). */
function isOpen(queue: QueueState, { executor }: ClaimRequest): boolean {
  return !queue.paused && (executor === "none" || queue.limit === null || queue.running < queue.limit);
}

function loadCandidates(db: Database, queue: { executor: string; name: string; open: boolean; limit: number }): LiveJob[] {
  const ids = db.all(queue.open ? READY : RESUMED, [queue.executor, queue.name, queue.limit]).map((row) => row[0] as string);
  return liveRows(db, ids);
}

function loadQueues(db: Database, request: ClaimRequest): Map<string, QueueState> {
  const queues = new Map<string, QueueState>();
  for (const name of request.queues ?? readyQueues(db, request.executor)) {
    const row = db.get("SELECT paused, concurrency_limit FROM queues WHERE name = ?", [name]);
    const limit = (row?.[1] ?? null) as number | null;
    const running = limit === null ? 0 : (db.get(HELD, [name])?.[0] as number);
    queues.set(name, { paused: row?.[0] === 1, limit, running });
  }
  return queues;
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
