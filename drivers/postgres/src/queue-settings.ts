/**
 * Settings of queues that are changed while somebody claims, on PostgreSQL.
 *
 * Q1. Who changes or removes them waits for the claims that are under way, of all processes, and those that come meanwhile wait for him. So
 *     what a claim has read of settings is so until it is stored, and who claims behind the change counts all that was started before.
 *     He is the only one, so there is no row to lock besides: of two who make the same queue, the second finds what the first has made.
 * Q2. The lock is of the table, and in no row: a queue of which nobody has set anything has none, and a claim that is one statement
 *     (one-statement.ts) has seen all that it will see before it can lock a row. PostgreSQL takes the locks of tables before that.
 *     Who only looks, and who makes a copy of everything, waits for nobody.
 * Q3. It comes behind the lock of the workspace, and before that of any queue.
 * Q4. He waits a moment at a time, as who disables a definition (M2 of disabled-definitions.ts).
 */
import { WindlassError } from "@windlass/kernel";
import type { Querier } from "./connection.ts";
import { waitAMoment, waitedInVain } from "./transaction.ts";

/** Settings that are read behind it stay as they are until the transaction ends. It names no row: what it locks is the table. */
export const KEEP_SETTINGS = "SELECT 1 FROM queues WHERE false FOR KEY SHARE";
const HOLD_SETTINGS = "LOCK TABLE queues IN EXCLUSIVE MODE";

/** Until the transaction ends nobody claims (Q1). */
export async function holdSettings(tx: Querier): Promise<void> {
  await Promise.all([waitAMoment(tx), tx.count(HOLD_SETTINGS)]);
}

/** What whoever changes a queue is told, where claims were waited for in vain. */
export function changingFault(error: unknown, name: string): unknown {
  if (!waitedInVain(error)) return error;
  const why = "a claim that began before it has not come to its end, and it waits for that";
  return new WindlassError("unavailable", `the queue ${name} was not changed: ${why}; change it again`, { cause: error });
}
