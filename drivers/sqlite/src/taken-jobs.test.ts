/** Jobs that are claimed, and end, where they were taken in (intake.ts, held-claims.ts), and power cuts meanwhile. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DEFAULT_BACKOFF, type JobRecord, type LiveJob } from "@windlass/kernel";
import type { ClaimRequest, Committed } from "@windlass/ports";
import { T0 } from "@windlass/testkit";
import { Database } from "./database.ts";
import { claim, commit, idsOf, jobs, lies, put, rowsOf, settle, stored, straight, submit, testFiles } from "./held-fixture.ts";
import { logCuts } from "./log-fixture.ts";
import { runInTurn } from "./shared-commit.ts";

const { path, database } = testFiles();

describe("jobs that were taken in", () => {
  const DEFAULT: Partial<ClaimRequest> = { queues: ["default"] };
  const inIntake = (db: Database): number => db.get("SELECT count(*) FROM intake")?.[0] as number;

  test("are claimed and end where they lie, and never have a live row", () => {
    const made = jobs(3);
    const story = (db: Database): unknown[] => {
      const said: unknown[] = [put(db)];
      for (const job of made) said.push(submit(db, job));
      const claimed = claim(db, { ...DEFAULT, limit: 2 });
      const [a, b] = claimed as [LiveJob, LiveJob];
      said.push(claimed, commit(db, [settle(a)], T0 + 1), claim(db, DEFAULT), commit(db, [settle(b)], T0 + 2));
      return said;
    };
    const [at, later, reread] = [straight(database("a.db")), database("b.db"), database("c.db")];
    const said = story(at);
    expect([story(later), story(reread)]).toEqual([said, said]);
    expect([at, later].map((db) => [inIntake(db), lies(db)])).toEqual([
      [0, 0],
      [5, 1],
    ]);
    reread.intake.forget();
    reread.held.forget();
    for (const db of [later, reread]) put(db);
    expect([stored(later), stored(reread)]).toEqual([stored(at), stored(at)]);
    expect(rowsOf(at, "jobs_live", "id, state")).toEqual([[made[2]?.id, "running"]]);
  });

  test("go in pieces, those that came first, and none apart from its end (I7 of intake.ts)", () => {
    const made = jobs(4);
    const pieces = (db: Database): number => [4, 3, 2, 1].find((least) => db.intake.hasPiece(db, least)) ?? 0;
    const story = (db: Database, look: (db: Database) => void): unknown[] => {
      put(db);
      const [a, b, c, d] = made as [JobRecord, JobRecord, JobRecord, JobRecord];
      for (const job of [a, b]) submit(db, job);
      const [first, second] = claim(db, { ...DEFAULT, limit: 2 }) as [LiveJob, LiveJob];
      look(db);
      const said = [commit(db, [settle(first)], T0 + 1)];
      look(db);
      submit(db, c);
      const [third] = claim(db, DEFAULT) as [LiveJob];
      said.push(commit(db, [settle(second)], T0 + 2), commit(db, [settle(third)], T0 + 2));
      submit(db, d);
      const [last] = claim(db, DEFAULT) as [LiveJob];
      look(db);
      return [...said, commit(db, [settle(last)], T0 + 3)];
    };
    const [at, later] = [straight(database("a.db")), database("b.db")];
    const seen: unknown[] = [];
    const said = story(later, (db) => {
      seen.push(pieces(db));
      if (pieces(db) === 0) return;
      db.transaction(() => db.intake.applyPiece(db));
      seen.push([inIntake(db), rowsOf(db, "jobs", "id"), rowsOf(db, "jobs_live"), pieces(db)]);
    });
    // What runs goes with nobody, and the second one ended behind the row of the third.
    expect(seen).toEqual([0, 0, 3, [1, made.slice(0, 3).map(({ id }) => [id]), [], 0]]);
    expect([said, inIntake(later)]).toEqual([story(at, () => {}), 2]);
    put(later);
    expect(stored(later)).toEqual(stored(at));
    const positions = later.all("SELECT job_id, type FROM events ORDER BY position");
    expect(positions.slice(0, 2)).toEqual([
      [made[0]?.id, "job.submitted"],
      [made[1]?.id, "job.submitted"],
    ]);
  });

  test("come behind what is ready in the tables, and in the order of their queue", () => {
    const db = database();
    const [older, first, urgent, other] = [...jobs(2), ...jobs(1, { priority: 5 }), ...jobs(1, { queue: "other" })] as [
      JobRecord,
      JobRecord,
      JobRecord,
      JobRecord,
    ];
    submit(db, older, ...jobs(1, { queue: "third" }));
    for (const job of [first, urgent, other]) submit(db, job);
    const inOrder = [1, 2, 3, 4, 5].map(() => idsOf(claim(db, { queues: ["default", "other"], limit: 1 })));
    expect(inOrder).toEqual([[urgent.id], [older.id], [first.id], [other.id], []]);
  });

  test("of several fairness keys have their turns", () => {
    const db = database();
    put(db);
    const keyed = ["a", "a", "b"].map((fairnessKey) => jobs(1, { queue: "fair", fairnessKey }));
    for (const job of keyed) submit(db, ...job);
    expect(idsOf(claim(db, { queues: ["fair"], limit: 2 }))).toEqual([keyed[0]?.[0]?.id, keyed[2]?.[0]?.id]);
  });

  test("end as the first says of two who end them, whatever else the second one ends", () => {
    const db = database();
    submit(db, ...jobs(2));
    const [stored] = claim(db) as [LiveJob];
    submit(db, ...jobs(1));
    const [taken] = claim(db, DEFAULT) as [LiveJob];
    expect([inIntake(db), lies(db)]).toEqual([1, 2]);
    const replies = db.transaction(() =>
      runInTurn(
        db,
        [[settle(taken)], [settle(stored), settle(taken, "failed")]].map((changes, id) => ({ id, name: "commit", values: [changes, T0] })),
        "where it pays",
      ),
    );
    const results = replies.flatMap(({ value }) => (value as Committed).results);
    expect(results).toMatchObject([{ ok: true }, { ok: true }, { ok: false, refusal: { code: "job_finished" } }]);
    put(db);
    expect(rowsOf(db, "job_ends", "state, count(*)")).toEqual([["succeeded", 2]]);
  });

  test("go the way of all others with whatever is more than their end", () => {
    const db = database();
    put(db);
    const made = jobs(4, { retry: { limit: 2, on: ["failed"], backoff: DEFAULT_BACKOFF } });
    const running = made.map((job) => {
      submit(db, job);
      const [live] = claim(db, { ...DEFAULT, limit: 1 });
      return live as LiveJob;
    });
    const [a, b, c, d] = running as [LiveJob, LiveJob, LiveJob, LiveJob];
    commit(db, [settle(a)]);
    expect(inIntake(db)).toBe(5);
    commit(db, [settle(b, "failed")]);
    expect([inIntake(db), lies(db)]).toEqual([0, 2]);
    commit(db, [settle(c), settle(d, "failed")]);
    expect(rowsOf(db, "jobs_live", "id, state, attempt")).toEqual([
      [b.id, "scheduled", 1],
      [d.id, "scheduled", 1],
    ]);
    expect(rowsOf(db, "job_ends", "job_id")).toEqual([[a.id], [c.id]]);
  });
});

test("wherever a power cut ends the log, every job is where its last answer left it, or further (H3)", () => {
  const db = database();
  submit(db, ...jobs(9));
  db.get("PRAGMA wal_checkpoint(TRUNCATE)");
  db.leaveFlushing();
  copyFileSync(path("windlass.db"), path("start.db"));
  /** How far each job was told to be, and from which length of the log on. */
  const told: { readonly id: string; readonly stage: number; readonly from: number }[] = [];
  const note = (claimed: readonly LiveJob[], stage: number): void => {
    const from = readFileSync(path("windlass.db-wal")).length;
    told.push(...claimed.map(({ id }) => ({ id, stage, from })));
  };
  const claimed = [claim(db, { limit: 4 }), claim(db, { limit: 3 })];
  note(claimed.flat(), 1);
  const ends = [claimed[0]?.slice(0, 2), [...(claimed[0]?.slice(2) ?? []), ...(claimed[1]?.slice(0, 1) ?? [])]];
  for (const some of ends) {
    commit(
      db,
      (some ?? []).map((live) => settle(live)),
    );
    note(some ?? [], 2);
  }
  put(db);
  // The same of jobs that lie in the intake.
  const running = [1, 2, 3].map(() => {
    const made = jobs(1, { queue: "alone" });
    submit(db, ...made);
    const live = claim(db, { queues: ["alone"] });
    note(live, 1);
    return live;
  });
  for (const some of running.slice(1)) {
    commit(
      db,
      some.map((live) => settle(live)),
    );
    note(some, 2);
  }
  expect(db.get("SELECT count(*) FROM intake")).toEqual([5]);
  put(db);
  const log = readFileSync(path("windlass.db-wal"));
  const stages = ["job.submitted", "job.started", "job.finished"];
  for (const cut of logCuts(log)) {
    copyFileSync(path("start.db"), path("cut.db"));
    writeFileSync(path("cut.db-wal"), log.subarray(0, cut));
    const after = new Database(path("cut.db"));
    after.recover();
    const reached = new Map<string, string[]>();
    for (const [id, type] of after.all("SELECT job_id, type FROM events ORDER BY job_id, seq"))
      reached.set(id as string, [...(reached.get(id as string) ?? []), type as string]);
    const states = new Map(after.all("SELECT id, state FROM jobs_live").map(([id, state]) => [id, state]));
    after.close();
    for (const name of ["cut.db", "cut.db-wal", "cut.db-shm"]) rmSync(path(name), { force: true });
    for (const [id, types] of reached) {
      expect(types).toEqual(stages.slice(0, types.length));
      expect(states.get(id)).toBe(["queued", "running", undefined][types.length - 1]);
      const least = Math.max(0, ...told.filter((one) => one.id === id && one.from <= cut).map(({ stage }) => stage));
      expect(types.length - 1).toBeGreaterThanOrEqual(least);
    }
  }
});
