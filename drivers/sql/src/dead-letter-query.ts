/** The statements on dead letters that both drivers run. */
import type { DeadLetterFilter } from "@windlass/ports";
import type { Placeholder, Query } from "./list-jobs.ts";
import type { SqlValue } from "./table.ts";
import { deadLettersTable } from "./tables.ts";

/** Newest job first. */
export function deadLetterQuery(filter: DeadLetterFilter, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where = [`workspace = ${value(filter.workspace)}`];
  if (filter.queue !== undefined) where.push(`queue = ${value(filter.queue)}`);
  if (filter.name !== undefined) where.push(`name = ${value(filter.name)}`);
  if (filter.reason !== undefined) where.push(`reason = ${value(filter.reason)}`);
  if (filter.since !== undefined) where.push(`died_at >= ${value(filter.since)}`);
  if (filter.until !== undefined) where.push(`died_at < ${value(filter.until)}`);
  if (filter.redriven !== undefined) where.push(filter.redriven ? "redrives > 0" : "redrives = 0");
  if (filter.ids !== undefined) where.push(filter.ids.length === 0 ? "1 = 0" : `job_id IN (${filter.ids.map(value).join(", ")})`);
  if (filter.after !== undefined) where.push(`job_id < ${value(filter.after)}`);
  const sql = `SELECT ${deadLettersTable.list()} FROM dead_letters WHERE ${where.join(" AND ")} ORDER BY job_id DESC LIMIT ${value(filter.limit)}`;
  return { sql, values };
}

/** Every statement uses its values in order, each once. */
export function deadLetterStatements(p: Placeholder) {
  return {
    add: `INSERT INTO dead_letters (${deadLettersTable.list()}) VALUES (${deadLettersTable.columns.map((_, i) => p(i + 1)).join(", ")}) ON CONFLICT DO NOTHING`,
    redriven: `UPDATE dead_letters SET redrives = redrives + 1, redriven_at = ${p(1)}, redriven_by = ${p(2)}, redriven_as = ${p(3)} WHERE job_id = ${p(4)} AND redrives = ${p(5)}`,
    remove: `DELETE FROM dead_letters WHERE job_id = ${p(1)}`,
  } as const;
}
