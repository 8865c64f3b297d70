/**
 * The statements behind a list of jobs. A list is walked by id and never counted. States that live on are looked up in
 * `jobs_live`, those that ended in `jobs`: at most two statements, whose rows are merged by id.
 */
import { isTerminal, stateOf, type JobState, type JobView } from "@windlass/kernel";
import type { JobFilter, Tally, TallyBy } from "@windlass/ports";
import { viewColumns } from "./tables.ts";
import type { SqlValue } from "./table.ts";

export interface Query {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** How a driver writes the n-th value of a statement, from 1. */
export type Placeholder = (n: number) => string;

/** The statements for one list; their rows are of `viewColumns`. */
export function listQueries(filter: JobFilter, placeholder: Placeholder, columns: string = viewColumns): readonly Query[] {
  const states = statesOf(filter);
  if (states === null) return [query(filter, { ...EVERYTHING, states: null, column: null, columns }, placeholder)];
  const ended = states.filter((state) => isTerminal(state));
  const alive = states.filter((state) => !isTerminal(state));
  const queries: Query[] = [];
  if (ended.length > 0) queries.push(query(filter, { ...EVERYTHING, states: ended, column: "j.state", columns }, placeholder));
  if (alive.length > 0)
    queries.push(
      query(filter, { from: filter.rootId === undefined ? ALIVE : OF_TREE, states: alive, column: "l.state", columns }, placeholder),
    );
  return queries;
}

/** The rows of several statements as one list. */
export function mergeLists(lists: readonly (readonly JobView[])[], filter: JobFilter): readonly JobView[] {
  const only = lists[0] ?? [];
  if (lists.length <= 1) return only;
  const sign = filter.order === "oldest" ? 1 : -1;
  return lists
    .flat()
    .toSorted((a, b) => (a.record.id < b.record.id ? -sign : sign))
    .slice(0, filter.limit);
}

const GROUPS: Readonly<Record<TallyBy, string>> = { state: "coalesce(j.state, l.state)", kind: "j.kind", queue: "j.queue" };

/** The statements behind a tally; their rows are a value and how many jobs have it, together at most `filter.limit`. */
export function tallyQueries(filter: JobFilter, by: TallyBy, placeholder: Placeholder): readonly Query[] {
  return listQueries(filter, placeholder, `${GROUPS[by]} AS value`).map(({ sql, values }) => ({
    sql: `SELECT value, count(*) FROM (${sql}) counted GROUP BY value`,
    values,
  }));
}

/** The rows of several tallies as one: of more than `limit` jobs, the rest is left out. */
export function mergeTallies(rows: readonly (readonly SqlValue[])[], limit: number): Tally {
  const counts: Record<string, number> = {};
  let total = 0;
  for (const [value, count] of rows) {
    counts[value as string] = (counts[value as string] ?? 0) + (count as number);
    total += count as number;
  }
  return { counts, capped: total > limit };
}

/**
 * Live jobs with their records. `CROSS JOIN` says the same as `JOIN` here, and makes SQLite begin with the live ones: it would
 * go through all jobs of the workspace, of which most have ended.
 */
export const ALIVE = "jobs_live l CROSS JOIN jobs j";
/** Joins the two tables of `ALIVE`. */
export const SAME_JOB = "j.id = l.id";
/** The same, where the records are few. */
const OF_TREE = "jobs j CROSS JOIN jobs_live l";

const EVERYTHING = { from: "jobs j LEFT JOIN jobs_live l ON l.id = j.id" } as const;

interface Source {
  readonly from: string;
  readonly states: readonly JobState[] | null;
  readonly column: string | null;
  readonly columns: string;
}

function query(filter: JobFilter, source: Source, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  // A tree is small beside its workspace, whose index is not to be used then.
  const isOfTree = filter.parentId !== undefined || filter.rootId !== undefined;
  const where = [`${isOfTree ? "(j.workspace || '')" : "j.workspace"} = ${value(filter.workspace)}`];
  if (filter.kind !== undefined) where.push(`j.kind = ${value(filter.kind)}`);
  if (filter.name !== undefined) where.push(`j.name = ${value(filter.name)}`);
  if (source.column === "l.state") where.push(SAME_JOB);
  if (source.states !== null) where.push(statesCondition(source.column ?? "", source.states, value));
  if (filter.outcome !== undefined) where.push(`j.outcome = ${value(filter.outcome)}`);
  if (filter.queue !== undefined) where.push(`j.queue = ${value(filter.queue)}`);
  if (filter.parentId !== undefined) where.push(`${source.from === ALIVE ? "l" : "j"}.parent_id = ${value(filter.parentId)}`);
  // The root of a tree is found by its id, its descendants by an index that does not hold roots.
  if (filter.rootId !== undefined)
    where.push(`(j.id = ${value(filter.rootId)} OR (j.root_id = ${value(filter.rootId)} AND j.parent_id IS NOT NULL))`);
  if (filter.rootsOnly === true) where.push("j.parent_id IS NULL");
  if (filter.label !== undefined) {
    const { key, value: text } = filter.label;
    where.push(
      `j.id IN (SELECT job_id FROM job_labels WHERE workspace = ${value(filter.workspace)} AND label = ${value(key)} AND value = ${value(text)})`,
    );
  }
  const newest = filter.order !== "oldest";
  const id = source.column === "l.state" ? "l.id" : "j.id";
  if (filter.after !== undefined) where.push(`${id} ${newest ? "<" : ">"} ${value(filter.after)}`);
  const sql = `SELECT ${source.columns} FROM ${source.from} WHERE ${where.join(" AND ")} ORDER BY ${id} ${newest ? "DESC" : "ASC"} LIMIT ${value(filter.limit)}`;
  return { sql, values };
}

/** One of these states. The index of live jobs by state leaves queued ones out: those are found by what claims use. */
export function statesCondition(column: string, states: readonly JobState[], value: (one: SqlValue) => string): string {
  if (states.length === 0) return "1 = 0";
  const one = `${column} IN (${states.map(value).join(", ")})`;
  return column === "l.state" && !states.includes("queued") ? `${one} AND ${column} <> 'queued'` : one;
}

/** The states to look for; null: any. An outcome belongs to one state, which has an index. */
function statesOf(filter: JobFilter): readonly JobState[] | null {
  if (filter.outcome === undefined) return filter.states ?? null;
  const state = stateOf(filter.outcome);
  return filter.states === undefined || filter.states.includes(state) ? [state] : [];
}
