/** `RetentionStore` on SQLite: whole trees go at once, so that no job is left without what it came from. */
import type { JobRecord } from "@windlass/kernel";
import type { EndedRoot } from "@windlass/ports";
import { jobsTable } from "@windlass/sql";
import type { Database } from "./database.ts";

export function endedRoots(db: Database, before: number, { limit, after }: { limit: number; after: EndedRoot | null }): EndedRoot[] {
  const sql =
    "SELECT job_id, finished_at FROM job_ends WHERE is_root = 1 AND finished_at < ? AND (finished_at, job_id) > (?, ?) ORDER BY finished_at, job_id LIMIT ?";
  const rows = db.all(sql, [before, after?.endedAt ?? 0, after?.id ?? "", limit]);
  return rows.map(([id, endedAt]) => ({ id, endedAt }) as EndedRoot);
}

/** Trees with a job that is alive are left alone, also below a root that has ended. */
export function removeTrees(db: Database, rootIds: readonly string[]): string[] {
  return rootIds.flatMap((rootId) => {
    const tree = db.all(TREE, [rootId, rootId]).map((row) => jobsTable.decode(row));
    const removable =
      tree.some((job) => job.id === rootId) && !tree.some((job) => db.get("SELECT 1 FROM jobs_live WHERE id = ?", [job.id]) !== undefined);
    if (!removable) return [];
    for (const job of tree) removeJob(db, job);
    return tree.map((job) => job.id);
  });
}

const TREE = `SELECT ${jobsTable.list()} FROM jobs WHERE (id = ? AND parent_id IS NULL) OR (root_id = ? AND parent_id IS NOT NULL)`;

function removeJob(db: Database, job: JobRecord): void {
  for (const [label, value] of Object.entries(job.labels))
    db.run("DELETE FROM job_labels WHERE workspace = ? AND label = ? AND value = ? AND job_id = ?", [job.workspace, label, value, job.id]);
  if (job.idempotencyKey !== null)
    db.run("DELETE FROM idempotency_keys WHERE workspace = ? AND idempotency_key = ? AND job_id = ?", [
      job.workspace,
      job.idempotencyKey,
      job.id,
    ]);
  db.run("DELETE FROM dead_letters WHERE job_id = ?", [job.id]);
  db.run("DELETE FROM attempts WHERE job_id = ?", [job.id]);
  db.run("DELETE FROM events WHERE job_id = ?", [job.id]);
  db.run("DELETE FROM job_ends WHERE job_id = ?", [job.id]);
  db.run("DELETE FROM jobs WHERE id = ?", [job.id]);
}
