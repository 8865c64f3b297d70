/** How PostgreSQL goes about schedules that are due: a page of them costs no more when all are due than when few are. */
import { cursorsTable, scheduleStatements, schedulesTable } from "@windlass/sql";
import { scheduleOf, T0, testPostgres } from "@windlass/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, querierOf, type Querier } from "./connection.ts";
import { insertMany } from "./many-rows.ts";
import { migrate } from "./migrate.ts";

const SQL = scheduleStatements((n) => `$${n}`);
const COUNT = 5_000;
const postgres = testPostgres();

describe.skipIf(postgres.missing)("schedules that are all due", () => {
  let pool: pg.Pool;
  let db: Querier;
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    pool = openPool(await postgres.schema());
    db = querierOf(pool);
    await migrate(pool);
    const ids = Array.from({ length: COUNT }, (_, i) => `sch_${i}`);
    const schedules = ids.map((id) => ({ ...scheduleOf({ id, name: id }), revision: 1 }));
    await insertMany(db, schedulesTable, schedules);
    const cursor = { at: T0, nextAt: T0, running: [], waiting: [], failing: null, wakes: 0, revision: 1 };
    const cursors = ids.map((scheduleId) => ({ ...cursor, scheduleId }));
    await insertMany(db, cursorsTable, cursors);
  });
  afterEach(() => pool.end());

  // Planned for these very values, as each connection does the first few times, with and without an idea of what is there.
  test.each(["", "ANALYZE"])("are found page by page in the order of an index, and sorted never %s", async (first) => {
    if (first !== "") await db.rows(first);
    const plan = (await db.once(`EXPLAIN ${SQL.due}`, [T0, T0, "sch_1", 500])).map(([line]) => line).join("\n");
    expect(plan).toContain("Index Scan using schedules_due");
    expect(plan).not.toMatch(/Sort|Seq Scan/u);
  });
});
