/** Several writes as one statement: all of them are stored or none, whatever was taken for granted. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Store } from "@windlass/ports";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPool, querierOf, type Querier } from "./connection.ts";
import { inOneStatement } from "./one-statement.ts";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();
const ADD = "INSERT INTO things (id, n) VALUES ($1::text, $2::bigint)";

describe.skipIf(postgres.missing)("one statement", () => {
  let pool: pg.Pool;
  let url = "";
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.schema();
    pool = openPool(url);
    await pool.query("CREATE TABLE things (id text PRIMARY KEY, n bigint)");
  });
  afterEach(() => pool.end());
  const inOne = async <T>(work: (db: Querier) => Promise<T>) => inOneStatement(await pool.connect(), work);
  const stored = async (): Promise<readonly unknown[]> =>
    (await querierOf(pool).rows("SELECT id, n, xmin::text FROM things ORDER BY id")).map((row) => [...row]);

  test("stores all that was written, under the number that it gives", async () => {
    const done = await inOne(async (db) => {
      await db.write(ADD, ["a", 1]);
      await db.demand("SELECT 1 FROM things", [], 0);
      await db.write(ADD, ["b", 2]);
      return "done";
    });
    expect(done?.result).toBe("done");
    expect(await stored()).toEqual([
      ["a", 1, done?.made],
      ["b", 2, done?.made],
    ]);
  });

  test("stores nothing when one of the things that were taken for granted is not so, or a race is lost, and is to be done again", async () => {
    await querierOf(pool).write(ADD, ["there", 0]);
    const before = await stored();
    const adding = (sql: string, values: readonly (string | number)[], count: number) =>
      inOne(async (db) => {
        await db.demand("SELECT 1 FROM things WHERE id = $1", ["there"], 1);
        await db.write(ADD, ["a", 1]);
        await db.demand(sql, values, count);
        return "done";
      });
    expect(await adding("DELETE FROM things WHERE id = $1 RETURNING 1", ["gone"], 1)).toBeNull();
    expect(await adding("DELETE FROM things WHERE n < $1 RETURNING 1", [5], 2)).toBeNull();
    expect(await adding(`${ADD} RETURNING 1`, ["there", 1], 1)).toBeNull();
    expect(await stored()).toEqual(before);
  });

  test.each(["rows", "count", "once"] as const)("sends nothing when the work reads (%s)", async (how) => {
    const reading = inOne(async (db) => {
      await db.write(ADD, ["a", 1]);
      await db[how]("SELECT 1", []);
      return "done";
    });
    expect(await reading).toBeNull();
    expect(await stored()).toEqual([]);
  });

  test("says so when its connection is cut, and no other uses that", async () => {
    const cut = inOne(async (db) => {
      await db.write("INSERT INTO things (id, n) SELECT 'a', pg_terminate_backend(pg_backend_pid())::int", []);
      return "done";
    });
    await expect(cut).rejects.toMatchObject({ code: "unavailable" });
    expect(await stored()).toEqual([]);
  });

  describe("of a store", () => {
    let store: Store;
    beforeEach(async () => {
      store = await openPostgresStore({ url, clock: fakeClock() });
      await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
    });
    afterEach(() => store.close());
    const commits = async (): Promise<number> => {
      const [row] = await querierOf(pool).rows(
        "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM jobs UNION ALL SELECT xmin FROM job_ends) AS rows",
      );
      return row?.[0] as number;
    };

    test("one that is none takes no second connection", async () => {
      const connect = vi.spyOn(pg.Pool.prototype, "connect");
      await store.jobs.commit(
        [jobRecord(), jobRecord(), jobRecord()].map((job) => ({ type: "submit", job })),
        T0,
      );
      expect(connect).toHaveBeenCalledOnce();
      connect.mockRestore();
    });

    test("one that ends and the next one that begins are one", async () => {
      const request = { executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 5, now: T0 } as const;
      expect((await store.jobs.claim(request)).nothingLeft).toBe(true);
      const submitted = (job = jobRecord()) => store.jobs.commit([{ type: "submit", job }], T0);
      const [, first] = await Promise.all([submitted(), store.jobs.claim(request)]);
      const [running] = first.jobs;
      if (running === undefined) throw new Error("it was claimed");
      const [ended, made, second] = await Promise.all([
        store.jobs.commit([settleOf(running.live)], T0 + 1),
        submitted(),
        store.jobs.claim(request),
      ]);
      expect([ended, made].map(({ results }) => results.map(({ ok }) => ok))).toEqual([[true], [true]]);
      expect(second.jobs).toHaveLength(1);
      expect(await commits()).toBe(2);
      expect((await store.reads.events(running.live.id, 0, 9)).map(({ type }) => type)).toEqual([
        "job.submitted",
        "job.started",
        "job.finished",
      ]);
    });
  });
});
