/**
 * Retention on PostgreSQL: trees of jobs whose root has ended, and in which nothing lives, go with all that belongs to them.
 *
 * T1. A tree goes whole, with one transaction. Small ones go together: neighbours share what is to be changed for them
 *     (event-groups.ts), and to change it for each alone took five times as long.
 * T2. What is to go is looked for before anything is locked: from the first lock on, what others write is not told to who follows the
 *     log until the transaction has ended. Nothing joins a tree that has ended, and none of it lives again; it may only have gone
 *     meanwhile, and then its root is not there to be locked. So each job is removed, and counted, by one.
 * T3. What fails with others is tried alone, and one that fails alone keeps no other.
 */
import type pg from "pg";
import type { EndedRoot, RetentionStore } from "@windlass/ports";
import type { Querier } from "./connection.ts";
import { removeEvents } from "./event-groups.ts";
import { transposed } from "./many-rows.ts";
import { inTransaction } from "./transaction.ts";

const ENDED_ROOTS = `SELECT job_id, finished_at FROM job_ends WHERE is_root = 1 AND finished_at < $1 AND (finished_at, job_id) > ($2::bigint, $3::text)
  ORDER BY finished_at, job_id LIMIT $4`;
/**
 * Trees with a job that is alive are left alone, also below a root that has ended. `OFFSET 0`: looked for by its id, however few lived
 * when this was planned.
 */
const REMOVABLE = `SELECT j.id FROM jobs j WHERE (j.id = $1 AND j.parent_id IS NULL OR j.root_id = $1 AND j.parent_id IS NOT NULL)
  AND EXISTS (SELECT 1 FROM jobs r WHERE r.id = $1 AND r.parent_id IS NULL) AND NOT EXISTS (SELECT 1 FROM jobs_live WHERE id = $1)
  AND NOT EXISTS (SELECT 1 FROM claim_groups WHERE $1 = ANY(job_ids))
  AND NOT EXISTS (SELECT 1 FROM jobs t WHERE t.root_id = $1 AND t.parent_id IS NOT NULL
    AND EXISTS (SELECT 1 FROM jobs_live l WHERE l.id = t.id OFFSET 0))`;
/** In the order in which everybody locks them. */
const LOCK_ROOTS = "SELECT id FROM jobs WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE";
const LABELS = "SELECT workspace, id, labels FROM jobs WHERE id = ANY($1::text[]) AND labels <> '{}'";
/** By the whole key: labels are not indexed by job. */
const REMOVE_LABELS = `DELETE FROM job_labels l USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (workspace, label, value, job_id)
  WHERE l.workspace = gone.workspace AND l.label = gone.label AND l.value = gone.value AND l.job_id = gone.job_id`;
const REMOVE: readonly string[] = [
  "DELETE FROM idempotency_keys k USING jobs j WHERE j.id = ANY($1::text[]) AND k.workspace = j.workspace AND k.idempotency_key = j.idempotency_key AND k.job_id = j.id",
  "DELETE FROM dead_letters WHERE job_id = ANY($1::text[])",
  "DELETE FROM attempts WHERE job_id = ANY($1::text[])",
  "DELETE FROM job_ends WHERE job_id = ANY($1::text[])",
  "DELETE FROM jobs WHERE id = ANY($1::text[])",
];

/** From so many jobs on, a transaction takes no further tree. */
const JOBS_MIN = 500;

/** Ids of the jobs of each tree, by the id of its root. */
type Trees = ReadonlyMap<string, readonly string[]>;

export function retentionStore(db: Querier, pool: pg.Pool): RetentionStore {
  return {
    ended: async (before, limit, after) =>
      (await db.rows(ENDED_ROOTS, [before, after?.endedAt ?? 0, after?.id ?? "", limit])).map(
        ([id, endedAt]) => ({ id, endedAt }) as EndedRoot,
      ),
    remove: async (rootIds) => {
      const removed: string[] = [];
      const failures: unknown[] = [];
      for await (const trees of partsOf(db, rootIds)) {
        const { ids, failed } = await removePart(pool, trees);
        removed.push(...ids);
        failures.push(...failed);
      }
      // Whoever asked has to know what is gone; what failed is met again the next time.
      if (removed.length === 0 && failures.length > 0) throw failures[0];
      return removed;
    },
  };
}

/** What one transaction removes each time (T1, T2). */
async function* partsOf(db: Querier, rootIds: readonly string[]): AsyncGenerator<Trees> {
  let trees = new Map<string, readonly string[]>();
  let jobs = 0;
  for (const rootId of new Set(rootIds)) {
    const ids = (await db.rows(REMOVABLE, [rootId])).map(([id]) => id as string);
    if (ids.length === 0) continue;
    trees.set(rootId, ids);
    jobs += ids.length;
    if (jobs < JOBS_MIN) continue;
    yield trees;
    [trees, jobs] = [new Map(), 0];
  }
  if (trees.size > 0) yield trees;
}

interface Removed {
  readonly ids: readonly string[];
  readonly failed: readonly unknown[];
}

/** See T3. */
async function removePart(pool: pg.Pool, trees: Trees): Promise<Removed> {
  try {
    return { ids: await removeTrees(pool, trees), failed: [] };
  } catch (error) {
    if (trees.size === 1) return { ids: [], failed: [error] };
    const ids: string[] = [];
    const failed: unknown[] = [];
    for (const tree of trees) {
      const alone = await removePart(pool, new Map([tree]));
      ids.push(...alone.ids);
      failed.push(...alone.failed);
    }
    return { ids, failed };
  }
}

function removeTrees(pool: pg.Pool, trees: Trees): Promise<readonly string[]> {
  return inTransaction(pool, async (tx) => {
    const roots = await tx.rows(LOCK_ROOTS, [[...trees.keys()]]);
    const ids = roots.flatMap(([id]) => trees.get(id as string) ?? []);
    if (ids.length > 0) await removeJobs(tx, ids);
    return ids;
  });
}

async function removeJobs(tx: Querier, ids: readonly string[]): Promise<void> {
  const labels = (await tx.rows(LABELS, [ids])).flatMap(([workspace, id, text]) =>
    Object.entries(JSON.parse(text as string) as Record<string, string>).map(([label, value]) => [
      workspace as string,
      label,
      value,
      id as string,
    ]),
  );
  if (labels.length > 0) await tx.write(REMOVE_LABELS, transposed(labels, 4));
  await removeEvents(tx, ids, async () => {
    for (const sql of REMOVE) await tx.write(sql, [ids]);
  });
}
