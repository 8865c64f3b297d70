/**
 * Live rows as claims of this process have left them, so that an end need neither read them again nor lock them first: that took
 * the server 4 µs of the 40 that a job of a drain cost it.
 *
 * R1. A row is what stands here as long as its `xmin` is the number of the claim: whoever changes a row makes a new version of
 *     it, which has another number. So what ends such a job asks for that number when it deletes the row, and is undone when any
 *     row was changed (`TAKE_CLAIMED`); it runs again then, and reads.
 * R2. A row is given out once, and goes with any change of its job by this process. Who tries again, for whatever reason, reads
 *     what is stored.
 * R3. Its size is bounded; the oldest go.
 */
import type { Change, LiveJob } from "@windlass/kernel";
import type { Querier } from "./connection.ts";

export interface ClaimedRow {
  readonly live: LiveJob;
  /** The number of the transaction that wrote the row. */
  readonly claim: string;
}

/** About 1 KB each. */
const ROWS_MAX = 20_000;

export class ClaimedRows {
  readonly #rows = new Map<string, ClaimedRow>();

  /** To be called when the claim is stored. */
  put(rows: Iterable<LiveJob>, claim: string): void {
    for (const live of rows) {
      // The end of a child changes its parent, whose row is locked with it; what runs elsewhere is changed once it runs.
      if (live.parentId !== null || live.executor !== "handler") continue;
      this.#rows.delete(live.id);
      this.#rows.set(live.id, { live, claim });
      if (this.#rows.size > ROWS_MAX) drop(this.#rows);
    }
  }

  /** The rows that these changes need, when all of them are here and every change of one is likely its end; else null. */
  take(changes: readonly Change[]): readonly ClaimedRow[] | null {
    const rows: ClaimedRow[] = [];
    let areAll = true;
    for (const change of changes) {
      if (change.type === "submit" && change.job.parentId === null) continue;
      const id = change.type === "submit" ? change.job.parentId : change.id;
      const row = id === null ? undefined : this.#rows.get(id);
      if (row !== undefined) this.#rows.delete(row.live.id);
      if (row !== undefined && isEnd(change)) rows.push(row);
      else areAll = false;
    }
    return areAll && rows.length > 0 ? rows : null;
  }
}

/** What fails may be tried again: it is read first. */
function isEnd(change: Change): boolean {
  return change.type === "settle" && change.result.outcome === "succeeded";
}

function drop(rows: Map<string, unknown>): void {
  const [oldest] = rows.keys();
  if (oldest !== undefined) rows.delete(oldest);
}

/** What a claim asks its number by, beside the rest of what it selects. */
export const OWN_NUMBER = "pg_current_xact_id()::xid";

/** Fails as a division by zero, on which the transaction runs again, when any of the rows is not there or was changed. */
const TAKE_CLAIMED = `WITH taken AS (DELETE FROM jobs_live USING unnest($1::text[], $2::xid[]) AS claimed (id, claim)
    WHERE jobs_live.id = claimed.id AND jobs_live.xmin = claimed.claim RETURNING 1)
  SELECT 1 / CASE WHEN count(*) = $3::bigint THEN 1 ELSE 0 END FROM taken`;

/** Deletes the rows (R1); what is written behind it counts only if they were as they stand here. */
export async function deleteClaimed(db: Querier, rows: readonly ClaimedRow[]): Promise<void> {
  // In the order in which rows are locked (P1).
  const sorted = rows.toSorted((a, b) => (a.live.id < b.live.id ? -1 : 1));
  await db.write(TAKE_CLAIMED, [sorted.map(({ live }) => live.id), sorted.map(({ claim }) => claim), sorted.length]);
}
