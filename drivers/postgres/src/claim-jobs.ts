/**
 * `claim` on PostgreSQL: candidates that nobody else holds, admitted by the kernel. Each round is a transaction of its own.
 * Whose turn it is is decided by `candidates.ts` of drivers/sql; this answers what it asks.
 *
 * C1. Rows of queues with a limit or a rate are locked first, in the order of names; the attempts alive and what is left of
 *     the rates are read after that, so two claims never count the same free place (limit 1 was once seen with 3 running).
 *     What is over several queues (the limits of runners) has no row: it is locked by name, before all else.
 * C2. Candidates are locked and those of others passed over: two claims never wait for each other's jobs.
 * C3. Keys are locked last (K1).
 * C4. A session that is not open claims nothing (ports, S4): its row is kept from being deleted until the claim is stored.
 * C5. Claims of this process that are asked for at once look one after the other, from before C1 until C2: so each gives what stands
 *     behind what the one before gave, and none waits for a lock of one that waits for its turn. One that finds out only then that there are
 *     several fairness keys has locked more than it takes, and lets nobody look until it is stored.
 * C6. What a claim has read of settings holds until it is stored (Q1 of queue-settings.ts): what is submitted behind a pause, or behind a
 *     limit that was set, starts as they allow.
 */
import type pg from "pg";
import {
  admit,
  heldUntil,
  isUnhindered,
  joinTallies,
  mergeQueues,
  noTally,
  WorkingSet,
  type LiveJob,
  type QueueState,
  type ReadonlyTally,
  type Signals,
} from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest } from "@windlass/ports";
import { candidatesOf, idOfRecord, jobsTable, joinSignals, noSignals, type Candidates, type Probe } from "@windlass/sql";
import { groupsOf, writeGroups, type ClaimGroup } from "./claim-groups.ts";
import { fitting, type Given } from "./claimed-bytes.ts";
import { OWN_NUMBER } from "./claimed-rows.ts";
import type { Known } from "./commit-jobs.ts";
import { lockKeys } from "./concurrency-keys.ts";
import type { Querier, Value } from "./connection.ts";
import type { GroupCommits } from "./group-commit.ts";
import type { Turn } from "./in-turn.ts";
import { BUCKETS, loadQueues } from "./queue-states.ts";
import { countReady } from "./shared-claims.ts";
import type { Columns, SubmittedRows } from "./submitted-rows.ts";
import { inTransaction } from "./transaction.ts";
import { isUsedUp } from "./used-queues.ts";
import { writeRows } from "./write-rows.ts";

/** How often one claim looks again because jobs with a full key ate its batch; then whoever claims comes back. */
const ROUNDS_MAX = 20;

/** What a claim works with. */
interface Claiming {
  readonly pool: pg.Pool;
  readonly known: Known;
  /** See C5. */
  readonly nextTurn: () => Turn;
  /** See shared-claims.ts. */
  readonly share: GroupCommits["share"];
}

export async function claim(claiming: Claiming, request: ClaimRequest): Promise<Claimed> {
  const { share, known } = claiming;
  const sharing = known.drained.has(request) ? share(request) : null;
  const freed = sharing === null ? known.used.freed(request) : null;
  if (freed !== null) await freed;
  const claimed = (sharing === null ? null : await sharing) ?? (await claimAlone(claiming, request));
  known.drained.saw(request, claimed);
  return claimed;
}

async function claimAlone(claiming: Claiming, request: ClaimRequest): Promise<Claimed> {
  const turn = claiming.nextTurn();
  try {
    await turn.come;
    return await claimInRounds(claiming, request, turn);
  } finally {
    turn.pass();
  }
}

