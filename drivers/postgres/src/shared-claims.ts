/**
 * Claims that share the transaction of the submits that they were asked for with: one flush of the disk, and one way to the server, between
 * a submit and the start of its handler instead of two. Everything else is claimed as ever (claim-jobs.ts).
 *
 * J1. Only what this transaction has made is given, and only when nothing else is ready in the queues that are asked for: so the order is
 *     that of any claim. Whether it is so is asked before anything is written; what others commit after that came later.
 * J2. Only where no setting of the queue holds anything back, and of jobs without a concurrency key: nothing is counted, no row is locked.
 *     That stays so until it is stored (Q1 of queue-settings.ts).
 * J3. The session is held as by any claim (C4).
 * J4. A claim waits for no lock of others: where the transaction looks for rows that it may have to wait for, the claim goes its own way at
 *     once, and also when that transaction has not begun soon. Who changes settings is waited for (Q4 of queue-settings.ts).
 * J5. It is answered when it is stored. When nobody knows whether it was, it fails as the commit does.
 * J6. It is tried only behind a claim that has left nothing ready, so that where jobs wait no claim waits for a commit.
 */
import {
  admit,
  inTurns,
  isWindlassError,
  isUnhindered,
  mergeQueues,
  ms,
  noTally,
  queueState,
  type Change,
  type ExecutorName,
  type JobRecord,
  type LiveJob,
  type WorkingSet,
} from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest, Clock } from "@windlass/ports";
import { fittingClaim, jobsTable, noSignals, queuesTable, type Turns } from "@windlass/sql";
import { OWN_NUMBER } from "./claimed-rows.ts";
import type { Querier, Row } from "./connection.ts";
import { KEEP_SETTINGS } from "./queue-settings.ts";
import { isStoredAsItIs } from "./submitted-rows.ts";

/** A commit that goes before it takes some milliseconds. */
const SOON_MS: number = ms(50);

/** A claim that waits for the transaction of a submit. */
export class AskedClaim {
  readonly request: ClaimRequest;
  readonly #answered = Promise.withResolvers<Claimed | null>();
  /** Once its transaction has begun, it waits for that. */
  readonly begun: () => void;
  #isOpen = true;

  constructor(request: ClaimRequest, after: Clock["after"]) {
    this.request = request;
    this.begun = after(SOON_MS, () => this.answer(null));
  }

  /** Null: it is to go its own way. */
  get answered(): Promise<Claimed | null> {
    return this.#answered.promise;
  }

  /** False: it was answered, and a transaction that runs again gives it nothing. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  answer(claimed: Claimed | null): void {
    this.#isOpen = false;
    this.#answered.resolve(claimed);
  }

  /** Of the transaction that it shared: it may have been stored all the same when the store cannot be reached (J5), else nothing of it was. */
  refuse(error: unknown): void {
    this.#isOpen = false;
    if (isWindlassError(error) && error.code === "unavailable" && error.details?.["disk"] !== "full") this.#answered.reject(error);
    else this.#answered.resolve(null);
  }
}

/** Queues in which the last claim of this process has left nothing ready (J6). */
export class DrainedQueues {
  readonly #drained = new Set<string>();

