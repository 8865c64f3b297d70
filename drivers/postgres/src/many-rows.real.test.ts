import { tableOf } from "@windlass/sql";
import { testPostgres } from "@windlass/testkit";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, querierOf, type Querier } from "./connection.ts";
import { changedIn, insertMany, updateRows } from "./many-rows.ts";

interface Thing {
  readonly id: string;
  readonly name: string | null;
  readonly count: number | null;
  readonly isOpen: boolean;
}

const things = tableOf<Thing>("things", { id: "text", name: "text", count: "integer", isOpen: "flag" });
const thing = (id: string, more: Partial<Thing> = {}): Thing => ({ id, name: null, count: null, isOpen: false, ...more });
const ODD = ["", "NULL", "null", 'say "no"', "a\\b", "{1,2}", ",", " ", "line\nline", "ä€😀", "'; DROP TABLE things"];

const postgres = testPostgres();

describe.skipIf(postgres.missing)("rows that are written together", () => {
  let pool: pg.Pool;
  let db: Querier;
  let asked: string[];
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    pool = openPool(await postgres.schema());
    const own = querierOf(pool);
    asked = [];
    db = { ...own, write: (sql, values) => (asked.push(sql), own.write(sql, values)) };
    await own.rows("CREATE TABLE things (id TEXT, name TEXT DEFAULT 'unset', count BIGINT, is_open BIGINT)");
  });
  afterEach(() => pool.end());
  const stored = async (): Promise<Thing[]> =>
    (await db.rows(`SELECT ${things.list()} FROM things ORDER BY id`)).map((row) => things.decode(row));

  test("come back as they were, with every odd text", async () => {
    const rows = ODD.map((name, i) => thing(String.fromCodePoint(97 + i), { name, count: i === 3 ? null : i, isOpen: i % 2 === 0 }));
    await insertMany(db, things, rows);
    expect(await stored()).toEqual(rows);
  });

  test("lose only NUL, which PostgreSQL cannot store, alone and among others", async () => {
    await insertMany(db, things, [thing("a", { name: "x\0" }), thing("b", { name: '"\0' })]);
    await insertMany(db, things, [thing("c", { name: "\0y" })]);
    expect((await stored()).map(({ name }) => name)).toEqual(["x\uFFFD", '"\uFFFD', "\uFFFDy"]);
  });

  test("send what is the same in all of them once, and what is null in all of them not at all", async () => {
    await insertMany(db, things, [thing("a", { count: 7 }), thing("b", { count: 7 })]);
    await insertMany(db, things, [thing("c", { count: 7 })]);
    await insertMany(db, things, []);
    expect(asked).toEqual([
      "INSERT INTO things (id, count, is_open) SELECT given.id, $2::bigint, $3::bigint FROM unnest($1::text[]) AS given (id)",
      "INSERT INTO things (id, count, is_open) SELECT $1::text, $2::bigint, $3::bigint",
    ]);
    expect((await stored()).map(({ count }) => count)).toEqual([7, 7, 7]);
  });

  test("send what is in each row as in its first column once, and change it to that as well", async () => {
    const rows = ["a", "b"].map((id, i) => thing(id, { name: id, count: i }));
    await insertMany(db, things, rows);
    expect(asked).toEqual([
      "INSERT INTO things (id, count, name, is_open) SELECT given.id, given.count, given.id, $3::bigint FROM unnest($1::text[], $2::bigint[]) AS given (id, count)",
    ]);
    expect(await stored()).toEqual(rows);
    const renamed = rows.map((row) => ({ ...row, name: "other" }));
    const changed = changedIn(things);
    await updateRows(db, "things", { ids: ["a", "b"], columns: changed(rows.map((before, i) => ({ now: renamed[i] as Thing, before }))) });
    expect(await stored()).toEqual(renamed);
    await updateRows(db, "things", { ids: ["a", "b"], columns: changed(rows.map((now, i) => ({ now, before: renamed[i] as Thing }))) });
    expect(await stored()).toEqual(rows);
  });

  test("change in the columns that differ in any of them, to null as well", async () => {
    const before = [thing("a", { name: "n", count: 1 }), thing("b", { name: "m", count: 1 }), thing("c", { count: 5 })];
    await insertMany(db, things, before);
    const now = [thing("a", { name: null, count: 1, isOpen: true }), thing("b", { name: null, count: 2, isOpen: true })];
    const changed = changedIn(things);
    const pairs = now.map((one, i) => ({ now: one, before: before[i] as Thing }));
    await updateRows(db, "things", { ids: ["a", "b"], columns: changed(pairs) });
    expect(await stored()).toEqual([...now, before[2]]);
    asked = [];
    await updateRows(db, "things", {
      ids: ["a", "b"],
      columns: changed(pairs.map(({ now: one }) => ({ now: { ...one, isOpen: false }, before: one }))),
    });
    await updateRows(db, "things", { ids: ["a"], columns: [] });
    expect(asked).toEqual(["UPDATE things SET is_open = $2::bigint WHERE id = ANY($1::text[])"]);
    expect((await stored()).map(({ isOpen }) => isOpen)).toEqual([false, false, false]);
  });
});
