/** What becomes of a transaction whose statements are sent without waiting for each other, when one of them fails. */
import { testPostgres } from "@windlass/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, querierOf } from "./connection.ts";
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
