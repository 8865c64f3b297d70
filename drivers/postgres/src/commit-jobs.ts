/**
 * `commit` and `unblock` on PostgreSQL: lock the rows that the changes need, let the kernel decide, write what came out.
 *
 * P1. Live rows are locked in the order of their ids, then keys in the order of their names; who is chosen as the victim
 *     of a deadlock all the same runs again.
 * P2. What is looked up besides (ends, children, idempotency keys) is read after the locks, so that it is as new as they are.
 * P3. A row whose parent is not locked with it is loaded again: its end must wake the parent in the same transaction.
 */
import type pg from "pg";
import {
  applyChanges,
  childKeyOf,
  DEFAULT_WORKSPACE,
  definitionsNeeded,
  idempotencyKeyOf,
  idsNeeded,
  recordsMade,
  WorkingSet,
  workspacesNeeded,
  type Change,
  type LiveJob,
  type Signals,
} from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { joinSignals, type KnownRecords, type Turns } from "@windlass/sql";
import { absentWorkspaces } from "./access.ts";
import { areAlive, extract } from "./claim-groups.ts";
import { OWN_NUMBER, deleteClaimed, type ClaimedRows } from "./claimed-rows.ts";
import { freeKeys, storeKeyLimits } from "./concurrency-keys.ts";
import { querierOf, type Querier } from "./connection.ts";
import { storeDeadLetters } from "./dead-letters.ts";
import { disabledAmong } from "./disabled-definitions.ts";
import { somethingWritten, type Written } from "./event-groups.ts";
import type { Group } from "./group-commit.ts";
import { liveColumns, liveOf } from "./live-rows.ts";
import { inOneStatement } from "./one-statement.ts";
import {
  admitMade,
  lookForClaims,
  readyBehind,
  takeForGranted,
  type AskedClaim,
  type DrainedQueues,
  type SharedClaim,
} from "./shared-claims.ts";
import type { SubmittedRows } from "./submitted-rows.ts";
import { asStoreError, inTransaction, LoadAgain } from "./transaction.ts";
import { untilHeard, wasStored, type Traces } from "./unheard.ts";
import type { UsedQueues } from "./used-queues.ts";
import { writeRows } from "./write-rows.ts";

/** What this process knows of what it has written, which a commit need not read, and how it writes events. */
export interface Known {
  readonly records: KnownRecords;
  readonly claimed: ClaimedRows;
  readonly submitted: SubmittedRows;
  /** Whose turn it is; of this process, and each serves the keys in turn for itself. */
  readonly turns: Turns;
  readonly drained: DrainedQueues;
  readonly used: UsedQueues;
  readonly manyMin: number;
}

export async function commit(
  db: Querier,
  known: Known,
  { changes, now, claims = [], asksNothing = false }: Omit<Group, "claims"> & Partial<Group> & Asking,
): Promise<Committed & Stored> {
  const ids = [...idsNeeded(changes)];
  const claimed = known.claimed.take(changes);
  const gone = new Set(claimed.lives.map(({ id }) => id));
  const unknown = ids.filter((id) => !gone.has(id));
  const waits = unknown.length > 0 || definitionsNeeded(changes).length > 0;
  // Sent together, the locks first (P2).
  const [disabled, locked, absent, made, number, sharing] = await Promise.all([
    disabledAmong(db, definitionsNeeded(changes)),
    lockLive(db, unknown),
    absentWorkspaces(db, workspacesNeeded(changes)),
    loadMade(db, changes),
    isMany(changes, known.manyMin) && !asksNothing ? db.rows(NUMBER) : [],
    asksNothing ? takeForGranted(db, claims) : lookForClaims(db, waits ? sentAway(claims) : claims),
  ]);
  const live = new Map([...locked.lives, ...claimed.lives.map((one) => [one.id, one] as const)]);
  const missing = ids.filter((id) => !live.has(id));
  const ended =
    missing.length === 0 ? [] : (await db.rows("SELECT id FROM jobs WHERE id = ANY($1::text[])", [missing])).map((row) => row[0] as string);
  const set = new WorkingSet({ live: live.values(), ended, absentWorkspaces: absent, disabled, ...made }, now);
  const results = applyChanges(set, changes, now);
  const shared = admitMade({ set, turns: known.turns, now }, sharing);
  // What was refused, or goes on, was decided by what may be old: only a row that is deleted shows that it is not.
  if (claimed.lives.some(({ id }) => !set.writes.ended.has(id))) throw new LoadAgain();
  await deleteClaimed(db, claimed);
  const grown = await storeKeyLimits(db, set.writes.keyLimits);
  const told = await writeRows(db, set.writes, {
    before: live,
    gone,
    known: known.records,
    manyMin: known.manyMin,
  });
  await storeDeadLetters(db, set);
  const freed = await freeKeys(db, { released: set.writes.keysReleased, grown, now });
  const submitted = isMany(changes, known.manyMin) ? submittedBy(set) : [];
  const signals = shared.length === 0 ? set.signals : { ...set.signals, ready: readyBehind(set) };
  return {
    results,
    signals: joinSignals(joinSignals(signals, told), freed),
    tally: set.tally,
    submitted,
    shared,
    onStored: () => claimed.stored(),
    made: (number[0]?.[0] as string | undefined) ?? sharing.number,
    traces: () => ({ made: madeBy(results), changed: changedBy(locked.own, somethingWritten(set.writes, known.manyMin)) }),
  };
}

