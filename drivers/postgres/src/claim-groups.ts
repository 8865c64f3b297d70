/**
 * Claims of many jobs that are alike, in one row each until their jobs end. To write a live row anew, with entries in four indexes, took the
 * server a third of a drained job, and its end came some milliseconds later.
 *
 * A1. A live job has a row in `jobs_live` or stands in one group, never both: what a claim begins as a group leaves `jobs_live` in the same
 *     transaction, and comes back in the one that takes it out of the group.
 * A2. Who reads jobs that may be running reads both with one statement, so as of one moment. What is queued is in `jobs_live` alone, and
 *     read as if there were no groups: of both together PostgreSQL knows less, and would walk all jobs for a page of them.
 * A3. Whoever changes a job of a group gives it a row of its own first (`extract`), which makes a new version of the group; but for the usual
 *     end by the process that has claimed it, which takes it out of the list (claimed-rows.ts). So a list only gets shorter, and one of the
 *     version and the length that one remembers is the one that one remembers.
 * A4. Groups are locked behind live rows, in the order of their ids.
 */
import { timerOf, type LiveJob } from "@windlass/kernel";
import { liveTable, type SqlValue } from "@windlass/sql";
import type { Querier, Value } from "./connection.ts";
import { columnOf } from "./many-rows.ts";

export interface ClaimGroup {
  readonly id: string;
  /** In their order. */
  readonly lives: readonly LiveJob[];
}

/** Whoever ends one job of a group writes the rest of its list anew. */
const SIZE_MAX = 128;

/** What each job of a group has for itself. */
const OWN: ReadonlySet<string> = new Set(["id", "root_id", "ready_at"]);
const common = liveTable.columns.filter(({ name }) => !OWN.has(name));

/**
 * The claims among these changes that may be groups, of `min` jobs at least. `number` is that of the transaction: should there still be a group
 * of another one with this number, this one fails by its key and runs again with a new one.
 */
export function groupsOf(lives: Iterable<LiveJob>, { min, number }: { readonly min: number; readonly number: string }): ClaimGroup[] {
  const byLook = new Map<string, LiveJob[]>();
  for (const live of lives) {
    if (!mayBeGrouped(live)) continue;
    const { attempt, token, eventSeq, priority, timeoutMs, startedAt, queue, fairnessKey, scheduleId, name } = live;
    const look = `${attempt} ${token} ${eventSeq} ${priority} ${timeoutMs} ${startedAt} ${scheduleId}\n${queue}\n${name}\n${fairnessKey}`;
    const alike = byLook.get(look);
    if (alike === undefined) byLook.set(look, [live]);
    else alike.push(live);
  }
  const groups: ClaimGroup[] = [];
  for (const alike of byLook.values())
    for (let from = 0; alike.length - from >= min; from += SIZE_MAX)
      groups.push({ id: `${number}-${groups.length}`, lives: alike.slice(from, from + SIZE_MAX) });
  return groups;
}

/** What nothing hangs on: no parent that hears of its end, no key that is held. */
function mayBeGrouped({ executor, state, parentId, id, rootId, concurrencyKey }: LiveJob): boolean {
  return executor === "handler" && state === "running" && parentId === null && id === rootId && concurrencyKey === null;
}

const INSERT = `INSERT INTO claim_groups (group_id, size, job_ids, ready_ats, ready_at, timer_at, ${common.map(({ name }) => name).join(", ")})
  VALUES (${Array.from({ length: common.length + 6 }, (_, i) => `$${i + 1}`).join(", ")})`;
const TAKE = "DELETE FROM jobs_live WHERE id = ANY($1::text[])";

/**
 * Writes those of the groups whose jobs differ in nothing but what each has for itself; returns these. Their rows are locked, and as they
 * were before the claim.
 */
export async function writeGroups(db: Querier, groups: readonly ClaimGroup[]): Promise<readonly ClaimGroup[]> {
  const written: ClaimGroup[] = [];
  for (const group of groups) {
    const values = valuesOf(group);
    if (values === null) continue;
    await db.write(TAKE, [group.lives.map(({ id }) => id)]);
    await db.write(INSERT, values);
    written.push(group);
  }
  return written;
}

function valuesOf({ id, lives }: ClaimGroup): Value[] | null {
  const { columns } = liveTable.alike(lives);
  const timer = columnOf("timer_at", "integer", lives.map(timerOf)).values;
  const own = liveTable.columns.map(({ name }, i) => ({ name, values: columns[i] ?? [] }));
  const shared = own.filter(({ name }) => !OWN.has(name));
  if (timer.length > 1 || shared.some(({ values }) => values.length !== 1)) return null;
  return [id, ...listsOf(lives), timer[0] ?? null, ...shared.map(({ values }) => values[0] ?? null)];
}

/** `size`, `job_ids`, `ready_ats`, `ready_at`: jobs that became ready at one time say it once. */
function listsOf(lives: readonly LiveJob[]): Value[] {
  const ready = columnOf(
    "ready_at",
    "integer",
    lives.map(({ readyAt }) => readyAt),
  ).values;
  const [ats, at]: [readonly SqlValue[], SqlValue] = ready.length === 1 ? [[], ready[0] ?? null] : [ready, null];
  return [lives.length, lives.map(({ id }) => id), ats, at];
}