  has({ executor, queues }: ClaimRequest): boolean {
    return queues !== undefined && queues.every((queue) => this.#drained.has(`${executor}/${queue}`));
  }

  saw({ executor, queues = [] }: ClaimRequest, { nothingLeft }: Claimed): void {
    for (const queue of queues) {
      if (!nothingLeft) this.#drained.delete(`${executor}/${queue}`);
      else if (this.#drained.size < QUEUES_MAX) this.#drained.add(`${executor}/${queue}`);
    }
  }
}

/** Of more queues no claim shares anything. */
const QUEUES_MAX = 10_000;

/** What a claim was given of what its transaction makes; `answer` is called when that is stored. */
export interface SharedClaim {
  readonly lives: readonly LiveJob[];
  readonly answer: () => void;
}

/** Which claims may be given what the transaction makes. */
export interface Sharing {
  readonly claims: readonly AskedClaim[];
  /** The number of the transaction, where it was asked for. */
  readonly number: string | null;
}

/** Whether this change makes a job that the claim is for, and nothing but its own turn stands between. */
export function isFor({ executor, queues, place, spawner, queueName }: ClaimRequest, change: Change): boolean {
  if (change.type !== "submit" || place !== null || spawner !== undefined || queueName !== undefined) return false;
  const { job } = change;
  return job.executor === executor && job.notBefore === null && queues?.includes(job.queue) === true;
}

/** What is ready and was committed, also what somebody else holds locked. */
const READY = "FROM jobs_live WHERE executor = $1 AND queue = ANY($2::text[]) AND state = 'queued' AND blocked = 0";
const COUNT_READY = `SELECT count(*) FROM (SELECT 1 ${READY} LIMIT $3) AS ready`;

interface Ready {
  readonly executor: ExecutorName;
  readonly queues: readonly string[];
  /** It counts no further. */
  readonly max: number;
}

export async function countReady(db: Querier, { executor, queues, max }: Ready): Promise<number> {
  return (await db.rows(COUNT_READY, [executor, queues, max]))[0]?.[0] as number;
}

/** Of a session that is open: how this transaction is numbered, and whether anything is ready in these queues that others have committed. */
const LOOK = `SELECT ${OWN_NUMBER}, EXISTS (SELECT 1 ${READY})::int FROM sessions WHERE id = $3 FOR KEY SHARE`;
const SETTINGS = `SELECT ${queuesTable.list()} FROM queues WHERE name = ANY($1::text[])`;

/** Those that may be given what the transaction makes; the others are answered. */
export async function lookForClaims(db: Querier, claims: readonly AskedClaim[]): Promise<Sharing> {
  const open = claims.filter(({ isOpen }) => isOpen);
  const numbers = await Promise.all(open.map((asked) => lookFor(db, asked)));
  return { claims: open.filter(({ isOpen }) => isOpen), number: numbers.find((number) => number !== null) ?? null };
}

async function lookFor(db: Querier, asked: AskedClaim): Promise<string | null> {
  const { executor, session, queues = [] } = asked.request;
  // The lock first: what waits for it has no number yet, and what is looked at is as new as it.
  const [, [look], settings] = await Promise.all([
    db.rows(KEEP_SETTINGS),
    db.rows(LOOK, [executor, queues, session]),
    db.rows(SETTINGS, [queues]),
  ]);
  const [number, othersReady] = look ?? [];
  // A session that is not open claims nothing, and something else that is ready goes first.
  if (typeof number !== "string" || othersReady !== 0) asked.answer(null);
  else if (!settings.every((row) => isUnhindered(queueState(queuesTable.decode(row))))) asked.answer(NOTHING);
  return typeof number === "string" ? number : null;
}

const HOLD_SESSION = "SELECT 1 FROM sessions WHERE id = $1 FOR KEY SHARE";
const ONE_READY = `SELECT 1 ${READY} LIMIT 1`;
/** As `isUnhindered` says it: where it said so before, this seldom says otherwise. Settings stay as they are (J2); rows are not waited for (J4). */
const HINDERED = `SELECT 1 FROM queues WHERE name = ANY($1::text[]) AND (paused <> 0
  OR concurrency_limit IS NOT NULL OR rate_limit IS NOT NULL OR key_concurrency_limit IS NOT NULL OR key_rate_limit IS NOT NULL) FOR KEY SHARE NOWAIT`;

/** The same without asking: what is written with it is stored only where it was so. */
export async function takeForGranted(db: Querier, claims: readonly AskedClaim[]): Promise<Sharing> {
  for (const { request } of claims) {
    const { executor, session, queues = [] } = request;
    await db.demand(HOLD_SESSION, [session], 1);
    await db.demand(ONE_READY, [executor, queues], 0);
    await db.demand(HINDERED, [queues], 0);
  }
  return { claims, number: null };
}

/** Somebody is told when the transaction is stored, and claims then. */
const NOTHING: Claimed = { jobs: [], signals: noSignals, nothingLeft: false, heldUntil: null, tally: noTally };

interface Making {
  readonly set: WorkingSet;
  readonly turns: Turns;
  readonly now: number;
}

/** Lets the claims have what the set has made. What they took is ready for nobody else, so nobody hears of it. */
export function admitMade(making: Making, { claims }: Sharing): readonly SharedClaim[] {
  return claims.map((one) => admitOne(making, one));
}

function admitOne({ set, turns, now }: Making, asked: AskedClaim): SharedClaim {
  const { executor, queues = [], limit, ahead = 0 } = asked.request;
  const records = new Map(set.writes.inserted.map((record) => [record.id, record]));
  const lists = queues.map((queue) => inTurns(readyOf(set, { executor, queue }).toSorted(byPriority), turns.of(executor, queue).after));
  const ready = mergeQueues(lists);
  const rows = new Map<string, Row>();
  /** Of one that is passed over, those behind it are given. */
  const row = (id: string): Row => {
    let made = rows.get(id);
    if (made === undefined) rows.set(id, (made = rowOf(records.get(id))));
    return made;
  };
  if (!ready.every((live) => records.has(live.id) && isPlain(live))) return { lives: [], answer: () => asked.answer(NOTHING) };
  const candidates = fittingClaim(ready, ({ id }) => bytesOf(row(id)), { jobs: 0, bytes: 0 });
  const states = new Map(queues.map((queue) => [queue, queueState()]));
  const ids = admit(set, { candidates, queues: states, keys: new Map(), claim: asked.request, limit, ahead, now });
  const lives = ids.map((id) => set.get(id)).filter((live) => live !== undefined);
  const nothingLeft = lives.length === ready.length;
  const jobs = (): ClaimedJob[] => lives.flatMap((live) => ({ record: jobsTable.decode(row(live.id)), live }));
  return {
    lives,
    answer: () => asked.answer({ jobs: jobs(), signals: noSignals, nothingLeft, heldUntil: null, tally: noTally }),
  };
}

/** What is ready for somebody when all of it is stored. */
export function readyBehind({ writes }: WorkingSet): ReadonlySet<string> {
  return new Set([...writes.live.values()].filter(isReady).map(({ executor, queue }) => `${executor}/${queue}`));
}

function readyOf({ writes }: WorkingSet, { executor, queue }: Pick<LiveJob, "executor" | "queue">): LiveJob[] {
  return [...writes.live.values()].filter((live) => isReady(live) && live.executor === executor && live.queue === queue);
}

function isReady({ state, blocked }: LiveJob): boolean {
  return state === "queued" && !blocked;
}

/** As they lie in the index of ready jobs. */
function byPriority(a: LiveJob, b: LiveJob): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.fairnessKey !== b.fairnessKey) return a.fairnessKey < b.fairnessKey ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

/** See J2; and what is given is as it is stored. */
function isPlain(live: LiveJob): boolean {
  return live.concurrencyKey === null && isStoredAsItIs(live);
}

/** What is given is read from it: a handler may do with its input what it likes (known-records.ts, K1). */
function rowOf(record: JobRecord | undefined): Row {
  return record === undefined ? [] : jobsTable.encode(record);
}

function bytesOf(row: Row): number {
  return row.reduce<number>((total, value) => total + (typeof value === "string" ? Buffer.byteLength(value) : 0), 0);
}
