/** Jobs on a file, asked for one call at a time, for tests of claims that are held (held-claims.ts). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Change, JobRecord, LiveJob } from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { claimedOf, type ClaimedRows } from "./claimed-rows.ts";
import { Database } from "./database.ts";
import type { OperationName } from "./operations.ts";
import { runInTurn } from "./shared-commit.ts";

export interface TestFiles {
  readonly path: (name: string) => string;
  /** A file with the session that claims. */
  readonly database: (name?: string) => Database;
}

/** A folder for each test, which goes with what was opened in it. */
export function testFiles(): TestFiles {
  let folder: string;
  let open: Database[];
  const path = (name: string): string => join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "windlass-held-"));
    open = [];
  });
  afterEach(() => {
    for (const db of open) db.close();
    rmSync(folder, { recursive: true });
  });
  return {
    path,
    database(name = "windlass.db") {
      const db = new Database(path(name));
      open.push(db);
      db.migrate();
      asked(db, "openSession", { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 + 9 });
      return db;
    },
  };
}

export const asked = (db: Database, name: OperationName, ...values: readonly unknown[]): unknown =>
  db.transaction(() => runInTurn(db, [{ id: 1, name, values }], "where it pays")[0]?.value);
export const commit = (db: Database, changes: readonly Change[], now = T0): unknown => asked(db, "commit", changes, now);
export const submit = (db: Database, ...jobs: readonly JobRecord[]): unknown =>
  commit(
    db,
    jobs.map((job) => ({ type: "submit", job })),
  );
export const claim = (db: Database, given: Partial<ClaimRequest> = {}): LiveJob[] =>
  claimedOf(
    asked(db, "claim", { executor: "handler", session: "ses_1", place: null, limit: 10, now: T0, ...given }) as ClaimedRows,
  ).jobs.map(({ live }) => live);
export const settle = ({ id, attempt, token }: LiveJob, outcome: "succeeded" | "failed" = "succeeded"): Change => ({
  type: "settle",
  id,
  attempt,
  by: { type: "holder", token },
  result: { outcome, reason: outcome === "succeeded" ? "ok" : "error", message: null, output: null },
  stopped: false,
  random: 0,
});
export const put = (db: Database): void => db.transaction(() => db.payOff("asked"));
export const lies = (db: Database): number => db.get("SELECT count(*) FROM held_claims")?.[0] as number;
export const rowsOf = (db: Database, table: string, columns = "*"): readonly unknown[] =>
  db.all(`SELECT ${columns} FROM ${table} ORDER BY ${columns === "*" ? "1, 2" : columns}`);
export const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id);
export const jobs = (count: number, given: Partial<JobRecord> = {}): JobRecord[] => Array.from({ length: count }, () => jobRecord(given));

/** The same, put into the tables after each step. */
export const straight = (db: Database): Database => {
  const step = db.transaction.bind(db);
  db.transaction = (work) =>
    step(() => {
      const value = work();
      db.held.apply(db);
      return value;
    });
  return db;
};

/** Everything but the order of events among jobs, which is that of their coming into the table. */
export const stored = (db: Database): unknown[] => [
  ...["jobs", "jobs_live", "job_ends", "attempts", "held_claims"].map((table) => rowsOf(db, table)),
  rowsOf(db, "events", "job_id, seq, at, type, attempt, data"),
];