const LIVE_COLUMNS = `${liveTable.list()}, timer_at`;
/** Of each job of the group `g`: its live row. */
const grouped = `SELECT ${liveTable.columns.map(({ name }) => ownOr(name)).join(", ")}, g.timer_at FROM claim_groups g
  CROSS JOIN LATERAL unnest(g.job_ids, g.ready_ats) AS u (id, ready_at)`;

function ownOr(name: string): string {
  if (name === "id") return "u.id";
  if (name === "root_id") return "u.id AS root_id";
  return name === "ready_at" ? "coalesce(u.ready_at, g.ready_at) AS ready_at" : `g.${name}`;
}

/** All live jobs, wherever they stand, to be read like the table `jobs_live`. `ids`: an array; then only those. */
const live = (ids?: string): string =>
  `(SELECT ${LIVE_COLUMNS} FROM jobs_live UNION ALL ${grouped}${ids === undefined ? "" : ` WHERE g.job_ids && ${ids} AND u.id = ANY(${ids})`})`;

/** A statement that reads `jobs_live` as one that reads all live jobs; of the groups only what has one of these `ids`, an array. */
export function ofAllLive(select: string, ids?: string): string {
  return `WITH jobs_live AS NOT MATERIALIZED ${live(ids)} ${select}`;
}

/** The rows of a statement that reads `jobs_live`, and behind them those that it has of the groups, whatever its order and limit. */
export function ofRowsAndGroups(select: string): string {
  return `(${select}) UNION ALL (WITH jobs_live AS NOT MATERIALIZED (${grouped}) ${select})`;
}

/** From so many ids on, a list is counted against them as a set. */
const FEW = 8;
const holding = (condition: string): string => `SELECT group_id FROM claim_groups AS g WHERE ${condition} ORDER BY group_id FOR UPDATE`;
const HOLDING_FEW = holding("g.job_ids && $1::text[]");
/** As a condition, each id would be looked for in each list. */
const HOLDING = holding("(SELECT count(*) FILTER (WHERE u.id IN (SELECT unnest($1::text[]))) FROM unnest(g.job_ids) AS u (id)) > 0");
const PUT_BACK = `INSERT INTO jobs_live (${LIVE_COLUMNS}) ${grouped} WHERE g.group_id = ANY($1::text[]) AND u.id IN (SELECT unnest($2::text[]))`;
const TAKE_OUT = `UPDATE claim_groups AS g SET version = g.version + 1, (size, job_ids, ready_ats) = (
    SELECT count(*), coalesce(array_agg(u.id ORDER BY n), '{}'), CASE WHEN g.ready_ats = '{}' THEN '{}' ELSE coalesce(array_agg(u.ready_at ORDER BY n), '{}') END
      FROM unnest(g.job_ids, g.ready_ats) WITH ORDINALITY AS u (id, ready_at, n) WHERE u.id NOT IN (SELECT unnest($2::text[]))
  ) WHERE g.group_id = ANY($1::text[])`;
const REMOVE_EMPTY = "DELETE FROM claim_groups WHERE group_id = ANY($1::text[]) AND size = 0";
const ARE_ALIVE = `SELECT 1 FROM ${live("$1::text[]")} AS l WHERE id = ANY($1::text[]) LIMIT 1`;

/** Gives each of these jobs that stands in a group a row of its own again (A3). Returns whether there were any. */
export async function extract(db: Querier, ids: readonly string[]): Promise<boolean> {
  const groups = (await db.rows(ids.length < FEW ? HOLDING_FEW : HOLDING, [ids])).map(([id]) => id as string);
  if (groups.length === 0) return false;
  await db.write(PUT_BACK, [groups, ids]);
  await db.write(TAKE_OUT, [groups, ids]);
  await db.write(REMOVE_EMPTY, [groups]);
  return true;
}

/** Whether any of these lives, wherever it stands. */
export async function areAlive(db: Querier, ids: readonly string[]): Promise<boolean> {
  return (await db.rows(ARE_ALIVE, [ids])).length > 0;
}

const END = "DELETE FROM claim_groups WHERE group_id = $1 AND size = $2 AND version = $3 RETURNING 1";
const SHORTEN = `UPDATE claim_groups SET size = $4, job_ids = $5, ready_ats = $6, ready_at = $7
  WHERE group_id = $1 AND size = $2 AND version = $3 RETURNING 1`;

export interface Shortened {
  readonly id: string;
  /** How many jobs it has had. */
  readonly before: number;
  readonly version: number;
  /** Those that it is left with, in their order. */
  readonly rest: readonly LiveJob[];
}

/** Takes jobs that end out of their groups; what is written beside it counts only if these were as they are remembered (A3). */
export async function shortenGroups(db: Querier, groups: readonly Shortened[]): Promise<void> {
  for (const { id, before, version, rest } of groups.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const remembered = [id, before, version] as const;
    await (rest.length === 0 ? db.demand(END, remembered, 1) : db.demand(SHORTEN, [...remembered, ...listsOf(rest)], 1));
  }
}
