/** What lies in the intake goes into its tables in pieces (I7 of intake.ts), whatever runs and ends meanwhile. */
import fc from "fast-check";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { JobRecord, LiveJob } from "@windlass/kernel";
import { claimedOf, type ClaimedRows } from "./claimed-rows.ts";
import { Database } from "./database.ts";
import { jobs, put, settle, stored, straight, testFiles } from "./held-fixture.ts";
import { logCuts } from "./log-fixture.ts";
import type { OperationName } from "./operations.ts";
import { runInTurn } from "./shared-commit.ts";
import { T0 } from "@windlass/testkit";

const { path, database } = testFiles();
const ROUNDS = 80;
const SEED = 7;

/** So many jobs end, one after the other, then one comes and is claimed, and then perhaps nobody waits. */
const ROUND = fc.record({ ends: fc.nat(2), of: fc.nat(9), rests: fc.boolean() });
type Round = typeof ROUND extends fc.Arbitrary<infer T> ? T : never;

interface Walked {
  /** Its events, as somebody who reads the table after each transaction has come by them. */
  readonly followed: readonly string[];
  /** Pieces that left something in the intake. */
  readonly pieces: number;
  /** What was told, and how long the log was then. */
  readonly told: readonly { readonly id: string; readonly event: string; readonly length: number }[];
}

function walk(db: Database, made: readonly JobRecord[], { rounds, inPieces }: { rounds: readonly Round[]; inPieces: boolean }): Walked {
  const followed: string[] = [];
  const told: { id: string; event: string; length: number }[] = [];
  const running: LiveJob[] = [];
  let [position, pieces] = [0, 0];
  const follow = (): void => {
    for (const row of db.all("SELECT position, job_id, type FROM events WHERE position > ? ORDER BY position", [position])) {
      position = row[0] as number;
      followed.push(`${row[1]} ${row[2]}`);
    }
  };
  const ask = (name: OperationName, ...values: readonly unknown[]): unknown => {
    const value = db.transaction(() => runInTurn(db, [{ id: 1, name, values }], "always")[0]?.value);
    follow();
    return value;
  };
  const tell = (event: string, ...some: readonly { readonly id: string }[]): void => {
    const { length } = readFileSync(path(`${inPieces}.db-wal`));
    told.push(...some.map(({ id }) => ({ id, event, length })));
  };
  for (const [i, { ends, of, rests }] of rounds.entries()) {
    for (const live of running.splice(of % Math.max(1, running.length), ends)) {
      ask("commit", [settle(live)], T0 + 1);
      tell("job.finished", live);
    }
    const job = made[i] as JobRecord;
    ask("commit", [{ type: "submit", job }], T0);
    tell("job.submitted", job);
    const request = { executor: "handler", session: "ses_1", place: null, limit: 1, now: T0, queues: ["default"] };
    const claimed = claimedOf(ask("claim", request) as ClaimedRows).jobs.map(({ live }) => live);
    running.push(...claimed);
    tell("job.started", ...claimed);
    if (!rests || !inPieces || !db.intake.hasPiece(db, 1)) continue;
    db.transaction(() => db.intake.applyPiece(db));
    follow();
    if (db.intake.mayHold) pieces++;
  }
  put(db);
  follow();
  return { followed, pieces, told };
}

test("in pieces it comes to the same, who follows the events misses none, and so it is wherever a power cut ends the log", () => {
  const made = jobs(ROUNDS);
  const rounds = fc.sample(ROUND, { numRuns: ROUNDS, seed: SEED });
  const [at, later] = [straight(database("false.db")), database("true.db")];
  put(later);
  later.leaveFlushing();
  later.get("PRAGMA wal_checkpoint(TRUNCATE)");
  copyFileSync(path("true.db"), path("start.db"));
  const expected = walk(at, made, { rounds, inPieces: false });
  const { followed, pieces, told } = walk(later, made, { rounds, inPieces: true });
  expect(pieces).toBeGreaterThan(3);
  expect(stored(later)).toEqual(stored(at));
  expect(followed.toSorted()).toEqual(expected.followed.toSorted());
  const log = readFileSync(path("true.db-wal"));
  const cuts = logCuts(log);
  for (const cut of cuts.filter((_, i) => i % Math.ceil(cuts.length / 60) === 0)) {
    copyFileSync(path("start.db"), path("cut.db"));
    writeFileSync(path("cut.db-wal"), log.subarray(0, cut));
    const after = new Database(path("cut.db"));
    after.recover();
    const events = after.all("SELECT job_id, type FROM events ORDER BY job_id, seq").map(([id, type]) => `${id} ${type}`);
    const submitted = after.all("SELECT job_id FROM events WHERE type = 'job.submitted' ORDER BY position").map(([id]) => id);
    after.close();
    for (const name of ["cut.db", "cut.db-wal", "cut.db-shm"]) rmSync(path(name), { force: true });
    expect(new Set(events).size).toBe(events.length);
    expect(submitted).toEqual(made.slice(0, submitted.length).map(({ id }) => id));
    const least = told.filter(({ length }) => length <= cut).map(({ id, event }) => `${id} ${event}`);
    expect(least.filter((event) => !events.includes(event))).toEqual([]);
  }
});
