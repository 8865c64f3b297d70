import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Database } from "./database.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "windlass-positions-"));
});
afterEach(() => rm(folder, { recursive: true }));

function open(): Database {
  const db = new Database(join(folder, "windlass.db"));
  db.migrate();
  return db;
}
const take = (db: Database, count: number): number => db.transaction(() => db.positions.take(db, count));

test("follow each other, whatever is taken at once", () => {
  const db = open();
  const taken = [3, 1, 25_000, 2].map((count) => [take(db, count), count] as const);
  expect(taken).toEqual([
    [1, 3],
    [4, 1],
    [5, 25_000],
    [25_005, 2],
  ]);
  db.close();
});

test("are larger than all before after another start, and after another connection gave some", () => {
  const first = open();
  take(first, 5);
  first.close();
  const db = open();
  const from = take(db, 1);
  expect(from).toBeGreaterThan(5);
  const other = new Database(join(folder, "windlass.db"));
  other.run("INSERT INTO events (job_id, seq, at, type) VALUES ('job_1', 1, 1, 'job.queued')");
  const [theirs] = other.get("SELECT max(position) FROM events") ?? [];
  expect(theirs).toBeGreaterThan(from);
  other.close();
  expect(take(db, 1)).toBeGreaterThan(theirs as number);
  db.close();
});

test("are not given again by what follows a transaction that failed", () => {
  const db = open();
  const before = take(db, 1);
  const taken: number[] = [];
  expect(() =>
    db.transaction(() => {
      taken.push(db.positions.take(db, 20_000));
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(take(db, 1)).toBeGreaterThan(before);
  const [stored] = db.get("SELECT seq FROM sqlite_sequence WHERE name = 'events'") ?? [];
  expect(take(db, 1)).toBeLessThanOrEqual(stored as number);
  db.close();
});

test("cost no page at a commit", () => {
  const db = open();
  take(db, 1);
  const writes = (): number => db.changes;
  const before = writes();
  for (let i = 0; i < 10; i++) take(db, 1);
  expect(writes()).toBe(before);
  db.close();
});
