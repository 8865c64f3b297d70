import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Change, JobRecord } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { migrations } from "@windlass/sql";
import { childRecord, compositeRecord, jobRecord, T0 } from "@windlass/testkit";
import { addWorkspace } from "./access.ts";
import { commit } from "./commit-jobs.ts";
import { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { INTAKE_ROWS_MAX } from "./intake.ts";
import { listEvents } from "./job-reads.ts";
import { disableDefinition, putDefinition } from "./small-stores.ts";
import { logCuts } from "./log-fixture.ts";
import { takeIn } from "./take-in.ts";

let folder: string;
let open: Database[];
const path = (name: string): string => join(folder, name);
const database = (name = "windlass.db"): Database => {
  const db = new Database(path(name));
  open.push(db);
  db.migrate();
  db.transaction(() => {
    db.intake.apply(db, "time");
    addWorkspace(db, { name: "team", createdBy: "test", createdAt: T0 });
  });
  return db;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-intake-"));
  open = [];
});
afterEach(() => {
  for (const db of open) db.close();
  rmSync(folder, { recursive: true });
});

const callOf = (changes: readonly Change[], now = T0): Call => ({ id: 1, name: "commit", values: [changes, now] });
const submitOf = (job: JobRecord): Change => ({ type: "submit", job });
const taken = (db: Database, job: JobRecord): Committed | null => db.transaction(() => takeIn(db, callOf([submitOf(job)])));
const take = (db: Database, ...jobs: readonly JobRecord[]): void => {
  for (const job of jobs) expect(taken(db, job)?.results).toEqual([{ ok: true, id: job.id, created: true }]);
};
const apply = (db: Database): void => db.transaction(() => db.intake.apply(db, "asked"));
const rowsOf = (db: Database, table: string): readonly unknown[] => db.all(`SELECT * FROM ${table} ORDER BY 1, 2`);
const ids = (db: Database): unknown[] => db.all("SELECT id FROM jobs ORDER BY id").map(([id]) => id);

const TABLES = ["jobs", "job_labels", "jobs_live", "events", "idempotency_keys", "sqlite_sequence", "intake"];
const jobsOfAllKinds = (): JobRecord[] => [
  jobRecord(),
  jobRecord({ workspace: "team", labels: { team: "core", tier: "1" }, priority: -7, input: { text: 'ä"\u0000\n' } }),
  jobRecord({ notBefore: T0 + 10, startDeadline: T0 + 100, timeoutMs: 5, deadLetter: true, traceparent: "00-1" }),
  jobRecord({ idempotencyKey: "k", requestHash: "h", fairnessKey: "a", commit: "abc" }),
  compositeRecord({ cause: { type: "user", by: "x" } }),
];

