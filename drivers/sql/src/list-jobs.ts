/**
 * The statements behind a list of jobs. A list is walked by id and never counted. States that live on are looked up in
 * `jobs_live`, those that ended in `job_ends`: several statements, whose rows are merged by id.
 *
 * L1. No statement goes through jobs of other queues that wait or have succeeded: of those there may be any number.
 *     What ended with a label is walked in the order of the label, so that a list costs what it shows, however many have it.
 * L2. What is alive is asked for first: a job that ends in between is found twice, and told once as ended; never missed.
 */
import { isTerminal, stateOf, type JobState, type JobView } from "@windlass/kernel";
import type { JobFilter, Tally, TallyBy } from "@windlass/ports";
import { listColumns, viewTables } from "./tables.ts";
import type { SqlValue } from "./table.ts";

export interface Query {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** One of a list. */
export interface ListQuery extends Query {
  /** In which states its rows may be; null: in any. */
  readonly states: readonly JobState[] | null;
}

/** How a driver writes the n-th value of a statement, from 1. */
export type Placeholder = (n: number) => string;

/** The statements for one list, to be run in this order (L2); their rows are of `listColumns`, which are read like `viewColumns`. */
export function listQueries(filter: JobFilter, placeholder: Placeholder, columns: string = listColumns): readonly ListQuery[] {
  const states = statesOf(filter);
  if (states === null) return [query(filter, { ...(isByLabel(filter) ? LABELLED : EVERYTHING), states: null, columns }, placeholder)];
  const ended = states.filter((state) => isTerminal(state));
  const alive = states.filter((state) => !isTerminal(state));
  return [
    ...aliveSources(filter, alive).map(([tables, group]) => query(filter, { ...tables, states: group, columns }, placeholder)),
    ...ended.map((state) => query(filter, { ...endedSource(filter, state), states: [state], columns }, placeholder)),
  ];
}

function endedSource(filter: JobFilter, state: JobState): Tables {
  if (isByLabel(filter)) return ENDED_LABELLED;
  return isOfFew(filter, state) ? ENDED_OF_FEW : ENDED;
}

/** A tree has fewer jobs than a label. */
function isByLabel(filter: JobFilter): boolean {
  return filter.label !== undefined && !isOfTree(filter);
}

/** Of a queue, what waits is found among its jobs; of what is carried out there is little, and an index gives it by state. */
function aliveSources(filter: JobFilter, states: readonly JobState[]): readonly (readonly [Tables, readonly JobState[]])[] {
  if (states.length === 0) return [];
  if (filter.queue === undefined || isOfTree(filter)) return [[filter.rootId === undefined ? LIVE : LIVE_OF_TREE, states]];
  const isWaiting = (state: JobState): boolean => state === "scheduled" || state === "queued";
  const waiting = states.filter((state) => isWaiting(state));
  const carried = states.filter((state) => !isWaiting(state)).map((state) => [LIVE, [state]] as const);
  return waiting.length === 0 ? carried : [[LIVE_OF_QUEUE, waiting], ...carried];
}

/** Whether fewer records fit the rest of the filter than ended in this state. Most jobs succeed; of the other states there are few. */
function isOfFew(filter: JobFilter, state: JobState): boolean {
  if (isOfTree(filter)) return true;
  return state === "succeeded" && (filter.name !== undefined || filter.kind !== undefined || filter.queue !== undefined);
}

function isOfTree(filter: JobFilter): boolean {
  return filter.parentId !== undefined || filter.rootId !== undefined;
}

/** The rows of several statements, in their order, as one list. */
export function mergeLists(lists: readonly (readonly JobView[])[], filter: JobFilter): readonly JobView[] {
  const only = lists[0] ?? [];
  if (lists.length <= 1) return only;
  const sign = filter.order === "oldest" ? 1 : -1;
  const views = new Map(lists.flat().map((view) => [view.record.id, view]));
  return [...views.values()].toSorted((a, b) => (a.record.id < b.record.id ? -sign : sign)).slice(0, filter.limit);
}

/** On PostgreSQL a job that runs may have neither of the two rows (claim-groups.ts of drivers/postgres). */
const GROUPS: Readonly<Record<TallyBy, string>> = { state: "coalesce(e.state, l.state, 'running')", kind: "j.kind", queue: "j.queue" };

/** The statements behind a tally; their rows are a value and how many jobs have it, together at most `filter.limit`. */
export function tallyQueries(filter: JobFilter, by: TallyBy, placeholder: Placeholder): readonly ListQuery[] {
  return listQueries(filter, placeholder, `${GROUPS[by]} AS value`).map(({ sql, ...query }) => ({
    ...query,
    sql: `SELECT value, count(*) FROM (${sql}) counted GROUP BY value`,
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

/** Where a list comes from, beginning with the table that it is walked by. */
interface Tables {
  readonly from: string;
  /** What joins them, where `from` does not say it. */
  readonly where: string | null;
  /** The one of them that has the id, the workspace and the parent that are looked for. */
  readonly walked: "j" | "l" | "e" | "f";
  readonly state: "l.state" | "e.state" | null;
}

const EVERYTHING: Tables = { from: viewTables, where: null, walked: "j", state: null };
const WITH_END = "LEFT JOIN job_ends e ON e.job_id = j.id";
const WITH_LIVE = "LEFT JOIN jobs_live l ON l.id = j.id";
const SAME_END = "j.id = e.job_id";
const LIVE: Tables = { from: `${ALIVE} ${WITH_END}`, where: SAME_JOB, walked: "l", state: "l.state" };
const LIVE_OF_TREE: Tables = { ...LIVE, from: `jobs j CROSS JOIN jobs_live l ${WITH_END}` };
const LIVE_OF_QUEUE: Tables = { ...LIVE_OF_TREE, walked: "j" };
const ENDED: Tables = { from: `job_ends e CROSS JOIN jobs j ${WITH_LIVE}`, where: SAME_END, walked: "e", state: "e.state" };
const LABELLED: Tables = { from: `job_labels f CROSS JOIN ${viewTables}`, where: "j.id = f.job_id", walked: "f", state: null };
const ENDED_LABELLED: Tables = {
  from: `job_labels f CROSS JOIN jobs j CROSS JOIN job_ends e ${WITH_LIVE}`,
  where: `j.id = f.job_id AND ${SAME_END}`,
  walked: "f",
  state: "e.state",
};
const ENDED_OF_FEW: Tables = { from: `jobs j CROSS JOIN job_ends e ${WITH_LIVE}`, where: SAME_END, walked: "j", state: "e.state" };

interface Source extends Tables {
  readonly states: readonly JobState[] | null;
  readonly columns: string;
}

function query(filter: JobFilter, source: Source, placeholder: Placeholder): ListQuery {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  // A tree is small beside its workspace, whose index is not to be used then.
  const workspace = source.walked === "e" || source.walked === "f" ? `${source.walked}.workspace` : "j.workspace";
  const where = [`${isOfTree(filter) ? `(${workspace} || '')` : workspace} = ${value(filter.workspace)}`];
  if (filter.kind !== undefined) where.push(`j.kind = ${value(filter.kind)}`);
  if (filter.name !== undefined) where.push(`j.name = ${value(filter.name)}`);
  if (source.where !== null) where.push(source.where);
  if (source.states !== null) where.push(statesCondition(source.state ?? "", source.states, value));
  if (filter.outcome !== undefined) where.push(`e.outcome = ${value(filter.outcome)}`);
  if (filter.queue !== undefined) where.push(`${source.from === LIVE.from ? "l" : "j"}.queue = ${value(filter.queue)}`);
  if (filter.parentId !== undefined) where.push(`${source.from === LIVE.from ? "l" : "j"}.parent_id = ${value(filter.parentId)}`);
  // The root of a tree is found by its id, its descendants by an index that does not hold roots.
  if (filter.rootId !== undefined)
    where.push(`(j.id = ${value(filter.rootId)} OR (j.root_id = ${value(filter.rootId)} AND j.parent_id IS NOT NULL))`);
  if (filter.rootsOnly === true) where.push("j.parent_id IS NULL");
  if (filter.label !== undefined) {
    const { key, value: text } = filter.label;
    const has = `f.label = ${value(key)} AND f.value = ${value(text)}`;
    where.push(
      source.walked === "f" ? has : `EXISTS (SELECT 1 FROM job_labels f WHERE f.workspace = j.workspace AND ${has} AND f.job_id = j.id)`,
    );
  }
  const newest = filter.order !== "oldest";
  const id = `${source.walked}.${source.walked === "e" || source.walked === "f" ? "job_id" : "id"}`;
  if (filter.after !== undefined) where.push(`${id} ${newest ? "<" : ">"} ${value(filter.after)}`);
  const sql = `SELECT ${source.columns} FROM ${source.from} WHERE ${where.join(" AND ")} ORDER BY ${id} ${newest ? "DESC" : "ASC"} LIMIT ${value(filter.limit)}`;
  return { sql, values, states: source.states };
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
