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
 * R4. Of a group (claim-groups.ts), which has no rows, version and length say whether it is as it is remembered here: of one version it only
 *     gets shorter by ends of what was given out here (R2), so of two lists of one length both are the same. What was given out in vain is
 *     still in the stored one, which then is the longer.
 * R5. What comes together with ends that are known is read by itself, before they are written: of its groups it makes a new version each.
 */
import type { Change, LiveJob, Settle } from "@windlass/kernel";
import { shortenGroups, type ClaimGroup, type Shortened } from "./claim-groups.ts";
import type { Querier } from "./connection.ts";

/** A group as it is remembered. */
interface Group {
  readonly id: string;
  readonly lives: Map<string, LiveJob>;
  version: number;
  /** How often something was given out, and what that came to is stored: as long as it is not known, nothing is known of the group. */
  given: number;
  stored: number;
}

interface ClaimedRow {
  readonly live: LiveJob;
  /** The number of the transaction that wrote the row, or where it stands instead. */
  readonly claim: string | Group;
}

/** What ends, as it was claimed. All else is to be read. */
export interface Claimed {
  readonly lives: readonly LiveJob[];
  readonly rows: readonly { readonly id: string; readonly claim: string }[];
  readonly groups: readonly Shortened[];
  /** To be called when the transaction is stored. */
  stored(): void;
}

/** A group of which something is given out. */
interface Touched {
  readonly size: number;
  readonly isSure: boolean;
  /** How many of its jobs get rows of their own. */
  extracted: number;
}

/** About 1 KB each. */
const ROWS_MAX = 20_000;

export class ClaimedRows {
  readonly #rows = new Map<string, ClaimedRow>();

  /** To be called when the claim is stored. */
  put(rows: Iterable<LiveJob>, claim: string, groups: readonly ClaimGroup[] = []): void {
    const grouped = new Map<string, Group>();
    for (const { id, lives } of groups) {
      const group = { id, lives: new Map(lives.map((live) => [live.id, live])), version: 0, given: 0, stored: 0 };
      for (const live of lives) grouped.set(live.id, group);
    }
    for (const live of rows) {
      // The end of a child changes its parent, whose row is locked with it; what runs elsewhere is changed once it runs.
      if (live.parentId !== null || live.executor !== "handler") continue;
      this.#rows.delete(live.id);
      this.#rows.set(live.id, { live, claim: grouped.get(live.id) ?? claim });
      if (this.#rows.size > ROWS_MAX) drop(this.#rows);
    }
  }

  /** As it was claimed, as long as it is not given out. */
  of(id: string): LiveJob | undefined {
    return this.#rows.get(id)?.live;
  }

  /** Whether its row is here, it is likely its end, and no key or schedule hears of that. */
  isOnItsOwn(change: Settle): boolean {
    const row = this.#rows.get(change.id);
    if (row === undefined || typeof row.claim !== "string" || !isEnd(change)) return false;
    return row.live.concurrencyKey === null && row.live.scheduleId === null;
  }

  /** Of the rows that these changes need those that are here, where a change is likely the only one of its job, and its end. */
  take(changes: readonly Change[]): Claimed {
    const single = endsAlone(changes);
    const rows: ClaimedRow[] = [];
    const touched = new Map<Group, Touched>();
    for (const [id, isAlone] of single) {
      const row = this.#rows.get(id);
      if (row === undefined) continue;
      this.#rows.delete(id);
      const group = typeof row.claim === "string" ? null : giveOut(row.claim, id, touched);
      if (isAlone && group?.isSure !== false) rows.push(row);
      else if (group !== null) group.extracted++;
    }
    return {
      lives: rows.map(({ live }) => live),
      rows: rows.flatMap(({ live: { id }, claim }) => (typeof claim === "string" ? [{ id, claim }] : [])),
      groups: [...touched].flatMap(([group, one]) => shortened(group, one)),
      stored: () => {
        for (const [group, { extracted }] of touched) {
          group.stored++;
          if (extracted > 0) group.version++;
        }
      },
    };
  }
}

/** The jobs that are changed, and whether it is once and most likely their end. A child's submit changes its parent. */
function endsAlone(changes: readonly Change[]): Map<string, boolean> {
  const alone = new Map<string, boolean>();
  for (const change of changes) {
    const id = change.type === "submit" ? change.job.parentId : change.id;
    if (id !== null) alone.set(id, !alone.has(id) && isEnd(change));
  }
  return alone;
}

function giveOut(group: Group, id: string, touched: Map<Group, Touched>): Touched {
  let one = touched.get(group);
  if (one === undefined) {
    one = { size: group.lives.size, isSure: group.given === group.stored, extracted: 0 };
    touched.set(group, one);
    group.given++;
  }
  group.lives.delete(id);
  return one;
}

/** What its own jobs that end make of a group, behind those that got rows of their own (R5). */
function shortened({ id, lives, version }: Group, { size, isSure, extracted }: Touched): Shortened[] {
  const before = size - extracted;
  if (!isSure || before === lives.size) return [];
  return [{ id, before, version: extracted > 0 ? version + 1 : version, rest: [...lives.values()] }];
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

const TAKE_CLAIMED = `DELETE FROM jobs_live USING unnest($1::text[], $2::xid[]) AS claimed (id, claim)
  WHERE jobs_live.id = claimed.id AND jobs_live.xmin = claimed.claim RETURNING 1`;

/** Deletes the rows (R1, R4); what is written beside it counts only if all were there, and as they stand here. */
export async function deleteClaimed(db: Querier, { rows, groups }: Pick<Claimed, "rows" | "groups">): Promise<void> {
  // In the order in which rows are locked (P1).
  const sorted = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (sorted.length > 0) await db.demand(TAKE_CLAIMED, [sorted.map(({ id }) => id), sorted.map(({ claim }) => claim)], sorted.length);
  await shortenGroups(db, groups);
}