describe("a job that was taken in", () => {
  test("has the rows and the answer that it would have had at once, from memory and from the table", () => {
    const jobs = jobsOfAllKinds();
    const [straight, remembered, reread] = [database("a.db"), database("b.db"), database("c.db")];
    for (const job of jobs) {
      const answer = straight.transaction(() => commit(straight, [submitOf(job)], T0));
      expect(taken(remembered, job)).toEqual(answer);
      expect(taken(reread, job)).toEqual(answer);
    }
    expect([remembered, reread].map((db) => [rowsOf(db, "intake").length, ids(db)])).toEqual([
      [5, []],
      [5, []],
    ]);
    reread.intake.forget();
    for (const db of [remembered, reread]) {
      apply(db);
      for (const table of TABLES) expect(rowsOf(db, table)).toEqual(rowsOf(straight, table));
    }
  });

  test("has no text that becomes another one in a file, so that two of them would be one", () => {
    const db = database();
    // What a file makes of both halves is the same sign.
    const [high, low] = ["\ud800", "\ud801"];
    expect(taken(db, jobRecord({ labels: { [high]: "a", [low]: "a" } }))).toBeNull();
    for (const half of [high, low]) expect(taken(db, jobRecord({ idempotencyKey: half, requestHash: "h" }))).toBeNull();
    take(db, jobRecord({ labels: { whole: "\ud83d\ude80" } }));
    apply(db);
  });

  test("is put into its tables once, whatever asks for it how often", () => {
    const db = database();
    const job = jobRecord();
    take(db, job);
    for (let i = 0; i < 3; i++) apply(db);
    db.intake.forget();
    apply(db);
    expect([ids(db), listEvents(db, job.id, { after: 0, limit: 9 }).length]).toEqual([[job.id], 1]);
  });

  test("is lost with the transaction that failed, and stays with the one that could not move it", () => {
    const db = database();
    const [lost, kept] = [jobRecord(), jobRecord()];
    const failing = (work: () => unknown): void =>
      expect(() =>
        db.transaction(() => {
          work();
          throw new Error("disk full");
        }),
      ).toThrow("disk full");
    failing(() => takeIn(db, callOf([submitOf(lost)])));
    apply(db);
    take(db, kept);
    failing(() => db.intake.apply(db, "asked"));
    expect([ids(db), rowsOf(db, "intake").length]).toEqual([[], 1]);
    apply(db);
    expect([ids(db), rowsOf(db, "intake")]).toEqual([[kept.id], []]);
  });

  test("lies in its tables before a migration touches them", () => {
    const db = database();
    take(db, jobRecord(), jobRecord());
    db.close();
    const newer = new Database(path("windlass.db"));
    open.push(newer);
    newer.migrate([...migrations, () => ["CREATE TABLE seen AS SELECT count(*) AS jobs FROM jobs"]]);
    expect(newer.get("SELECT jobs FROM seen")).toEqual([2]);
  });
});

test("what hangs on something else, or would not be stored, goes straight", () => {
  const db = database();
  const [stored, waiting] = [
    jobRecord({ idempotencyKey: "stored", requestHash: "h" }),
    jobRecord({ idempotencyKey: "k", requestHash: "h" }),
  ];
  db.transaction(() => commit(db, [submitOf(stored)], T0));
  take(db, waiting);
  const straight: readonly JobRecord[] = [
    stored,
    waiting,
    jobRecord({ idempotencyKey: "stored", requestHash: "h" }),
    jobRecord({ idempotencyKey: "k", requestHash: "other" }),
    jobRecord({ workspace: "nobody's" }),
    jobRecord({ concurrency: { key: "k", limit: 1 } }),
    childRecord(stored, "child"),
    jobRecord({ input: "x".repeat(3_000) }),
    jobRecord({ priority: 0.5 }),
  ];
  for (const job of straight) expect(taken(db, job)).toBeNull();
  const mark = { workspace: "default", type: "task", name: "report", disabledBy: "ann", disabledAt: T0, reason: null };
  db.transaction(() => {
    db.intake.apply(db, "asked");
    putDefinition(db, { ...mark, id: "wfv_1", hash: "h", body: {}, labels: {}, createdAt: T0 }, null);
    disableDefinition(db, mark);
  });
  const made = (...definitions: readonly string[]): Change => ({ type: "submit", job: jobRecord({ kind: "task" }), definitions });
  expect(db.transaction(() => takeIn(db, callOf([made("report")])))).toBeNull();
  expect(db.transaction(() => takeIn(db, callOf([made("other")])))).not.toBeNull();
  const other = { type: "expire", id: stored.id } as const;
  for (const changes of [[], [other], [submitOf(jobRecord()), submitOf(jobRecord())], [submitOf(jobRecord()), other]])
    expect(db.transaction(() => takeIn(db, callOf(changes)))).toBeNull();
  // Under the same key in another workspace it is another request.
  take(db, jobRecord({ workspace: "team", idempotencyKey: "k", requestHash: "h" }));
});

