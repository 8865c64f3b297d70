/** What becomes of a transaction whose statements are sent without waiting for each other, when one of them fails. */
import { testPostgres } from "@windlass/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, querierOf, type Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";

const postgres = testPostgres();
const ADD = "INSERT INTO things (id, count) VALUES ($1, $2)";

describe.skipIf(postgres.missing)("a transaction", () => {
  let pool: pg.Pool;
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    pool = openPool(await postgres.schema());
    await querierOf(pool).rows("CREATE TABLE things (id TEXT PRIMARY KEY, count BIGINT CHECK (count > 0))");
  });
  afterEach(() => pool.end());
  const stored = async (): Promise<unknown[]> => (await querierOf(pool).rows("SELECT id FROM things ORDER BY id")).map(([id]) => id);

  test("stores all that was written, and sees it before it ends", async () => {
    const seen = await inTransaction(pool, async (db) => {
      await db.write(ADD, ["a", 1]);
      await db.write(ADD, ["b", 1]);
      return (await db.rows("SELECT count(*) FROM things"))[0]?.[0];
    });
    expect(seen).toBe(2);
    expect(await stored()).toEqual(["a", "b"]);
  });

  test("stores all of what is too much for one packet", async () => {
    const ids = (part: string): string[] => Array.from({ length: 2_000 }, (_, i) => `${part}_${String(i).padStart(30, "0")}`);
    await inTransaction(pool, async (db) => {
      for (const part of ["a", "b", "c"]) await db.write("INSERT INTO things (id, count) SELECT unnest($1::text[]), 1", [ids(part)]);
    });
    expect(await stored()).toEqual(["a", "b", "c"].flatMap(ids));
  });

  test("stores nothing when one of its writes fails, whatever was sent behind it, and says which", async () => {
    const failing = inTransaction(pool, async (db) => {
      await db.write(ADD, ["a", 1]);
      await db.write(ADD, ["b", -1]);
      await db.write(ADD, ["c", 1]);
    });
    await expect(failing).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("things_count_check") });
    expect(await stored()).toEqual([]);
  });

  test("says what failed, not what was refused because of it", async () => {
    const failing = inTransaction(pool, async (db) => {
      await db.write(ADD, ["a", -1]);
      await db.rows("SELECT 1");
    });
    await expect(failing).rejects.toThrow("things_count_check");
  });

  test("stores nothing when something cannot be sent", async () => {
    const failing = inTransaction(pool, async (db) => {
      await db.write(ADD, ["a", 1]);
      await db.write("INSERT INTO things (id) SELECT unnest($1::text[])", [[Symbol("no text") as never]]);
    });
    await expect(failing).rejects.toThrow("Symbol");
    expect(await stored()).toEqual([]);
  });

  /** The next transaction of the pool begins with this instead. */
  const beginWith = async (text: string): Promise<void> => {
    const client = await pool.connect();
    const query = client.query.bind(client) as (...given: unknown[]) => unknown;
    const begins = (given: unknown): boolean => typeof given === "string" && given.startsWith("BEGIN");
    Object.assign(client, { query: (first: unknown, ...rest: unknown[]) => query(begins(first) ? text : first, ...rest) });
    client.release();
  };

  test.each([
    ["a write", async (db: Querier) => db.write(ADD, ["a", 1])],
    ["a counted write", async (db: Querier) => void (await db.count(ADD, ["a", 1]))],
    ["a write that returns rows", async (db: Querier) => void (await db.rows(`${ADD} RETURNING id`, ["a", 1]))],
    [
      "a write in other words",
      async (db: Querier) => void (await db.once(`WITH made AS (${ADD} RETURNING id) SELECT id FROM made`, ["a", 1])),
    ],
  ])("stores nothing when it could not begin: %s is not stored by itself", async (_, first) => {
    await beginWith("BEGIN NOTHING");
    const failing = inTransaction(pool, async (db) => {
      await first(db);
      await db.write(ADD, ["b", 1]);
    });
    await expect(failing).rejects.toThrow('syntax error at or near "NOTHING"');
    expect(await stored()).toEqual([]);
  });

  test("stores nothing when a failure within it was swallowed, and says so", async () => {
    const failing = inTransaction(pool, async (db) => {
      await db.write(ADD, ["a", 1]);
      await db.rows("SELECT 1 / 0").catch(() => {});
    });
    await expect(failing).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("answered COMMIT with ROLLBACK") });
    expect(await stored()).toEqual([]);
  });

  test("lets nothing out once it is over", async () => {
    const late = Promise.withResolvers<Querier>();
    await inTransaction(pool, async (db) => late.resolve(db));
    const db = await late.promise;
    await expect(db.write(ADD, ["a", 1])).rejects.toThrow("its transaction was over");
    await expect(db.count(ADD, ["a", 1])).rejects.toThrow("its transaction was over");
    expect(await stored()).toEqual([]);
  });

  test("stores nothing when its connection is cut before the end", async () => {
    const failing = inTransaction(pool, async (db) => {
      const [row] = await db.rows("SELECT pg_backend_pid()");
      await db.write(ADD, ["a", 1]);
      await querierOf(pool).rows("SELECT pg_terminate_backend($1)", [row?.[0] ?? null]);
      await db.write(ADD, ["b", 1]);
    });
    await expect(failing).rejects.toMatchObject({ code: "unavailable" });
    expect(await stored()).toEqual([]);
  });

  test("a key that is taken each time it is tried is a conflict, not a failure of the store", async () => {
    let tries = 0;
    await querierOf(pool).rows(ADD, ["a", 1]);
    const failing = inTransaction(pool, async (db) => {
      tries++;
      await db.write(ADD, ["a", 2]);
    });
    await expect(failing).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining("things_pkey") });
    expect(tries, "somebody else might have been first").toBeGreaterThan(1);
  });

  test("runs again when somebody else was first, and finds what that one has made", async () => {
    let tries = 0;
    await inTransaction(pool, async (db) => {
      const there = await db.rows("SELECT 1 FROM things WHERE id = 'a'");
      if (tries++ === 0) await querierOf(pool).rows(ADD, ["a", 1]);
      if (there.length === 0) await db.write(ADD, ["a", 2]);
      await db.write(ADD, ["b", 2]);
    });
    expect(tries).toBe(2);
    expect(await stored()).toEqual(["a", "b"]);
  });
});
