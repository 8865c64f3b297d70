/**
 * Which definitions are disabled, on PostgreSQL.
 *
 * M1. Whoever disables one waits for the commits that found it enabled, and those that come meanwhile wait for him: what he then
 *     finds is all that was taken before. The lock is one for all of them, for a commit may make jobs of hundreds. It comes before
 *     the locks of rows, everywhere: else one that waits for a row could hold up who disables, and he the one that has the row.
 * M2. He waits a moment at most, and then lets those behind him go first: behind a commit that hangs, each of them waits for what is left
 *     of such a moment, and not for that commit. After all tries of a transaction he is told that nothing was disabled.
 */
import { WindlassError, type DefinitionName, type DisabledDefinition } from "@windlass/kernel";
import { disabledTable, nameValues } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { transposed } from "./many-rows.ts";
import { waitAMoment, waitedInVain } from "./transaction.ts";

const AMONG = `SELECT ${disabledTable.list()} FROM disabled_definitions WHERE (workspace, type, name) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))`;
/** No other lock of ours has this number. */
const MARKS_NUMBER = 7_461_003;
const HOLD = "SELECT pg_advisory_xact_lock($1)";
const SHARE = "SELECT pg_advisory_xact_lock_shared($1)";

/** Those of these that are disabled. */
export async function disabledNow(db: Querier, keys: readonly DefinitionName[]): Promise<readonly DisabledDefinition[]> {
  if (keys.length === 0) return [];
  return (await db.rows(AMONG, transposed(keys.map(nameValues), 3))).map((row) => disabledTable.decode(row));
}

/** The same; the others stay enabled until the transaction ends (M1). */
export async function disabledAmong(tx: Querier, keys: readonly DefinitionName[]): Promise<readonly DisabledDefinition[]> {
  if (keys.length === 0) return [];
  // Sent together: what is read is read behind the lock.
  const [, marks] = await Promise.all([keepMarks(tx), disabledNow(tx, keys)]);
  return marks;
}

/** Until the transaction ends nobody disables anything (M1). */
export async function keepMarks(tx: Querier): Promise<void> {
  await tx.rows(SHARE, [MARKS_NUMBER]);
}

/** Until the transaction ends nobody makes a job of a definition, whichever (M1). The transaction runs again when it was to wait for long (M2). */
export async function holdMarks(tx: Querier): Promise<void> {
  await Promise.all([waitAMoment(tx), tx.rows(HOLD, [MARKS_NUMBER])]);
}

/** What whoever disables it is told: which one it is, and what to do where it was waited for in vain. */
export function disablingFault(error: unknown, { workspace, type, name }: DefinitionName): unknown {
  if (!waitedInVain(error)) return error;
  const why = "something that began to be stored before it has not come to its end, and it waits for that";
  return new WindlassError("unavailable", `the ${type} ${workspace}/${name} was not disabled: ${why}; disable it again`, { cause: error });
}