function madeBy(results: Committed["results"]): string | undefined {
  return results.find((result) => result.ok && result.created === true)?.id;
}

function changedBy(own: Locked["own"], wrote: Written | null): Traces["changed"] {
  return own === null || wrote === null ? null : { ...own, wrote };
}

/** They go their own way at once (J4). */
function sentAway(claims: readonly AskedClaim[]): readonly AskedClaim[] {
  for (const asked of claims) asked.answer(null);
  return [];
}

/** `commit` in a transaction of its own: what was submitted and claimed is remembered when it is stored. `take` is called when it has begun. */
export async function commitAlone(pool: pg.Pool, known: Known, take: () => Group): Promise<Committed> {
  const done = await untilHeard(
    () => stored(pool, known, take),
    ({ traces }) => wasStored(querierOf(pool), traces()),
  );
  const { results, signals, tally, submitted, shared, made, onStored } = done;
  onStored();
  if (made !== null) known.submitted.put(submitted, made);
  for (const { lives, answer } of shared) {
    known.turns.took(lives);
    if (made !== null) known.claimed.put(lives, made);
    answer();
  }
  return { results, signals, tally };
}

async function stored(pool: pg.Pool, known: Known, take: () => Group): Promise<Committed & Stored> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(asStoreError(error)));
  const inSteps = (free?: pg.PoolClient): Promise<Committed & Stored> => inTransaction(pool, (tx) => commit(tx, known, take()), free);
  if (!isSimple(take(), known)) return inSteps(client);
  const one = await inOneStatement(client, (db) => commit(db, known, { ...take(), asksNothing: true }));
  return one === null ? inSteps() : { ...one.result, made: one.made };
}

interface Asking {
  /** Whether it is to be decided by what this process knows, and what is written says the rest. */
  readonly asksNothing?: boolean;
}

/** More are rare where nobody waits for another, and their statements would be of many kinds. */
const ONE_STATEMENT_MAX = 2;

/** Whether nothing has to be asked to decide about it: new jobs that hang on nothing, and ends on which nothing hangs, of what was claimed here. */
function isSimple({ changes, claims }: Group, { claimed, manyMin }: Known): boolean {
  if (changes.length > ONE_STATEMENT_MAX || claims.length > 1 || definitionsNeeded(changes).length > 0) return false;
  // Its events come with one part of it (O1): two are of one change at most.
  if (manyMin <= 2 * ONE_STATEMENT_MAX) return false;
  return changes.every((change) => {
    if (change.type === "settle") return claimed.isOnItsOwn(change);
    if (change.type !== "submit") return false;
    const { parentId, idempotencyKey, concurrency, workspace } = change.job;
    return parentId === null && idempotencyKey === null && concurrency === null && workspace === DEFAULT_WORKSPACE;
  });
}

/** What is remembered of a transaction. */
interface Stored {
  /** Jobs that are ready from the beginning, which are likely claimed as they are. */
  readonly submitted: readonly LiveJob[];
  readonly shared: readonly SharedClaim[];
  /** Its number, where it is known. */
  readonly made: string | null;
  /** To be called when the transaction is stored. */
  readonly onStored: () => void;
  /** For when nobody hears whether it is. */
  readonly traces: () => Traces;
}

const NUMBER = `SELECT ${OWN_NUMBER}`;

/** To ask for the number costs about as much as it spares in a claim of ten jobs. */
function isMany(changes: readonly Change[], manyMin: number): boolean {
  return changes.length >= manyMin && changes.filter(({ type }) => type === "submit").length >= manyMin;
}

function submittedBy({ writes }: WorkingSet): readonly LiveJob[] {
  return writes.inserted.flatMap(({ id }) => writes.live.get(id) ?? []).filter(({ state, blocked }) => state === "queued" && !blocked);
}

/** Makes blocked jobs ready wherever a key has room. */
export async function unblock(db: Querier, now: number): Promise<Signals> {
  const rows = await db.rows(BLOCKED_KEYS);
  return freeKeys(db, { released: [], grown: rows.map((row) => row[0] as string), now });
}

