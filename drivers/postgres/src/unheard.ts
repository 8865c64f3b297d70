/**
 * What becomes of what was sent whole, its COMMIT too, to a connection that was cut before the answer came.
 *
 * U1. A job has an id that no other has, and its row is made once. So when a transaction makes a job, its row says whether all of the
 *     transaction was stored. As long as the row is not there, the same may be done again, whole: should the first one be stored after all,
 *     because it was still on its way, one of both fails by the key of that row. So the row is looked for once more behind a second try that
 *     failed. A job under a key is found by the second try instead, and answered as one that was there; what was changed beside it is looked at
 *     first (U2), so that nothing is changed twice.
 * U2. Who changes a job has locked its row and read it, and with it the number of the transaction. The lock goes with the transaction, so
 *     whoever has waited for it looks when that has ended: an event that it wrote is there under its number, or nothing of it is and the same
 *     may be done again. `pg_xact_status` alone does not tell: behind a crash of the database a number may be given to another transaction.
 * U3. Of what has neither (ends of what was claimed here, that were stored without reading; a fact without an event) nobody knows. It fails as
 *     `unavailable`, no part of it is tried again here, and whoever asked asks again under its guards.
 * U4. Who changes a queue holds the table of queues (Q1 of queue-settings.ts): whoever has waited for it reads what is stored, and does it again
 *     where that is not what it would have come to. Of all else that is no change of a job (definitions, schedules, secrets, webhooks, tokens,
 *     workspaces) nobody looks: it fails as in U3. Asked again, the same definition, mark or value is there once all the same; what was to be new,
 *     or as the caller knew it, is refused as `conflict` or `revision_mismatch`, and the caller looks. Of a token or a webhook that was made so
 *     nobody knows the secret: it is revoked, or removed, and made anew.
 */
import { isWindlassError, messageOf } from "@windlass/kernel";
import type { Querier } from "./connection.ts";
import { isWritten, type Written } from "./event-groups.ts";

/** Thrown as the cause of `unavailable`. */
export class Unheard extends Error {
  override name = "Unheard";
  /** What it comes to if it was stored. */
  readonly result: unknown;

  constructor(result: unknown, cause: unknown) {
    super(`${messageOf(cause)}, and nobody knows whether it was stored`, { cause });
    this.result = result;
  }
}

/** Null: nothing was stored, or PostgreSQL has said why not. */
export function unheardOf(error: unknown): Unheard | null {
  return isWindlassError(error) && error.cause instanceof Unheard ? error.cause : null;
}

/** By what one learns whether a transaction was stored. */
export interface Traces {
  /** The id of a job that it makes (U1). */
  readonly made: string | undefined;
  /** A job whose row it holds, its number, and an event that it writes (U2). */
  readonly changed: { readonly holds: string; readonly number: string; readonly wrote: Written } | null;
}

/** `store`, and whether it was stored where its answer never came. */
export async function untilHeard<T>(store: () => Promise<T>, ask: (result: T) => Promise<boolean | null>): Promise<T> {
  /** Where nobody can be asked, nobody knows. */
  const look = (unheard: Unheard): Promise<boolean | null> => ask(unheard.result as T).catch(() => null);
  try {
    return await store();
  } catch (error) {
    const first = unheardOf(error);
    const isStored = first === null ? null : await look(first);
    if (first === null || isStored === null) throw error;
    if (isStored) return first.result as T;
    return store().catch(async (again: unknown) => {
      const last = unheardOf(again) ?? first;
      if ((await look(last)) === true) return last.result as T;
      throw error;
    });
  }
}

const IS_MADE = "SELECT 1 FROM jobs WHERE id = $1";
const WAIT_FOR_HOLDER = "SELECT 1 FROM jobs_live WHERE id = $1 FOR KEY SHARE";

/** Null: nobody knows (U3). */
export async function wasStored(db: Querier, { made, changed }: Traces): Promise<boolean | null> {
  // Behind it that transaction has ended. A job that it makes under a key would not let a second try fail, but be found by it.
  if (changed !== null) await db.rows(WAIT_FOR_HOLDER, [changed.holds]);
  if (made !== undefined) return (await db.rows(IS_MADE, [made])).length > 0;
  if (changed === null) return null;
  return isWritten(db, changed.wrote, changed.number);
}
