import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { jobRecord, T0 } from "@windlass/testkit";
import { Database } from "./database.ts";
import { Commits } from "./flushing.ts";
import { put, submit, testFiles } from "./held-fixture.ts";
import { runInTurn } from "./shared-commit.ts";
import { TimelyIntake } from "./timely-intake.ts";

let db: Database;
let commits: Commits;
let intake: TimelyIntake;
/** Up to which commit was flushed. */
let flushed: number;
beforeEach(() => {
  vi.useFakeTimers();
  db = new Database(":memory:");
  db.migrate();
  commits = new Commits(Commits.shared());
  flushed = 0;
  intake = new TimelyIntake(db, { commits, monotonic: () => performance.now(), flush: () => (flushed = commits.newest()) });
  const session = { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 };
  const submits = Array.from({ length: 4 }, () => ({ type: "submit", job: jobRecord() }));
  db.transaction(() => {
    runInTurn(db, [{ id: 1, name: "openSession", values: [session] }], "where it pays");
    runInTurn(db, [{ id: 2, name: "commit", values: [submits, T0] }], "where it pays");
  });
});
afterEach(() => {
  db.close();
  vi.useRealTimers();
});

function claimOne(): void {
  const request = { executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 };
  intake.watched(() => db.transaction(() => runInTurn(db, [{ id: 3, name: "claim", values: [request] }], "where it pays")));
  intake.rest(true);
}

const held = (): number => db.get("SELECT count(*) FROM held_claims")?.[0] as number;

test("a claim whose jobs have not ended is put into the tables after a while, and readers need not ask any more", () => {
  claimOne();
  expect([held(), commits.withheld]).toEqual([1, true]);
  vi.advanceTimersByTime(199);
  expect(held()).toBe(1);
  vi.advanceTimersByTime(1);
  expect([held(), commits.withheld]).toEqual([0, false]);
  // Its events have their positions now, which must not be seen before the disk has them.
  expect([commits.newest(), flushed]).toEqual([1, 1]);
});

test("when the store is closed nothing is held any more", () => {
  claimOne();
  intake.close();
  expect(held()).toBe(0);
  vi.runAllTimers();
});

describe("jobs that were taken in", () => {
  const lies = (): unknown => db.get("SELECT count(*) FROM intake")?.[0];
  const submitAlone = (count: number): void => {
    for (let i = 0; i < count; i++)
      db.transaction(() => runInTurn(db, [{ id: 4, name: "commit", values: [[{ type: "submit", job: jobRecord() }], T0] }], "always"));
  };

  test("are put into the tables in a piece when nothing else has come, once there are several", () => {
    submitAlone(15);
    intake.rest(true);
    expect([lies(), commits.withheld]).toEqual([15, false]);
    submitAlone(1);
    intake.rest(false);
    expect(lies()).toBe(16);
    intake.rest(true);
    expect([lies(), commits.withheld]).toEqual([0, false]);
  });

  test("have their own time each, when those before went in a piece", () => {
    submitAlone(16);
    intake.rest(false);
    vi.advanceTimersByTime(10);
    intake.rest(true);
    submitAlone(2);
    intake.rest(true);
    vi.advanceTimersByTime(19);
    expect(lies()).toBe(2);
    vi.advanceTimersByTime(1);
    expect(lies()).toBe(0);
  });
});

describe("what is not known to lie there any more", () => {
  const { path, database } = testFiles();
  let file: Database;
  let timely: TimelyIntake;
  beforeEach(() => {
    file = database();
    put(file);
    commits = new Commits(Commits.shared());
    timely = new TimelyIntake(file, { commits, monotonic: () => performance.now(), flush: () => {} });
  });
  const submitAlone = (count: number): void => {
    for (let i = 0; i < count; i++) timely.watched(() => submit(file, jobRecord()));
  };
  const lies = (): unknown => file.get("SELECT count(*) FROM intake")?.[0];
  /** Until what it returns is called. */
  const fillDisk = (): (() => void) => {
    const transaction = file.transaction.bind(file);
    const tryTransaction = file.tryTransaction.bind(file);
    const full = (): never => {
      throw new Error("database or disk is full");
    };
    file.transaction = (work) => transaction(() => full() ?? work());
    file.tryTransaction = () => tryTransaction(full);
    return () => Object.assign(file, { transaction, tryTransaction });
  };
  /** Another process writes until `free` is called; `began`: how often it was tried without waiting for it. */
  const lockedOut = (on: Database): { began: () => number; free: () => void } => {
    const tried = vi.spyOn(on, "tryTransaction");
    const other = new Database(path("windlass.db"));
    other.all("BEGIN IMMEDIATE");
    return { began: () => tried.mock.calls.length, free: () => other.close() };
  };
  /** Timers that come due one after the other. */
  const timersDue = (): number => {
    let count = 0;
    for (; vi.getTimerCount() > 0 && count < 100; count++) vi.advanceTimersToNextTimer();
    return count;
  };

  test("is put into the tables in time when another process has written, and no timer is left", () => {
    submitAlone(1);
    timely.rest(true);
    const other = new Database(path("windlass.db"));
    other.run("UPDATE sessions SET expires_at = 1");
    other.close();
    // A beat, say.
    file.transaction(() => {});
    expect([lies(), file.intake.isKnown]).toEqual([1, false]);
    expect([timersDue(), lies(), commits.withheld]).toEqual([1, 0, false]);
  });

  test("is put into the tables in time when a piece could not be", () => {
    submitAlone(16);
    const makeRoom = fillDisk();
    timely.rest(true);
    makeRoom();
    expect(lies()).toBe(16);
    expect([timersDue(), lies(), commits.withheld]).toEqual([1, 0, false]);
  });

  test("goes in a piece only when no other process writes: nobody waits for that", () => {
    submitAlone(16);
    const { began, free } = lockedOut(file);
    timely.rest(true);
    expect([began(), lies(), file.intake.isKnown]).toEqual([1, 16, true]);
    free();
    timely.rest(true);
    expect(lies()).toBe(0);
  });

  test("is left where it is while it cannot be put into the tables, without a timer, until the next call", () => {
    submitAlone(16);
    const makeRoom = fillDisk();
    timely.rest(true);
    expect([timersDue(), lies()]).toEqual([1, 16]);
    timely.rest(true);
    expect([timersDue(), lies()]).toEqual([0, 16]);
    makeRoom();
    timely.rest(true);
    expect(lies()).toBe(0);
  });
});

test("what is taken in meanwhile is put into the tables after its own time, and leaves claims held", () => {
  claimOne();
  db.transaction(() => runInTurn(db, [{ id: 4, name: "commit", values: [[{ type: "submit", job: jobRecord() }], T0] }], "always"));
  intake.rest(true);
  const lies = (): unknown => db.get("SELECT count(*) FROM intake")?.[0];
  expect(lies()).toBe(1);
  vi.advanceTimersByTime(20);
  expect([lies(), held()]).toEqual([0, 1]);
  vi.advanceTimersByTime(180);
  expect(held()).toBe(0);
});
