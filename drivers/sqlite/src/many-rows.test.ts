import { expect, test } from "vitest";
import { Database, type Row } from "./database.ts";
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

test("rows that are there become what is said of them, in all sizes, also with columns that are left out or the same in all", () => {
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

/** What is bound for these rows, statement by statement. */
function boundFor(rows: readonly Row[]): { readonly stored: readonly Row[]; readonly bound: readonly Row[] } {
  const db = table();
  const bound: Row[] = [];
  const spied = Object.create(db, { run: { value: (sql: string, values: Row) => (bound.push(values), db.run(sql, values)) } }) as Database;
  insertMany(spied, INTO, rows);
  const stored = db.all("SELECT id, a, b FROM t ORDER BY n");
  db.close();
  return { stored, bound };
}

const rowsOf = (count: number, rowOf: (i: number) => Row): readonly Row[] => Array.from({ length: count }, (_, i) => rowOf(i));

test.each<[string, readonly Row[], readonly Row[]]>([
  ["what is the same in all rows", rowsOf(8, (i) => [idOf(i), 7, "x"]), [[7, "x", ...rowsOf(8, (i) => [idOf(i)]).flat()]]],
  ["what is the same as in the first column", rowsOf(8, (i) => [idOf(i), i, idOf(i)]), [rowsOf(8, (i) => [idOf(i), i]).flat()]],
  [
    "what stands in some rows only",
    rowsOf(8, (i) => [idOf(i), i === 7 ? 7 : null, "x"]),
    [["x", ...rowsOf(8, (i) => [idOf(i), i === 7 ? 7 : null]).flat()]],
  ],
  ["rows that are all the same", rowsOf(8, () => ["a", 1, "a"]), [rowsOf(8, () => ["a", 1, "a"]).flat()]],
  ["few rows", rowsOf(4, (i) => [idOf(i), 7, idOf(i)]), [rowsOf(4, (i) => [idOf(i), 7, idOf(i)]).flat()]],
  [
    "a whole number that is a text elsewhere",
    rowsOf(8, (i) => [idOf(i), 7, i === 3 ? "7" : "8"]),
    [[7, ...rowsOf(8, (i) => [idOf(i), i === 3 ? "7" : "8"]).flat()]],
  ],
])("%s: stored as it is, and bound once where that is enough", (_, rows, wanted) => {
  const { stored, bound } = boundFor(rows);
  expect(stored).toEqual(rows);
  expect(bound).toEqual(wanted);
});

test("groups of one call go by what all of its rows have", () => {
  const rows = rowsOf(135, (i) => [idOf(i), i < 128 ? 1 : 2, "x"]);
  const { stored, bound } = boundFor(rows);
  expect(stored).toEqual(rows);
  expect(bound.map((values) => values[0])).toEqual(["x", "x", "x", "x"]);
});

test("rows that are alike in ever other ways need no more and more texts", () => {
  const names = Array.from({ length: 8 }, (_, i) => `c${i}`);
  const into = new Target("wide", ["id", ...names]);
  const inserts = new Set(
    Array.from({ length: 200 }, (_way, way) =>
      into.insertOf(rowsOf(8, (i) => [idOf(i), ...names.map((_name, bit) => ((way >> bit) & 1) * i)])),
    ),
  );
  expect(inserts.size).toBe(200);
  const again = Array.from({ length: 200 }, (_way, way) =>
    into.insertOf(rowsOf(8, (i) => [idOf(i), ...names.map((_name, bit) => ((way >> bit) & 1) * i)])),
  );
  expect(again.filter((insert) => inserts.has(insert)).length).toBeLessThanOrEqual(64);
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