async function claimInRounds(claiming: Claiming, request: ClaimRequest, { pass }: Turn): Promise<Claimed> {
  const { pool, known } = claiming;
  const jobs: ClaimedJob[] = [];
  let signals = noSignals;
  let tally = noTally;
  let held: number | null = null;
  let nothingLeft = false;
  let bytes = 0;
  for (let round = 0; round === 0 || jobs.length < request.limit; round++) {
    const given: Given = { jobs: jobs.length, bytes };
    const sees = known.used.claiming(request);
    const done = await inTransaction(pool, (db) =>
      claimRound(db, claiming, { ...request, limit: request.limit - jobs.length, given, pass }),
    );
    bytes += done.bytes;
    const claimed = done.jobs.map(({ live }) => live);
    known.claimed.put(claimed, done.number, done.groups);
    known.submitted.forget(claimed.map(({ id }) => id));
    sees(done.usedUp);
    held = done.heldUntil;
    jobs.push(...done.jobs);
    signals = joinSignals(signals, done.signals);
    tally = joinTallies(tally, done.tally);
    // The rest is for the next claim.
    if ((done.isCut && jobs.length > 0) || (done.blockedSome && round === ROUNDS_MAX))
      return { jobs, signals: joinSignals(signals, { ...noSignals, ready: done.offered }), tally, nothingLeft: false, heldUntil: held };
    nothingLeft = await done.nothingLeft;
    if (!done.blockedSome) break;
  }
  return { jobs, signals, tally, nothingLeft, heldUntil: held };
}

interface Round {
  /** Of the transaction. */
  readonly number: string;
  readonly jobs: readonly ClaimedJob[];
  readonly groups: readonly ClaimGroup[];
  /** What their specifications and inputs come to, as far as it was asked for. */
  readonly bytes: number;
  /** There are more that would not fit into this claim. */
  readonly isCut: boolean;
  readonly signals: Signals;
  readonly tally: ReadonlyTally;
  /** True when there may be more behind the jobs that became blocked. */
  readonly blockedSome: boolean;
  readonly offered: ReadonlySet<string>;
  readonly heldUntil: number | null;
  /** Of queues with limits: whether nothing may start there before a place is free. */
  readonly usedUp: ReadonlyMap<string, boolean>;
  /** Where it is asked for, it is heard of when the transaction is over: nobody waits for it before. */
  readonly nothingLeft: boolean | Promise<boolean>;
}

const NOTHING: Round = {
  number: "",
  jobs: [],
  groups: [],
  bytes: 0,
  isCut: false,
  signals: noSignals,
  tally: noTally,
  blockedSome: false,
  offered: new Set(),
  heldUntil: null,
  usedUp: new Map(),
  nothingLeft: false,
};

interface RoundRequest extends ClaimRequest {
  readonly given: Given;
  /** Called when the rows are locked. */
  readonly pass: () => void;
}

async function claimRound(db: Querier, { known }: Claiming, request: RoundRequest): Promise<Round> {
  const { executor, limit, ahead = 0, now } = request;
  const [session, queues] = await Promise.all([db.rows(SESSION, [request.session]), loadQueues(db, request)]);
  const [number] = session[0] ?? [];
  if (typeof number !== "string") return NOTHING;
  const lists: (readonly LiveJob[])[] = [];
  let sawMore = false;
  for (const [queue, state] of queues) {
    const turn = known.turns.of(executor, queue);
    const knewKeys = turn.several;
    lists.push(
      await answered(
        db,
        { executor, queue, submitted: known.submitted },
        candidatesOf({ executor, queue, state, turn, limit, ahead, now }),
      ),
    );
    sawMore ||= turn.several && !knewKeys;
  }
  const all = mergeQueues(lists);
  // The next one looks behind these, also while this one is still being written.
  const took = known.turns.looksAt(all);
  if (!sawMore) request.pass();
  let round: Admitted = NOTHING;
  try {
    round = await admitRound(db, known, { request, queues, all, number });
    return { ...round, usedUp: usedUpBy(round, { request, queues, all }) };
  } finally {
    took(round.jobs.map(({ live }) => live));
  }
}

type Admitted = Omit<Round, "usedUp">;

