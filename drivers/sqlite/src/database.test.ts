import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { jobStates, liveStates, terminalStates, type JobRecord } from "@windlass/kernel";
import {
  attemptsTable,
  deadLettersTable,
  definitionsTable,
  endsTable,
  eventsTable,
  jobsTable,
  liveTable,
  migrations,
  queuesTable,
  sessionsTable,
  type Migration,
  type SqlValue,
} from "@windlass/sql";
import { advanceOf, compositeRecord, jobRecord, T0 } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { Database, type Row } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

let folder: string;
const path = (): string => join(folder, "windlass.db");
const open = (known: readonly Migration[]): Database => {
  const db = new Database(path());
  try {
    db.migrate(known);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};
const SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "windlass-sqlite-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("migrations", () => {
  test("one after the other come to what all at once come to, and keep the data", async () => {
    const atOnce = new Database(":memory:");
    atOnce.migrate();
    const job = jobRecord({ labels: { a: "b" } });
    for (let count = 1; count <= migrations.length; count++) {
      const db = open(migrations.slice(0, count));
      if (count === 1) insertOld(db, job);
      if (count === migrations.length) expect(db.all(SCHEMA)).toEqual(atOnce.all(SCHEMA));
      db.close();
    }
    atOnce.close();
    const store = await openSqliteStore({ path: path(), clock: fakeClock() });
    const view = await store.reads.get(job.id);
    expect(view?.record).toEqual(job);
    // The last attempt has moved to the end of its job, the first has not.
    expect(view?.final).toEqual({ ...END, progress: null });
    expect(await store.reads.attempts(job.id)).toMatchObject([
      { number: 1, token: 1, outcome: "failed", endedAt: T0 + 1 },
      { number: 2, token: 2, outcome: "succeeded", startedAt: T0 + 2, endedAt: T0 + 3, evidence: { seen: true }, exitCode: 0 },
    ]);
    expect(await store.reads.list({ workspace: job.workspace, states: ["succeeded"], limit: 9 })).toHaveLength(1);
    expect(await store.retention.ended(T0 + 4, 9, null)).toMatchObject([{ id: job.id }]);
    await store.close();
  }, 60_000);

  test("a store of a newer Windlass is refused, and left as it is", async () => {
    open([...migrations, () => ["CREATE TABLE of_the_future (id INTEGER)"]]).close();
    for (const thread of [false, true]) {
      await expect(openSqliteStore({ path: path(), clock: fakeClock(), thread })).rejects.toMatchObject({
        code: "schema_newer",
        message: expect.stringContaining(`schema ${migrations.length + 1}`),
      });
    }
    const db = new Database(path());
    expect(db.get("PRAGMA user_version")).toEqual([migrations.length + 1]);
    db.close();
  });

  test("one that fails leaves the old schema", () => {
    open(migrations).close();
    expect(() => open([...migrations, () => ["CREATE TABLE half (id INTEGER)", "CREATE TABLE half (id INTEGER)"]])).toThrow(/half/u);
    const db = open(migrations);
    expect(db.all("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual([]);
    db.close();
  });

  test.each([
    ["jobs_live", "queued"],
    ["job_ends", "expired"],
  ])("%s is made anew with all that is in it, and takes no other states than before", (table, state) => {
    const db = new Database(":memory:");
    db.migrate(migrations.slice(0, 21));
    const columns = db.all(`SELECT name, type FROM pragma_table_info('${table}')`);
    const valueOf = ([name, type]: Row, i: number): SqlValue => (name === "state" ? state : type === "INTEGER" ? i : `${name}`);
    const insert = (values: Row): number => db.run(`INSERT INTO ${table} VALUES (${values.map(() => "?").join(", ")})`, values);
    insert(columns.map(valueOf));
    const before = db.all(`SELECT * FROM ${table}`);
    db.migrate();
    expect(db.all(`SELECT * FROM ${table}`)).toEqual(before);
    expect(db.all(`SELECT name, type FROM pragma_table_info('${table}')`)).toEqual(columns);
    expect(() => insert(columns.map((column, i) => (column[0] === "state" ? "other" : i)))).toThrow(/CHECK/u);
    db.close();
  });

  test("make the columns that are read and written, and the states of the life cycle", () => {
    const db = open(migrations);
    const columns = (table: string): unknown[] =>
      db.all(`SELECT name FROM pragma_table_info('${table}') ORDER BY name`).map((row) => row[0]);
    const names = (...tables: readonly { readonly columns: readonly { readonly name: string }[] }[]): string[] =>
      tables.flatMap((table) => table.columns.map((column) => column.name)).toSorted();
    expect(columns("jobs")).toEqual(names(jobsTable));
    expect(columns("jobs_live")).toEqual([...names(liveTable), "timer_at"].toSorted());
    expect(columns("events")).toEqual([...names(eventsTable), "position"].toSorted());
    for (const table of [attemptsTable, endsTable, deadLettersTable, queuesTable, sessionsTable, definitionsTable])
      expect(columns(table.name)).toEqual(names(table));
    const allowed = (table: string): string[] =>
      jobStates.filter((state) => String(db.get("SELECT sql FROM sqlite_master WHERE name = ?", [table])?.[0]).includes(`'${state}'`));
    expect(allowed("job_ends")).toEqual(terminalStates);
    expect(allowed("jobs_live")).toEqual(liveStates);
    db.close();
  });
});

test("what was decided and what ended leaves nothing where claims and decisions look", async () => {
  const store = await openSqliteStore({ path: path(), clock: fakeClock(), thread: false });
  const db = new Database(path(), { readOnly: true });
  const rows = (table: string): unknown => db.get(`SELECT count(*) FROM ${table}`)?.[0];
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
  await store.jobs.commit([{ type: "submit", job: compositeRecord({ concurrency: { key: "k", limit: 1 } }) }], T0);
  await store.jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 1, now: T0 });
  const [first] = await store.jobs.woken(1);
  if (first === undefined) throw new Error("the job is woken");
  expect([rows("facts"), rows("key_holders")]).toEqual([1, 1]);
  await store.jobs.commit([advanceOf(first.live, { cursor: { a: 1 } })], T0);
  expect([rows("facts"), rows("cursors")]).toEqual([0, 1]);
  await store.jobs.commit(
    [{ type: "stop", id: first.live.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }],
    T0,
  );
  expect(["jobs_live", "facts", "cursors", "key_holders"].map(rows)).toEqual([0, 0, 0, 0]);
  db.close();
  await store.close();
});

