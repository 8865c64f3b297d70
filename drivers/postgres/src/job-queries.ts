/** What the services ask of live jobs: due, woken, cursor, walks. Each follows an index made for it. */
import { FACTS_PER_DECISION_MAX, type JobStore, type LiveFilter, type WokenJob } from "@windlass/ports";
import type { Fact, Json } from "@windlass/kernel";
import { jobsTable, liveQuery, liveTable } from "@windlass/sql";
import { ofAllLive, ofRowsAndGroups } from "./claim-groups.ts";
import type { Querier } from "./connection.ts";

const DUE = ofAllLive(`SELECT ${liveTable.list()} FROM jobs_live WHERE timer_at <= $1 ORDER BY timer_at, id LIMIT $2`);
const NEXT_DUE = `SELECT least((SELECT min(timer_at) FROM jobs_live WHERE timer_at IS NOT NULL), (SELECT min(timer_at) FROM claim_groups))`;
const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id = ANY($1::text[])`;

/** The facts come in the same statement, so that they are those of the row beside them. */
const WOKEN = `SELECT ${liveTable.list("l.")}, f.numbers, f.facts FROM
    (SELECT * FROM jobs_live WHERE executor = 'none' AND decided < wakes AND state NOT IN ('scheduled', 'queued') ORDER BY id LIMIT $1) l
    CROSS JOIN LATERAL (SELECT array_agg(number) AS numbers, array_agg(fact) AS facts FROM
      (SELECT number, fact FROM facts WHERE job_id = l.id AND number > l.decided ORDER BY number LIMIT ${FACTS_PER_DECISION_MAX}) unseen) f
  ORDER BY l.id`;

export type JobQueries = Pick<JobStore, "due" | "nextDue" | "woken" | "cursor" | "live" | "records">;

export function jobQueries(db: Querier): JobQueries {
  return {
    due: async (now, limit) => (await db.rows(DUE, [now, limit])).map((row) => liveTable.decode(row)),
    nextDue: async () => ((await db.rows(NEXT_DUE))[0]?.[0] ?? null) as number | null,
    woken: async (limit) => (await db.rows(WOKEN, [limit])).map((row) => wokenOf(row as readonly unknown[])),
    cursor: async (id) =>
      Object.fromEntries(
        (await db.rows("SELECT entry, value FROM cursors WHERE job_id = $1", [id])).map(([entry, value]) => [
          entry as string,
          JSON.parse(value as string) as Json,
        ]),
      ),
    live: async (filter, limit) => {
      const { sql, values } = liveQuery(filter, limit, { placeholder: (n) => `$${n}` });
      const rows = await db.once(mayBeGrouped(filter) ? ofRowsAndGroups(sql) : sql, values);
      const lives = rows.map((row) => liveTable.decode(row));
      return lives.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    },
    records: async (ids) => (await db.rows(RECORDS, [ids])).map((row) => jobsTable.decode(row)),
  };
}

/** Running, and no child of another job. */
function mayBeGrouped({ states, parentId, orphaned, contending, blocked }: LiveFilter): boolean {
  return states?.includes("running") !== false && parentId === undefined && orphaned !== true && contending !== true && blocked !== true;
}

function wokenOf(row: readonly unknown[]): WokenJob {
  const values = row as Parameters<typeof liveTable.decode>[0];
  const live = liveTable.decode(values);
  // Arrays of bigint come as texts.
  const numbers = (row.at(-2) ?? []) as string[];
  const facts = ((row.at(-1) ?? []) as string[]).map((fact) => JSON.parse(fact) as Fact);
  return { live, facts, seen: Number(numbers.at(-1) ?? live.decided) };
}
