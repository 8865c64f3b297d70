import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Change, JobRecord } from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { claimedOf, type ClaimedRows } from "./claimed-rows.ts";
import { Database } from "./database.ts";
import { Commits, Flushing } from "./flushing.ts";
import type { OperationName } from "./operations.ts";
import { packValues, valueOf } from "./packed.ts";
import { Serving } from "./serving.ts";
import { openSession } from "./small-stores.ts";
import { ThreadBeats } from "./thread-beats.ts";
import type { Reply, ToThread } from "./thread-message.ts";
import { TimelyIntake } from "./timely-intake.ts";

let db: Database;
let now: number;
/** What has come, in order; what is put into it while it is emptied comes meanwhile. */
let port: ToThread[];
/** At each look for a message. */
let onNext: () => void;
let answered: Reply[];
let values: Map<number, readonly unknown[]>;
let serving: Serving;
let transactions: number;
let lastId: number;
let isShort: () => boolean;
/** How much was answered each time that zeros were written. */
let grown: number[];

beforeEach(() => {
  db = new Database(":memory:");
  db.migrate();
  [now, port, answered, values, transactions, lastId] = [0, [], [], new Map(), 0, 0];
  onNext = () => {};
  isShort = () => false;
  grown = [];
  const commits = new Commits(Commits.shared());
  const monotonic = (): number => now;
  const log = {
    flush: (done: (error: null) => void) => done(null),
    flushNow: () => {},
    close: () => {},
    committed: () => void transactions++,
    isShort: () => isShort(),
    growAhead: () => grown.push(answered.length) > 0,
  };
  serving = new Serving({
    db,
    commits,
    log,
    flushing: new Flushing<Reply>({
      log,
      commits,
      answer: (replies) => void answered.push(...replies),
      monotonic,
      fail: (error) => {
        throw error;
      },
    }),
    beats: new ThreadBeats(db, { moved: new Int32Array(1), monotonic, onLost: () => {} }),
    intake: new TimelyIntake(db, { commits, monotonic, flush: () => {} }),
    next: () => {
      onNext();
      return port.shift();
    },
    monotonic,
    closed: () => {},
  });
});
afterEach(() => {
  onNext = () => {};
  port = [];
  serving.take({ type: "close" });
  serving.serve(Infinity);
});

function send(name: OperationName, ...given: readonly unknown[]): number {
  const id = ++lastId;
  values.set(id, given);
  port.push({ type: "calls", calls: [{ id, name, values: packValues(name, given) }] });
  return id;
}
const submitOf = (...jobs: readonly JobRecord[]): number =>
  send(
    "commit",
    jobs.map((job): Change => ({ type: "submit", job })),
    T0,
  );
const jobsOf = (count: number): JobRecord[] => Array.from({ length: count }, () => jobRecord());
const claimOf = (limit: number): number => send("claim", { executor: "handler", session: "ses_1", place: null, limit, now: T0 + 1 });
const replyTo = (id: number): Reply | undefined => answered.find((reply) => reply.id === id);
const valueTo = (id: number): unknown => valueOf(replyTo(id) as Reply, values.get(id));
const openOne = (): void => openSession(db, { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: 1 });
const expiry = (): unknown => db.get("SELECT expires_at FROM sessions")?.[0];

/** What a thread that never comes to an end with it is ended by. */
const MESSAGES_MAX = 500;

describe("while one more write always comes", () => {
  beforeEach(() => {
    let messages = 0;
    onNext = () => {
      now++;
      if (messages++ > MESSAGES_MAX) throw new Error("nothing else had its turn");
      submitOf(...jobsOf(200));
    };
  });

  test("who looks is answered, and the event loop has its turn", () => {
    submitOf(...jobsOf(200));
    const looked = send("due", T0, 10);
    serving.serve(20);
    expect(replyTo(looked)).toMatchObject({ value: [] });
    expect(serving.waits).toBe(true);
    expect(answered.length).toBeLessThan(lastId);
  });

  test("a beat is sent when it is due", () => {
    openOne();
    port.push({ type: "keep", session: "ses_1", intervalMs: 15, ttlMs: 60_000 });
    serving.serve(10);
    expect(expiry()).toBe(1);
    serving.serve(20);
    expect(expiry()).toBeGreaterThan(1);
  });

  test("what is taken is carried out in order, over several turns", () => {
    for (let until = 10; until <= 50; until += 10) serving.serve(until);
    onNext = () => {};
    while (port.length > 0 || serving.waits) serving.serve(++now + 10);
    expect(answered.map(({ id }) => id)).toEqual(Array.from({ length: lastId }, (_, i) => i + 1));
  });
});

test("who looks is answered between two transactions, and sees what was asked for before and nothing later", () => {
  const [first, second] = [jobsOf(400), jobsOf(400)];
  const before = submitOf(...first);
  const looked = send("records", [first[399]?.id, second[399]?.id]);
  const later = submitOf(...second);
  serving.serve(Infinity);
  expect(answered.map(({ id }) => id)).toEqual([before, looked, later]);
  expect((valueTo(looked) as readonly JobRecord[]).map(({ id }) => id)).toEqual([first[399]?.id]);
});