function usedUpBy(
  { jobs }: Admitted,
  { request: { limit, ahead = 0 }, queues, all }: Omit<Looked, "number">,
): ReadonlyMap<string, boolean> {
  const limited = [...queues].filter(([, { settings }]) => settings.concurrencyLimit !== null || settings.keyConcurrencyLimit !== null);
  return new Map(
    limited.map(([queue, state]) => {
      const found = all.filter((live) => live.queue === queue);
      const taken = jobs.filter(({ live }) => live.queue === queue).length;
      return [queue, isUsedUp(state, { found, taken, asked: limit + ahead })];
    }),
  );
}

interface Looked {
  readonly request: RoundRequest;
  readonly queues: ReadonlyMap<string, QueueState>;
  readonly all: readonly LiveJob[];
  readonly number: string;
}

async function admitRound(db: Querier, known: Known, { request, queues, all, number }: Looked): Promise<Admitted> {
  const { limit, ahead = 0, now } = request;
  const { candidates, bytesOf } = await fitting(db, all, { known: known.records, given: request.given });
  const set = new WorkingSet({ live: candidates, ended: [], children: [], idempotent: [] }, request.now);
  const isCut = candidates.length < all.length;
  const offered = new Set(all.map((live) => `${live.executor}/${live.queue}`));
  // Sent before what is written, and heard of behind it.
  const isAll = all.length < limit + ahead && [...queues.values()].every(isUnhindered) && seesNoMore(db, request, { all, queues });
  if (candidates.length === 0) return { ...NOTHING, isCut, offered, heldUntil: earliest(queues, now), nothingLeft: await isAll };
  const names = new Set(candidates.flatMap(({ concurrencyKey }) => (concurrencyKey === null ? [] : [concurrencyKey])));
  const keys = await lockKeys(db, [...names].toSorted());
  const ids = admit(set, { candidates, queues, keys, claim: request, limit, ahead, now });
  const groups = await writeGroups(db, groupsOf(set.writes.live.values(), { min: known.manyMin, number }));
  const told = await writeRows(db, set.writes, {
    before: new Map(candidates.map((live) => [live.id, live])),
    grouped: new Set(groups.flatMap(({ lives }) => lives.map(({ id }) => id))),
    manyMin: known.manyMin,
  });
  const claimed = ids.map((id) => set.get(id)).filter((live) => live !== undefined);
  const unknown = claimed.filter((live) => known.records.of(live) === undefined).map(({ id }) => id);
  const read = unknown.length === 0 ? [] : await db.rows(RECORDS, [unknown]);
  const rows = new Map(read.map((row) => [idOfRecord(row), row]));
  const jobs = claimed.flatMap((live) => {
    const row = known.records.of(live) ?? rows.get(live.id);
    return row === undefined ? [] : [{ record: jobsTable.decode(row), live }];
  });
  return {
    number,
    jobs,
    groups,
    bytes: claimed.reduce((sum, live) => sum + bytesOf(live), 0),
    isCut,
    signals: joinSignals(set.signals, told),
    tally: set.tally,
    blockedSome: set.writes.live.size > ids.length,
    offered,
    heldUntil: earliest(queues, now),
    nothingLeft: ids.length === all.length && isAll,
  };
}

/** Whether nothing else is ready in these queues. What others hold locked was passed over by who looked, and is left. */
function seesNoMore(
  db: Querier,
  { executor }: ClaimRequest,
  { all, queues }: { readonly all: readonly LiveJob[]; readonly queues: ReadonlyMap<string, QueueState> },
): Promise<boolean> {
  const counted = countReady(db, { executor, queues: [...queues.keys()], max: all.length + 1 });
  const isAll = counted.then((count) => count === all.length);
  // What fails fails the transaction, and with it whoever waits for this.
  isAll.catch(() => {});
  return isAll;
}

