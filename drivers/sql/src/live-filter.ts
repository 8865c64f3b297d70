/** The statement behind a walk over live jobs, and the ones that both drivers use word for word. */
import { CLOSING_KEY } from "@windlass/kernel";
import type { LiveFilter } from "@windlass/ports";
import { statesCondition, type Placeholder, type Query } from "./list-jobs.ts";
import type { SqlValue } from "./table.ts";
import { liveTable } from "./tables.ts";

export interface LiveSql {
  readonly placeholder: Placeholder;
  /** How an index is named to a database that would not find it by itself. */
  readonly using?: (index: string) => string;
}

export function liveQuery(filter: LiveFilter, limit: number, { placeholder, using = () => "" }: LiveSql): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where: string[] = [];
  if (filter.ids !== undefined) where.push(`l.id IN (${filter.ids.map(value).join(", ")})`);
  // What the indexes by holder and by state leave out is said again, so that they may be used.
  if (filter.session !== undefined) where.push(`l.session = ${value(filter.session)} AND l.holder <> 'none'`);
  if (filter.place !== undefined) where.push(`l.place = ${value(filter.place)}`);
  if (filter.states !== undefined) where.push(statesCondition("l.state", filter.states, value));
  if (filter.executor !== undefined) where.push(`l.executor = ${value(filter.executor)}`);
  if (filter.queue !== undefined) where.push(`l.queue = ${value(filter.queue)}`);
  if (filter.name !== undefined) where.push(`l.name = ${value(filter.name)}`);
  if (filter.fairnessKey !== undefined) where.push(`l.fairness_key = ${value(filter.fairnessKey)}`);
  if (filter.parentId !== undefined) where.push(`l.parent_id = ${value(filter.parentId)}`);
  if (filter.orphaned === true) {
    // What cleans up behind a parent that is stopping is meant to live.
    where.push(
      `l.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM jobs_live p WHERE p.id = l.parent_id AND (p.state <> 'stopping' OR l.child_key = ${value(CLOSING_KEY)}))`,
    );
  }
  if (filter.blocked !== undefined) where.push(`l.blocked = ${filter.blocked ? 1 : 0}`);
  if (filter.contending === true) where.push("l.on_conflict IS NOT NULL AND l.blocked = 1");
  if (filter.forsaken === true)
    where.push("l.session IS NOT NULL AND l.holder <> 'none' AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = l.session)");
  if (filter.after !== undefined) where.push(`l.id > ${value(filter.after)}`);
  const condition = where.length === 0 ? "" : ` WHERE ${where.join(" AND ")}`;
  const index = indexFor(filter);
  const from = `jobs_live l${index === null ? "" : using(index)}`;
  return { sql: `SELECT ${liveTable.list("l.")} FROM ${from}${condition} ORDER BY l.id LIMIT ${value(limit)}`, values };
}

/** The index that leaves out what waits, where going through all live jobs in the order of their ids looks as good. */
function indexFor({ session, states, forsaken, orphaned }: LiveFilter): string | null {
  if (forsaken === true || (session !== undefined && states === undefined)) return "live_held";
  return orphaned === true ? "live_parent" : null;
}
