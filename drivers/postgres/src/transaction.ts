/**
 * One transaction at READ COMMITTED, run again when PostgreSQL says that it lost a race. What `work` decides is pure, so
 * running it again on what is stored now is always right.
 *
 * What is written goes out without waiting for the answer to what went before, the COMMIT with it: a commit of some ten
 * statements waits for the server two or three times. Why nothing is left half done all the same:
 *
 * T1. Nothing is written before BEGIN was heard of. One that failed leaves no transaction, and each statement behind it would be
 *     stored by itself; so only what reads goes out with it, whose answer comes behind that of BEGIN in any case.
 * T2. Behind a statement that failed, PostgreSQL refuses everything and turns the COMMIT into a ROLLBACK, which its answer says. So it
 *     is enough to hear of all of them at the end, and to look at that answer, in case somebody swallowed an error.
 * T3. A connection that is cut ends its transaction: PostgreSQL rolls it back unless it has read the COMMIT, and all before it, first.
 *     A client never connects again under our feet; what it is asked then, fails. Whether a COMMIT without an answer was stored, nobody
 *     knows here (unheard.ts).
 * T4. Nothing is sent once COMMIT or ROLLBACK was, by work that went on after a part of it had failed: it would be outside of a
 *     transaction, or in that of another.
 */
import type pg from "pg";
import { assert, isWindlassError, messageOf, WindlassError } from "@windlass/kernel";
import { alreadyThere, storeFull, unstorable } from "@windlass/sql";
import { packets, querierOf, type Querier } from "./connection.ts";
import { Unheard } from "./unheard.ts";

const TAKEN = "23505";
/** A division by zero: what was known of rows is not so any more (claimed-rows.ts). */
const CHANGED = "22012";
/** A lock that was waited for as long as the transaction may (M2 of disabled-definitions.ts, Q4 of queue-settings.ts). */
const LOCKED = "55P03";
/** Deadlock, serialization failure, a key that another transaction inserted first, and rows that it changed. */
const LOST_RACES: ReadonlySet<string> = new Set(["40P01", "40001", TAKEN, CHANGED, LOCKED]);
const DISK_FULL = "53100";
/** Classes of errors of what was given: a value that is out of range, a row of an index that is too long. */
const UNSTORABLE = /^(22|54)/u;
/** A race is lost to somebody who won it; losing so many in a row means something else is wrong. */
const TRIES_MAX = 10;

/** A process that is frozen (or cut off) in the middle of one holds its locks no longer than this; everybody would wait for it. */
const IDLE_MS = 10_000;
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}`;

/** Thrown by `work` when what it loaded turned out to be too little. */
export class LoadAgain extends Error {
  override name = "LoadAgain";
}

/** `free`: a connection of the pool for the first try; it is given back, as those that are taken here. */
export function inTransaction<T>(pool: pg.Pool, work: (querier: Querier) => Promise<T>, free?: pg.PoolClient): Promise<T> {
  return untilWon(async (tries) => once(tries === 1 && free !== undefined ? free : await pool.connect(), work));
}

/** A transaction, or a statement that is one by itself, again as long as it loses races. */
export async function untilWon<T>(work: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries);
    } catch (error) {
      if (tries < TRIES_MAX && isLostRace(error)) continue;
      throw asStoreError(error);
    }
  }
}

/** Nothing was stored, and the same work may be done now. */
export function isLostRace(error: unknown): boolean {
  return error instanceof LoadAgain || LOST_RACES.has(sqlStateOf(error));
}

/** An error of the database as one of ours; its own text is kept. */
export function asStoreError(error: unknown): unknown {
  if (isWindlassError(error) || (error instanceof Error && error.name === "BugError")) return error;
  if (sqlStateOf(error) === DISK_FULL) return storeFull(error);
  // Nobody took it just now: it is there each time that is looked.
  if (sqlStateOf(error) === TAKEN) return alreadyThere(error);
  if (UNSTORABLE.test(sqlStateOf(error))) return unstorable(error);
  return new WindlassError("unavailable", `the store failed: ${messageOf(error)}`, { cause: error });
}

async function once<T>(client: pg.PoolClient, work: (querier: Querier) => Promise<T>): Promise<T> {
  let broken = false;
  const sending = packets(client);
  const unheard: Promise<unknown>[] = [];
  const send = (statement: Promise<unknown>): void => {
    // Heard of below, however late.
    statement.catch(() => {});
    unheard.push(statement);
  };
  let isOver = false;
  /** What it comes to, once COMMIT was sent. */
  let sent: { readonly result: T } | null = null;
  try {
    sending();
    const beginning = client.query(BEGIN);
    send(beginning);
    let hasBegun = false;
    const begun = beginning.then(() => void (hasBegun = true));
    begun.catch(() => {});
    /** Keeps T1 and T4. */
    const gate = async (sql: string): Promise<void> => {
      if (!hasBegun && !READS.test(sql)) await begun;
      assert(!isOver, "a statement came when its transaction was over");
    };
    const result = await work(gated(querierOf(client, sending), { gate, send }));
    isOver = true;
    sending();
    const committing = client.query("COMMIT");
    send(committing);
    sent = { result };
    await Promise.all(unheard);
    const { command } = await committing;
    if (command !== "COMMIT") throw new Error(`PostgreSQL answered COMMIT with ${command}: something before it failed`);
    return result;
  } catch (error) {
    isOver = true;
    const failed = (await Promise.allSettled(unheard)).find((statement) => statement.status === "rejected");
    // A connection that cannot even roll back is thrown away; the server rolls back by itself.
    await client.query("ROLLBACK").catch(() => {
      broken = true;
    });
    // The first that failed is why all others did.
    const why: unknown = failed === undefined ? error : failed.reason;
    throw broken && sent !== null ? new Unheard(sent.result, why) : why;
  } finally {
    client.release(broken);
  }
}

/** What may go out before BEGIN was heard of. */
const READS = /^\s*SELECT\b/iu;

interface Gate {
  readonly gate: (sql: string) => Promise<void>;
  readonly send: (statement: Promise<unknown>) => void;
}

function gated(querier: Querier, { gate, send }: Gate): Querier {
  return {
    async rows(sql, values) {
      await gate(sql);
      return querier.rows(sql, values);
    },
    async once(sql, values) {
      await gate(sql);
      return querier.once(sql, values);
    },
    async count(sql, values) {
      await gate(sql);
      return querier.count(sql, values);
    },
    async write(sql, values) {
      await gate(sql);
      send(querier.write(sql, values));
    },
    async demand(sql, values, count) {
      await gate(sql);
      send(querier.demand(sql, values, count));
    },
  };
}

/** Longer than a commit takes. With all tries of a transaction it is longer than a process that is frozen holds its locks (`IDLE_MS`). */
const LOCK_MS_MAX = 1_500;
const LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true)";

/** From here on the transaction waits for a lock no longer than that, and runs again then: who came behind it goes first. */
export async function waitAMoment(tx: Querier): Promise<void> {
  await tx.rows(LOCK_TIMEOUT, [String(LOCK_MS_MAX)]);
}

/** Of what `inTransaction` threw: each try was to wait for a lock longer than it may. */
export function waitedInVain(error: unknown): boolean {
  return isWindlassError(error) && sqlStateOf(error.cause) === LOCKED;
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