/** Steps from one key to the next in the index, however many jobs are blocked by each. */
const BLOCKED_KEYS = `WITH RECURSIVE names AS (
    (SELECT concurrency_key AS name FROM jobs_live WHERE state = 'queued' AND blocked = 1 ORDER BY concurrency_key LIMIT 1)
    UNION ALL
    SELECT (SELECT l.concurrency_key FROM jobs_live l WHERE l.concurrency_key > names.name AND l.state = 'queued' AND l.blocked = 1 ORDER BY l.concurrency_key LIMIT 1) FROM names WHERE names.name IS NOT NULL
  ) SELECT name FROM names WHERE name IS NOT NULL`;
/** The number is asked for from outside, so that who waits for a lock has none yet: what others write meanwhile would be told to nobody. */
const LOCK_LIVE = `SELECT locked.*, ${OWN_NUMBER} FROM (SELECT ${liveColumns()} FROM jobs_live
  WHERE id = ANY($1::text[] || ARRAY(SELECT parent_id FROM jobs_live WHERE id = ANY($1::text[]) AND parent_id IS NOT NULL)) ORDER BY id FOR UPDATE) AS locked`;

/** Rows that are locked. */
interface Locked {
  readonly lives: ReadonlyMap<string, LiveJob>;
  /** One that others see as well, and the number of the transaction that holds it. */
  readonly own: { readonly holds: string; readonly number: string } | null;
}

const NOTHING: Locked = { lives: new Map(), own: null };

/** Locks live rows, also of jobs that stand in groups; of those, and of their parents, that are not in the answer, none lives. */
export async function lockLive(db: Querier, ids: readonly string[]): Promise<Locked> {
  if (ids.length === 0) return NOTHING;
  const { lives, own } = await lockRows(db, ids);
  const missing = missingIn(lives, ids);
  if (missing.length === 0) return { lives, own };
  const all = (await extract(db, missing)) ? (await lockRows(db, ids)).lives : lives;
  // Either it has ended, or its row was committed while this statement waited for another one, or went to and fro (P3).
  const ended = missingIn(all, ids);
  if (ended.length > 0 && (await areAlive(db, ended))) throw new LoadAgain();
  return { lives: all, own };
}

async function lockRows(db: Querier, ids: readonly string[]): Promise<Locked> {
  const rows = await db.rows(LOCK_LIVE, [ids]);
  const lives = rows.map(liveOf);
  const [first] = lives;
  const own = first === undefined ? null : { holds: first.id, number: rows[0]?.at(-1) as string };
  return { lives: new Map(lives.map((job) => [job.id, job])), own };
}

/** Which of these, and of their parents, are not there. */
function missingIn(live: ReadonlyMap<string, LiveJob>, ids: readonly string[]): string[] {
  const parents = ids.flatMap((id) => live.get(id)?.parentId ?? []);
  return [...new Set([...ids, ...parents])].filter((id) => !live.has(id));
}

type Made = Pick<ConstructorParameters<typeof WorkingSet>[0], "children" | "idempotent">;

/** Which of the jobs to be made are there already. */
async function loadMade(db: Querier, changes: readonly Change[]): Promise<Made> {
  const made = recordsMade(changes);
  const under = made.flatMap((job) => (job.parentId === null ? [] : [[job.parentId, job.childKey ?? job.id] as const]));
  const keyed = made.flatMap((job) => (job.idempotencyKey === null ? [] : [[job.workspace, job.idempotencyKey] as const]));
  const childSql =
    "SELECT j.parent_id, j.child_key, j.id FROM unnest($1::text[], $2::text[]) AS u (parent_id, child_key) JOIN jobs j ON j.parent_id = u.parent_id AND j.child_key = u.child_key";
  const keySql = `SELECT k.workspace, k.idempotency_key, k.job_id, k.request_hash FROM unnest($1::text[], $2::text[]) AS u (workspace, idempotency_key)
    JOIN idempotency_keys k ON k.workspace = u.workspace AND k.idempotency_key = u.idempotency_key`;
  const [children, idempotent] = await Promise.all([
    under.length === 0 ? [] : db.rows(childSql, [under.map(([id]) => id), under.map(([, key]) => key)]),
    keyed.length === 0 ? [] : db.rows(keySql, [keyed.map(([workspace]) => workspace), keyed.map(([, key]) => key)]),
  ]);
  return {
    children: children.map(([parentId, childKey, id]) => [childKeyOf(parentId as string, childKey as string), id as string] as const),
    idempotent: idempotent.map(
      ([workspace, key, id, requestHash]) =>
        [idempotencyKeyOf(workspace as string, key as string), { id: id as string, requestHash: requestHash as string | null }] as const,
    ),
  };
}
