import { expect, test } from "vitest";
import { Database } from "./database.ts";
import { insertMany, rowsOfIds, runForIds, SameChanges, Target } from "./many-rows.ts";

function table(): Database {
  const db = new Database(":memory:");
  db.run("CREATE TABLE t (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, a INTEGER DEFAULT 5, b TEXT)");
  return db;
}
const INTO = new Target("t", ["id", "a", "b"]);
const idOf = (i: number): string => `id-${i}`;

test.each([0, 1, 7, 8, 63, 64, 65, 200])("%i rows are written in order, with their nulls", (count) => {
  const db = table();
  const rows = Array.from({ length: count }, (_, i) => [idOf(i), i % 3 === 0 ? null : i, null]);
  insertMany(db, INTO, rows);
  // A column that is null in all of them is left out, and gets its default; ours have none.
  expect(db.all("SELECT id, a, b FROM t ORDER BY n")).toEqual(rows.length === 1 ? [[idOf(0), 5, null]] : rows);
  db.close();
});

test("rows that are there become what is said of them, in all sizes, also with columns that are left out", () => {
  const db = new Database(":memory:");
  db.run("CREATE TABLE t (id TEXT NOT NULL PRIMARY KEY, a INTEGER NOT NULL, b TEXT)");
  const into = new Target("t", ["id", "a", "b"], "ON CONFLICT (id) DO UPDATE SET b = excluded.b");
  const rows = (b: string | null): (string | number | null)[][] =>
    Array.from({ length: 135 }, (_, i) => [idOf(i), 7, b === null ? b : `${b}${i}`]);
  insertMany(db, into, rows("x"));
  db.run("UPDATE t SET a = 8");
  insertMany(db, into, rows("y"));
  expect(db.all("SELECT id, a, b FROM t WHERE a = 8 AND b LIKE 'y%'")).toHaveLength(135);
  insertMany(db, into, rows(null));
  expect(db.all("SELECT id FROM t WHERE a = 8 AND b IS NULL")).toHaveLength(135);
  db.close();
});

test("ids are looked up and removed in groups, and the missing ones are passed over", () => {
  const db = table();
  const ids = Array.from({ length: 75 }, (_, i) => idOf(i));
  insertMany(
    db,
    INTO,
    ids.map((id) => [id, 1, "x"]),
  );
  expect(rowsOfIds(db, "SELECT id FROM t WHERE id IN", [...ids, "none"]).map((row) => row[0])).toHaveLength(75);
  runForIds(db, "DELETE FROM t WHERE id IN", { ids: ids.slice(1) });
  expect(db.all("SELECT id FROM t")).toEqual([[idOf(0)]]);
  db.close();
});

test("rows that change alike change together, others by themselves", () => {
  const db = table();
  insertMany(
    db,
    INTO,
    Array.from({ length: 20 }, (_, i) => [idOf(i), 0, "x"]),
  );
  const changes = new SameChanges();
  for (let i = 0; i < 20; i++) changes.add(idOf(i), i % 2 === 0 ? "a = ?" : "a = ?, b = ?", i % 2 === 0 ? [1] : [i, null]);
  changes.update(db, "t");
  expect(db.all("SELECT a, b FROM t ORDER BY n")).toEqual(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? [1, "x"] : [i, null])));
  db.close();
});