/** Deleting the row waits for this lock, heartbeats do not. The lock gives the transaction its number. */
const SESSION = `SELECT ${OWN_NUMBER} FROM sessions WHERE id = $1 FOR KEY SHARE`;
const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id = ANY($1::text[])`;
const QUEUED = "FROM jobs_live WHERE executor = $1 AND queue = $2 AND state = 'queued'";
const ready = (columns: Columns): string =>
  `SELECT ${columns()} ${QUEUED} AND blocked = 0 ORDER BY priority DESC, fairness_key, id LIMIT $3 FOR UPDATE SKIP LOCKED`;
const resumed = (columns: Columns): string =>
  `SELECT ${columns()} ${QUEUED} AND resumed = 1 ORDER BY priority DESC, id LIMIT $3 FOR UPDATE SKIP LOCKED`;
const NEXT = "FROM jobs_live l WHERE l.executor = $1 AND l.queue = $2 AND l.state = 'queued' AND l.blocked = 0";
const NEXT_PRIORITY = `SELECT l.priority ${NEXT} AND l.priority < $3 ORDER BY l.priority DESC LIMIT 1`;
/** Steps from one key to the next in the index, however many jobs lie between. */
const keysFrom = (first: ">" | ">="): string => `WITH RECURSIVE keys AS (
    (SELECT l.fairness_key AS key, 1 AS n ${NEXT} AND l.priority = $3 AND l.fairness_key ${first} $4 ORDER BY l.fairness_key LIMIT 1)
    UNION ALL
    SELECT (SELECT l.fairness_key ${NEXT} AND l.priority = $3 AND l.fairness_key > keys.key ORDER BY l.fairness_key LIMIT 1), n + 1 FROM keys WHERE keys.key IS NOT NULL AND n < $5
  ) SELECT key FROM keys WHERE key IS NOT NULL`;
const ALL_KEYS = keysFrom(">=");
const KEYS_BEHIND = keysFrom(">");
const ofKeys = (
  columns: Columns,
): string => `SELECT ${columns("c.")} FROM unnest($4::text[], $5::text[], $6::bigint[]) AS wanted (key, after, count) CROSS JOIN LATERAL
  (SELECT l.xmin, l.* ${NEXT} AND l.priority = $3 AND l.fairness_key = wanted.key AND l.id > wanted.after ORDER BY l.id LIMIT wanted.count FOR UPDATE SKIP LOCKED) c`;

interface Place extends Pick<LiveJob, "executor" | "queue"> {
  readonly submitted: SubmittedRows;
}

async function answered(db: Querier, place: Place, candidates: Candidates): Promise<readonly LiveJob[]> {
  let step = candidates.next();
  while (step.done !== true) step = candidates.next(await answer(db, place, step.value));
  return step.value;
}

async function answer(db: Querier, { executor, queue, submitted }: Place, probe: Probe): Promise<unknown> {
  const jobs = (sql: (columns: Columns) => string, ...values: readonly Value[]): Promise<LiveJob[]> =>
    submitted.read(db, `${executor}/${queue}`, { sql, values: [executor, queue, ...values] });
  switch (probe.type) {
    case "ready":
      return jobs(ready, probe.limit);
    case "resumed":
      return jobs(resumed, probe.limit);
    case "priority":
      return (await db.rows(NEXT_PRIORITY, [executor, queue, probe.below]))[0]?.[0] ?? null;
    case "keys":
      return (
        await db.rows(probe.after === null ? ALL_KEYS : KEYS_BEHIND, [executor, queue, probe.priority, probe.after ?? "", probe.limit])
      ).map((row) => row[0]);
    case "buckets":
      return db.rows(BUCKETS, [queue, probe.keys]);
    case "jobs": {
      const { keys } = probe;
      return jobs(
        ofKeys,
        probe.priority,
        keys.map(({ key }) => key),
        keys.map(({ after }) => after),
        keys.map(({ limit }) => limit),
      );
    }
  }
}

function earliest(queues: ReadonlyMap<string, QueueState>, now: number): number | null {
  const times = [...queues.values()].flatMap((queue) => heldUntil(queue, now) ?? []);
  return times.length === 0 ? null : Math.min(...times);
}
