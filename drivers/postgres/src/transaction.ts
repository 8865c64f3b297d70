/**
 * One transaction at READ COMMITTED, run again when PostgreSQL says that it lost a race. What `work` decides is pure, so
 * running it again on what is stored now is always right.
 *
 * What is written goes out without waiting for the answer to what went before, the COMMIT with it: a commit of some ten
 * statements waits for the server two or three times. PostgreSQL refuses everything behind a statement that failed, the COMMIT
 * too, so it is enough to hear of all of them at the end.
 */
import type pg from "pg";
import { isWindlassError, messageOf, WindlassError } from "@windlass/kernel";
import { storeFull, unstorable } from "@windlass/sql";
import { packets, querierOf, type Querier } from "./connection.ts";

/** Deadlock, serialization failure, and a key that another transaction inserted first. */
const LOST_RACES: ReadonlySet<string> = new Set(["40P01", "40001", "23505"]);
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

export async function inTransaction<T>(pool: pg.Pool, work: (querier: Querier) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(pool, work);
    } catch (error) {
      if (tries < TRIES_MAX && (error instanceof LoadAgain || LOST_RACES.has(sqlStateOf(error)))) continue;
      throw asStoreError(error);
    }
  }
}

/** An error of the database as one of ours; its own text is kept. */
export function asStoreError(error: unknown): unknown {
  if (isWindlassError(error) || (error instanceof Error && error.name === "BugError")) return error;
  if (sqlStateOf(error) === DISK_FULL) return storeFull(error);
  if (UNSTORABLE.test(sqlStateOf(error))) return unstorable(error);
  return new WindlassError("unavailable", `the store failed: ${messageOf(error)}`, { cause: error });
}

async function once<T>(pool: pg.Pool, work: (querier: Querier) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  const sending = packets(client);
  const unheard: Promise<unknown>[] = [];
  const send = (statement: Promise<unknown>): void => {
    // Heard of below, however late.
    statement.catch(() => {});
    unheard.push(statement);
  };
  try {
    sending();
    send(client.query(BEGIN));
    const querier = querierOf(client, sending);
    const result = await work({ ...querier, write: async (sql, values) => send(querier.write(sql, values)) });
    sending();
    send(client.query("COMMIT"));
    await Promise.all(unheard);
    return result;
  } catch (error) {
    const failed = (await Promise.allSettled(unheard)).find((statement) => statement.status === "rejected");
    // A connection that cannot even roll back is thrown away; the server rolls back by itself.
    await client.query("ROLLBACK").catch(() => {
      broken = true;
    });
    // The first that failed is why all others did.
    throw failed === undefined ? error : failed.reason;
  } finally {
    client.release(broken);
  }
}

function sqlStateOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