test("lists and claims follow their indexes and sort nothing", () => {
  const db = open(migrations);
  const plan = (sql: string, values: readonly (string | number)[]): string =>
    db
      .all(`EXPLAIN QUERY PLAN ${sql}`, values)
      .map((row) => row[3])
      .join("; ");
  const ready = plan(
    "SELECT id FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued' AND blocked = 0 ORDER BY priority DESC, fairness_key, id LIMIT ?",
    ["handler", "default", 10],
  );
  expect(ready).toMatch(/live_ready/u);
  expect(ready).not.toMatch(/TEMP B-TREE|SCAN/u);
  const nextKey = plan(
    "SELECT fairness_key FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued' AND blocked = 0 AND priority = ? AND fairness_key > ? ORDER BY fairness_key LIMIT 1",
    ["handler", "default", 0, "a"],
  );
  expect(nextKey).toBe("SEARCH jobs_live USING COVERING INDEX live_ready (executor=? AND queue=? AND priority=? AND fairness_key>?)");
  expect(plan("SELECT id FROM jobs_live WHERE timer_at <= ? ORDER BY timer_at, id LIMIT ?", [T0, 10])).toMatch(/live_timer/u);
  expect(plan("SELECT id FROM jobs_live l WHERE l.executor = 'none' AND l.decided < l.wakes ORDER BY l.id LIMIT ?", [10])).toMatch(
    /live_woken/u,
  );
  const list = plan("SELECT id FROM jobs j WHERE j.workspace = ? AND j.kind = ? AND j.id < ? ORDER BY j.id DESC LIMIT ?", [
    "default",
    "task",
    "z",
    10,
  ]);
  expect(list).toMatch(/jobs_by_kind/u);
  expect(list).not.toMatch(/TEMP B-TREE/u);
  db.close();
});

const END = {
  state: "succeeded",
  outcome: "succeeded",
  reason: "ok",
  message: null,
  exitCode: 0,
  output: 7,
  attempts: 2,
  startedAt: T0,
  finishedAt: T0 + 3,
} as const;

/** A job that ended with its second attempt, as the first Windlass stored it, which had fewer columns. */
function insertOld(db: Database, job: JobRecord): void {
  const there = new Set(db.all("SELECT name FROM pragma_table_info('jobs')").map((row) => row[0]));
  const values = jobsTable.encode(job).filter((_, i) => there.has(jobsTable.columns[i]?.name ?? ""));
  const names = jobsTable.columns.map((column) => column.name).filter((name) => there.has(name));
  db.run(`INSERT INTO jobs (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`, values);
  db.run(
    "UPDATE jobs SET state = 'succeeded', outcome = 'succeeded', reason = 'ok', exit_code = 0, output = '7', attempts = 2, started_at = ?, finished_at = ?",
    [END.startedAt, END.finishedAt],
  );
  const attempt =
    "INSERT INTO attempts (job_id, number, token, phase, executor, started_at, ended_at, outcome, reason, exit_code, evidence) VALUES (?, ?, ?, 'settled', 'process', ?, ?, ?, ?, ?, ?)";
  db.run(attempt, [job.id, 1, 1, T0, T0 + 1, "failed", "exit_code", 3, null]);
  db.run(attempt, [job.id, 2, 2, T0 + 2, T0 + 3, "succeeded", "ok", 0, '{"seen":true}']);
}

test("so many statements are kept, and no more", () => {
  const db = new Database(":memory:");
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  const prepared = (sql: string): boolean => {
    prepare.mockClear();
    expect(db.get(sql)).toEqual([1]);
    return prepare.mock.calls.length > 0;
  };
  try {
    expect([prepared("SELECT 1"), prepared("SELECT 1")]).toEqual([true, false]);
    for (let i = 0; i < 2_000; i++) db.get(`SELECT 1 AS c${i}`);
    expect([prepared("SELECT 1"), prepared("SELECT 1")]).toEqual([true, false]);
  } finally {
    prepare.mockRestore();
    db.close();
  }
});

test("what can be left waits for no other process, and what cannot does", () => {
  const [db, other] = [open(migrations), open(migrations)];
  const waits = (): unknown => db.get("PRAGMA busy_timeout")?.[0];
  const exec = vi.spyOn(DatabaseSync.prototype, "exec");
  let done: unknown[] = [];
  const tried = (): boolean => db.tryTransaction(() => (done = [...done, waits()]));
  try {
    other.all("BEGIN IMMEDIATE");
    expect([tried(), done, waits()]).toEqual([false, [], 5_000]);
    expect(exec.mock.calls).toEqual([["PRAGMA busy_timeout = 0"], ["PRAGMA busy_timeout = 5000"]]);
    other.all("ROLLBACK");
    expect([tried(), done]).toEqual([true, [5_000]]);
    const full = (): never => {
      throw new Error("full");
    };
    expect(() => db.tryTransaction(full)).toThrow("full");
    expect(tried()).toBe(true);
  } finally {
    exec.mockRestore();
    for (const one of [db, other]) one.close();
  }
});
