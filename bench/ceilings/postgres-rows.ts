/**
 * What PostgreSQL itself takes for the rows that a job of a batch makes, 1,000 jobs in each statement, on one connection: no rule, and
 * without the event, which a batch has once. The tables and their indexes are those of Windlass.
 */
import { openOnDatabase } from "../contenders/windlass-embedded.ts";
import { BATCH, JOB_OF_WINDLASS } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { idAfter } from "../servers/copied-rows.ts";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING, type PostgresDatabase } from "../servers/postgres.ts";

const SAMPLE_MS = { full: 1_500, quick: 100 } as const;
/** One row of each for each job. */
const TABLES = ["jobs", "jobs_live"] as const;

export const postgresRows: Entrant = {
  name: "ceiling: PostgreSQL, the same rows, 1,000 a commit",
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async measure(scale) {
    const database = await postgresDatabase();
    const queue = await openOnDatabase(database);
    const { id } = await queue.windlass.engine.jobs.submit({ ...JOB_OF_WINDLASS, queue: "copied" });
    const [insert, common] = await insertLike(database, id);
    let count = 0;
    const add = async (forMs: number): Promise<number> => {
      const before = count;
      const from = performance.now();
      while (performance.now() - from < forMs) {
        const ids = Array.from({ length: BATCH }, () => idAfter(id, ++count));
        await database.query(insert, [ids, ...common]);
      }
      return (count - before) / ((performance.now() - from) / 1_000);
    };
    // The first pages of a table and of its indexes cost more than the next.
    await add(SAMPLE_MS[scale]);
    const rate = await add(SAMPLE_MS[scale]);
    await queue.close();
    return { "": rate };
  },
};

/** One statement for all tables, and what all of the rows have in common: `$1` are the ids. */
async function insertLike(database: PostgresDatabase, id: string): Promise<readonly [sql: string, common: readonly unknown[]]> {
  const common: unknown[] = [];
  const inserts: string[] = [];
  for (const table of TABLES) {
    const [row = {}] = await database.query(`SELECT * FROM ${table} WHERE id = $1`, [id]);
    const types = await database.query(
      "SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = $1::regclass",
      [table],
    );
    const typeOf = new Map(types.map((one) => [one["attname"], String(one["type"])]));
    const values = Object.entries(row).map(([name, value]) =>
      value === id ? "given.id" : `$${common.push(value) + 1}::${typeOf.get(name)}`,
    );
    inserts.push(`INSERT INTO ${table} (${Object.keys(row).join(", ")}) SELECT ${values.join(", ")} FROM given`);
  }
  const last = inserts.pop();
  const before = inserts.map((insert, index) => `, part${index} AS (${insert})`).join("");
  return [`WITH given AS MATERIALIZED (SELECT unnest($1::text[]) AS id)${before} ${last}`, common];
}