test("zeros are written ahead of the log once what made it short is answered", () => {
  isShort = () => transactions > 0 && grown.length === 0;
  const looked = send("due", T0, 10);
  serving.serve(Infinity);
  expect(grown).toEqual([]);
  const submitted = submitOf(jobRecord());
  serving.serve(Infinity);
  expect([grown, answered.map(({ id }) => id)]).toEqual([[2], [looked, submitted]]);
});

test("no zeros are written while another process writes, for which they do not wait", () => {
  isShort = () => true;
  const tried = vi.spyOn(db, "tryTransaction").mockReturnValue(false);
  submitOf(jobRecord());
  serving.serve(Infinity);
  expect([tried.mock.calls.length, grown, answered.length]).toEqual([1, [], 1]);
});

test("what was taken in goes in a piece once it is answered, when nothing else has come", () => {
  const count = (table: string): unknown => db.get(`SELECT count(*) FROM ${table}`)?.[0];
  const submitAlone = (): void => {
    submitOf(jobRecord());
    serving.serve(Infinity);
  };
  // The first one goes straight, for nobody knows yet what lies there.
  for (let i = 0; i < 16; i++) submitAlone();
  expect([count("intake"), count("jobs")]).toEqual([15, 1]);
  submitAlone();
  expect([count("intake"), count("jobs"), answered.length]).toEqual([0, 17, 17]);
});

test("what was taken in is put into its tables in time, though timers have no turn", () => {
  const count = (table: string): unknown => db.get(`SELECT count(*) FROM ${table}`)?.[0];
  for (let i = 0; i < 3; i++) {
    submitOf(jobRecord());
    serving.serve(Infinity);
  }
  expect(count("intake")).not.toBe(0);
  now += 20;
  serving.serve(Infinity);
  expect([count("intake"), count("jobs")]).toEqual([0, 3]);
});

describe("what comes while a call is carried out that makes many jobs", () => {
  const meanwhile = (work: () => void): void => {
    let looks = 0;
    // The first finds the call, the second nothing more; then it is carried out.
    onNext = () => {
      if (++looks === 3) work();
    };
    serving.serve(Infinity);
  };

  test("goes with the next transaction when it makes many, too: who asked for the first is answered before", () => {
    const first = submitOf(...jobsOf(4));
    let second = 0;
    meanwhile(() => (second = submitOf(...jobsOf(4))));
    expect(transactions).toBe(2);
    expect(answered.map(({ id }) => id)).toEqual([first, second]);
  });

  test("goes with the next one also when something small came before it, which shares the first", () => {
    const first = submitOf(...jobsOf(4));
    let others: number[] = [];
    meanwhile(() => (others = [submitOf(...jobsOf(2)), submitOf(...jobsOf(4))]));
    expect(transactions).toBe(2);
    expect(answered.map(({ id }) => id)).toEqual([first, ...others]);
  });

  test("nor do two share one that wait already", () => {
    submitOf(...jobsOf(4));
    submitOf(...jobsOf(4));
    serving.serve(Infinity);
    expect([transactions, answered.length]).toEqual([2, 2]);
  });

  test("shares its transaction when it does not", () => {
    submitOf(...jobsOf(4));
    meanwhile(() => void submitOf(...jobsOf(3)));
    expect(transactions).toBe(1);
    expect(answered).toHaveLength(2);
  });
});

test("one commit that cannot be stored, among claims and others that share its transaction, fails alone (W2)", () => {
  openOne();
  const [ready, batch] = [jobsOf(100), jobsOf(3)];
  const twice = ready[99] as JobRecord;
  const stored = submitOf(...ready);
  const firstClaim = claimOf(60);
  const failing = submitOf(...jobsOf(2), twice);
  const secondClaim = claimOf(60);
  const batched = submitOf(...batch);
  serving.serve(Infinity);
  // They shared one, which was undone, and then each had its own.
  expect(transactions).toBe(4);
  expect(answered.map(({ id }) => id)).toEqual([stored, firstClaim, failing, secondClaim, batched]);
  expect(replyTo(failing)).toMatchObject({ error: { code: "conflict" } });
  const claimed = [firstClaim, secondClaim].map((id) => claimedOf(valueTo(id) as ClaimedRows).jobs.map(({ live }) => live.id));
  expect(claimed).toEqual([ready.slice(0, 60).map(({ id }) => id), ready.slice(60).map(({ id }) => id)]);
  expect((valueTo(batched) as Committed).results).toEqual(batch.map(({ id }) => ({ ok: true, id, created: true })));
  expect(db.all("SELECT count(*) FROM jobs")).toEqual([[103]]);
});

test("that it should close waits for the next turn like a call, until it was begun (W5)", () => {
  expect(serving.waits).toBe(false);
  serving.take({ type: "close" });
  expect(serving.waits).toBe(true);
  serving.serve(now);
  expect(serving.waits).toBe(false);
});
