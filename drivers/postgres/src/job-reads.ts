/** `JobReads` on PostgreSQL: each read is one statement, or several that need not agree. */
import { attemptOf, jobStates, type JobState, type JobView } from "@windlass/kernel";
import type { JobReads } from "@windlass/ports";
import {
  attemptOfEnd,
  attemptsTable,
  countQueries,
  decodeView,
  endedAttemptSql,
  listQueries,
  liveTable,
  mergeLists,
  mergeTallies,
  tallyQueries,
  viewColumns,
  viewTables,
  type ListQuery,
  type SqlValue,
} from "@windlass/sql";
import { ofAllLive, ofRowsAndGroups } from "./claim-groups.ts";
import type { Querier } from "./connection.ts";
import { eventsBehind, eventsOfJob, lastEvent } from "./event-groups.ts";
import { markAndPosition, positionText } from "./feed-position.ts";

const VIEW = `SELECT ${viewColumns} FROM ${viewTables} WHERE j.id = $1`;
/** Those that have no row among the live ones, nor one of their end: they stand in groups, or have ended meanwhile. */
const VIEWS = ofAllLive(`SELECT ${viewColumns} FROM ${viewTables} WHERE j.id = ANY($1::text[])`, "$1::text[]");
/** A child never stands in a group. */
const CHILD = `SELECT ${viewColumns} FROM ${viewTables} WHERE j.parent_id = $1 AND j.child_key = $2`;
const MADE_UNDER = "SELECT job_id FROM idempotency_keys WHERE workspace = $1 AND idempotency_key = $2";
const ATTEMPTS = `SELECT ${attemptsTable.list()} FROM attempts WHERE job_id = $1 ORDER BY number`;
const LAST = endedAttemptSql("$1");
const CURRENT = ofAllLive(`SELECT ${liveTable.list()} FROM jobs_live WHERE id = $1 AND phase IS NOT NULL`, "ARRAY[$1::text]");

export function jobReads(db: Querier): JobReads {
  const one = async (sql: string, values: readonly (string | number)[]): Promise<number> =>
    ((await db.rows(sql, values))[0]?.[0] ?? 0) as number;
  return {
    get: async (id) => (await completed(db, (await db.rows(VIEW, [id])).map(decodeView)))[0] ?? null,
    child: async (parentId, childKey) => (await db.rows(CHILD, [parentId, childKey])).map(decodeView)[0] ?? null,
    made: async (workspace, idempotencyKey) => ((await db.rows(MADE_UNDER, [workspace, idempotencyKey]))[0]?.[0] ?? null) as string | null,
    list: async (filter) => {
      const lists: JobView[][] = [];
      // One after the other: a job that ends meanwhile is in both, not in neither.
      for (const query of listQueries(filter, (n) => `$${n}`)) lists.push((await db.once(ofList(query), query.values)).map(decodeView));
      const views = await completed(db, lists.flat());
      // Also one statement may have two lists: rows, and groups behind them.
      return mergeLists([views, []], filter);
    },
    tally: async (filter, by) => {
      // One statement, so of one moment: a job that ended between two would be in both, and counts are only added.
      const values: SqlValue[] = [];
      const parts = tallyQueries({ ...filter, limit: filter.limit + 1 }, by, (n) => `$${n}`).map((query) => {
        const before = values.length;
        values.push(...query.values);
        return `(${ofList(query).replaceAll(/\$(\d+)/gu, (_, number: string) => `$${before + Number(number)}`)})`;
      });
      return mergeTallies(parts.length === 0 ? [] : await db.once(parts.join(" UNION ALL "), values), filter.limit);
    },
    attempts: async (jobId) => {
      // The current one first: an attempt that ends in between is then in both and counted once, not in neither.
      const current = (await db.rows(CURRENT, [jobId])).map((row) => attemptOf(liveTable.decode(row), null));
      const followed = (await db.rows(ATTEMPTS, [jobId])).map((row) => attemptsTable.decode(row));
      const ended = [...followed, ...(await db.rows(LAST, [jobId])).map((row) => attemptOfEnd(row))];
      const alive = current.filter((attempt) => ended.every((other) => other.number !== attempt.number));
      // The last one may have begun and ended since.
      return [...ended, ...alive].toSorted((a, b) => a.number - b.number);
    },
    events: (jobId, after, limit) => eventsOfJob(db, jobId, { after, limit }),
    feed: async (after, limit) =>
      (await eventsBehind(db, markAndPosition(after), limit)).map(({ row, workspace, event }) => ({
        position: positionText(row),
        workspace,
        event,
      })),
    feedEnd: async () => {
      const last = await lastEvent(db);
      return last === undefined ? "" : positionText(last);
    },
    keyHolders: async (key) => {
      const limit = await one("SELECT coalesce(max(slots), 1) FROM concurrency_keys WHERE name = $1", [key]);
      const holders = await db.rows("SELECT job_id FROM key_holders WHERE name = $1 ORDER BY job_id", [key]);
      return { limit, holders: holders.map((row) => row[0] as string) };
    },
    counts: async (workspace, cap) => {
      const count = async (state: JobState): Promise<number> => {
        let total = 0;
        for (const sql of countQueries(state, (n) => `$${n}`))
          for (const [count] of await db.rows(state === "running" ? ofRowsAndGroups(sql) : sql, [workspace, cap])) total += count as number;
        return Math.min(cap, total);
      };
      const entries: [JobState, number][] = [];
      for (const state of jobStates) entries.push([state, await count(state)]);
      return Object.fromEntries(entries) as Record<JobState, number>;
    },
  };
}

/** What runs may stand in a group. A list of jobs in any state is of their records, and is completed. */
function ofList({ sql, states }: ListQuery): string {
  return states?.includes("running") === true ? ofRowsAndGroups(sql) : sql;
}

/** Jobs that were found without a live row and without an end are read again, whole; what was removed since is left out. */
async function completed(db: Querier, views: readonly JobView[]): Promise<readonly JobView[]> {
  const isWhole = ({ live, final }: JobView): boolean => live !== null || final !== null;
  const ids = views.filter((view) => !isWhole(view)).map(({ record }) => record.id);
  if (ids.length === 0) return views;
  const read = new Map((await db.rows(VIEWS, [ids])).map(decodeView).map((view) => [view.record.id, view]));
  return views.flatMap((view) => (isWhole(view) ? view : (read.get(view.record.id) ?? [])));
}
