/** Who stands before a job that waits in its queue, and how many runners there are, word for word the same on both drivers. */
import { DEFAULT_WORKSPACE, queueKeyOf, QUEUED_COUNTED_MAX, RUNNERS_QUEUE, type LiveJob, type WaitingCount } from "@windlass/kernel";
import type { Placeholder, Query } from "./list-jobs.ts";
import type { SqlValue } from "./table.ts";

/** Counted in the index of claims, up to a limit: of a longer queue those that are started first. */
export function waitingQuery(
  { executor, queue, priority, id }: Pick<LiveJob, "executor" | "queue" | "priority" | "id">,
  placeholder: Placeholder,
): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const counts = `count(*) FILTER (WHERE priority > ${value(priority)}), count(*) FILTER (WHERE priority = ${value(priority)}),
    count(*) FILTER (WHERE priority = ${value(priority)} AND id < ${value(id)})`;
  const ready = `SELECT priority, fairness_key, id FROM jobs_live WHERE executor = ${value(executor)} AND queue = ${value(queue)}
    AND state = 'queued' AND blocked = 0 AND priority >= ${value(priority)} ORDER BY priority DESC, fairness_key, id LIMIT ${QUEUED_COUNTED_MAX}`;
  return { sql: `SELECT fairness_key, ${counts} FROM (${ready}) waiting GROUP BY fairness_key`, values };
}

export function waitingCount([fairnessKey, higher, same, older]: readonly unknown[]): WaitingCount {
  return { fairnessKey: fairnessKey as string, higher: higher as number, same: same as number, older: older as number };
}

/** Attempts of runners that are alive, over all workspaces; a workspace with jobs is not removed. */
export const RUNNERS_ALIVE: string = `SELECT count(*) FROM jobs_live WHERE holder <> 'none' AND state IN ('running', 'stopping')
  AND queue IN (SELECT '${queueKeyOf(DEFAULT_WORKSPACE, RUNNERS_QUEUE)}' UNION SELECT name || '${queueKeyOf("", RUNNERS_QUEUE)}' FROM workspaces WHERE name <> '${DEFAULT_WORKSPACE}')`;