test("no more is taken in than is soon put into its tables", () => {
  const db = database();
  take(db, ...Array.from({ length: INTAKE_ROWS_MAX }, () => jobRecord()));
  expect([db.intake.hasRoom, taken(db, jobRecord())]).toEqual([false, null]);
  apply(db);
  take(db, jobRecord());
});

test("when few come together, the way is straight for a while", () => {
  const db = database();
  const pays = (): boolean => db.intake.pays();
  take(db, jobRecord());
  apply(db);
  expect(Array.from({ length: 33 }, pays)).toEqual([...Array.from({ length: 32 }, () => false), true]);
  take(db, ...Array.from({ length: 4 }, () => jobRecord()));
  apply(db);
  expect(pays()).toBe(true);
  take(db, jobRecord());
  db.transaction(() => db.intake.apply(db, "time"));
  expect(pays()).toBe(true);
});

test("that few are left of many that came together says nothing against it", () => {
  const db = database();
  take(db, ...Array.from({ length: 3 }, () => jobRecord()));
  expect([db.intake.hasPiece(db), db.intake.hasPiece(db, 4), db.intake.hasPiece(db, 3)]).toEqual([false, false, true]);
  db.transaction(() => db.intake.applyPiece(db));
  take(db, jobRecord());
  apply(db);
  expect(db.intake.pays()).toBe(true);
  take(db, jobRecord());
  apply(db);
  expect(db.intake.pays()).toBe(false);
});

test("what another connection has done with the table is seen", () => {
  const db = database();
  const [gone, stays] = [jobRecord(), jobRecord()];
  take(db, gone, stays);
  const other = new Database(path("windlass.db"));
  other.run("DELETE FROM intake WHERE made LIKE ?", [`%${gone.id}%`]);
  other.close();
  apply(db);
  expect(ids(db)).toEqual([stays.id]);
});

test("a row that no Windlass has written stops everything, and says which one it is", () => {
  const db = database();
  for (const made of ['[["sessions",["id"],["ses_1"]]]', '[["jobs",["id) SELECT (1"],["x"]]]', "[[]"]) {
    db.run("DELETE FROM intake");
    db.run("INSERT INTO intake (number, made) VALUES (7, ?)", [made]);
    db.intake.forget();
    expect(() => apply(db)).toThrow(/^row 7 of the table intake cannot be put into the tables: /u);
  }
  expect(rowsOf(db, "sessions")).toEqual([]);
});

test("wherever a power cut ends the log, each job is there once or not at all, in the order of the answers (I2, I4)", () => {
  const db = database();
  db.leaveFlushing();
  copyFileSync(path("windlass.db"), path("start.db"));
  const jobs = Array.from({ length: 7 }, () => jobRecord());
  const acknowledged = jobs.map((job, i) => {
    if (i === 3 || i === 5) apply(db);
    take(db, job);
    return readFileSync(path("windlass.db-wal")).length;
  });
  apply(db);
  const log = readFileSync(path("windlass.db-wal"));
  for (const cut of logCuts(log)) {
    copyFileSync(path("start.db"), path("cut.db"));
    writeFileSync(path("cut.db-wal"), log.subarray(0, cut));
    const after = new Database(path("cut.db"));
    after.recover();
    const there = after.get("SELECT 1 FROM sqlite_schema WHERE name = 'jobs'") === undefined ? [] : ids(after);
    const events = there.length === 0 ? [] : after.all("SELECT job_id FROM events ORDER BY position").map(([id]) => id);
    after.close();
    for (const name of ["cut.db", "cut.db-wal", "cut.db-shm"]) rmSync(path(name), { force: true });
    const least = acknowledged.filter((length) => length <= cut).length;
    expect(there.length).toBeGreaterThanOrEqual(least);
    expect([there, events]).toEqual([jobs.slice(0, there.length).map(({ id }) => id), jobs.slice(0, there.length).map(({ id }) => id)]);
  }
});
