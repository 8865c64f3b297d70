import { beforeEach, describe, expect, test } from "vitest";
import { Commits, Flushing, type FlushingParts } from "./flushing.ts";

type Done = (error: Error | null) => void;

/** A disk that works when it is told to. */
function slowLog(): FlushingParts<string>["log"] & { readonly open: Done[]; readonly calls: string[] } {
  const open: Done[] = [];
  const calls: string[] = [];
  return {
    open,
    calls,
    flush: (done) => {
      calls.push("flush");
      open.push((error) => {
        now += flushMs;
        done(error);
      });
    },
    flushNow: () => {
      calls.push("now");
      now += flushMs;
    },
    close: () => void calls.push("close"),
  };
}

/** How long a flush takes that is waited for, and work that takes longer. */
const FLUSH_MS = 5;
const LONG = 6;

let now: number;
let flushMs: number;
let log: ReturnType<typeof slowLog>;
let commits: Commits;
let answered: string[];
let failures: Error[];
let flushing: Flushing<string>;

beforeEach(() => {
  now = 0;
  flushMs = FLUSH_MS;
  log = slowLog();
  commits = new Commits(Commits.shared());
  answered = [];
  failures = [];
  flushing = new Flushing({
    log,
    commits,
    answer: (replies, upTo) => void answered.push(replies.join("+") + (upTo === undefined ? "" : ` early ${upTo}`)),
    monotonic: () => now,
    fail: (error) => void failures.push(error),
  });
  // The first ones are waited for, whatever they are: nothing is known of the disk yet.
  for (const first of ["1", "2", "3"]) commit(first);
  answered.length = 0;
  log.calls.length = 0;
});

/** Of a disk that is slower than the work, unless that took long. */
function commit(reply: string, workMs = 0): void {
  commits.made();
  flushing.committed([reply], workMs);
}

describe("what was committed", () => {
  test("is flushed at once as long as nothing is known of the disk", () => {
    const calls: string[] = [];
    const first = new Flushing<string>({
      log: { ...log, flushNow: () => void calls.push("now") },
      commits,
      answer: (replies) => void calls.push(...replies),
      monotonic: () => now,
      fail: () => {},
    });
    commits.made();
    first.committed(["a"], 0);
    expect(calls).toEqual(["now", "a"]);
  });

  test("is answered when the disk has it, not before", () => {
    commit("a");
    expect(answered).toEqual([]);
    log.open.shift()?.(null);
    expect(answered).toEqual(["a"]);
  });

  test("while the disk works is answered together, after the next flush and not by the one under way", () => {
    commit("a");
    commit("b");
    commit("c", LONG);
    expect(log.calls).toEqual(["flush"]);
    log.open.shift()?.(null);
    expect(answered).toEqual(["a"]);
    expect(log.calls).toEqual(["flush", "flush"]);
    log.open.shift()?.(null);
    expect(answered).toEqual(["a", "b+c"]);
    expect(log.open).toEqual([]);
  });

  test("and was only looked at is answered at once, unless something that it may have seen is not on the disk yet", () => {
    flushing.committed(["a"], LONG);
    expect([answered, log.calls]).toEqual([["a"], []]);
    commit("b");
    flushing.committed(["c"], LONG);
    expect(answered).toEqual(["a"]);
    log.open.shift()?.(null);
    expect([answered, log.calls]).toEqual([["a", "b", "c"], ["flush"]]);
  });

  test("is flushed at once when that takes less time than the work did", () => {
    commit("a", LONG);
    expect(log.calls).toEqual(["now"]);
    expect(answered).toEqual(["a"]);
  });

  test("is flushed at once although one flush took long: the disk is slow when all of the last three did", () => {
    flushMs = 0.2;
    now += 1_001;
    for (const one of ["a", "b", "c"]) commit(one);
    flushMs = 50;
    for (const one of ["d", "e"]) commit(one);
    flushMs = 0.2;
    commit("f");
    flushMs = 50;
    for (const one of ["g", "h", "i", "j"]) commit(one);
    expect(log.calls).toEqual([...Array.from({ length: 9 }, () => "now"), "flush"]);
  });

  test("is flushed at once again as soon as a flush by another thread was quick", () => {
    commit("a");
    flushMs = 0.2;
    log.open.shift()?.(null);
    commit("b");
    expect(log.calls).toEqual(["flush", "now"]);
    expect(answered).toEqual(["a", "b"]);
  });

  test("is flushed at once now and then, to learn how quick the disk is", () => {
    commit("a");
    log.open.shift()?.(null);
    now += 1_001;
    commit("b");
    commit("c");
    expect(log.calls).toEqual(["flush", "now", "flush"]);
    expect(answered).toEqual(["a", "b"]);
  });

  test("is answered early when much more follows, and the last of it flushed here", () => {
    commits.made();
    flushing.committed(["a"], LONG, true);
    expect([answered, log.calls]).toEqual([["a early 4"], []]);
    commits.made();
    flushing.committed(["b"], LONG, true);
    commit("c", LONG);
    expect([answered, log.calls]).toEqual([["a early 4", "b early 5", "c"], ["now"]]);
    // Nothing was written: there is nothing to wait for.
    flushing.committed(["d"], LONG, true);
    expect(answered.at(-1)).toBe("d");
  });

  test("and answered early is on the disk before the answer of who only looked", () => {
    commits.made();
    flushing.committed(["a"], LONG, true);
    flushing.committed(["b"], LONG);
    expect([answered, log.calls]).toEqual([["a early 4", "b"], ["now"]]);
  });

  test("while the disk works is not answered early", () => {
    commit("a");
    commits.made();
    flushing.committed(["b"], LONG, true);
    log.open.shift()?.(null);
    log.open.shift()?.(null);
    expect(answered).toEqual(["a", "b"]);
  });

  test("is never answered when the flush failed, nor is what came behind it, and nothing is flushed again", () => {
    commit("a");
    commit("b");
    log.open.shift()?.(new Error("EIO"));
    expect(failures).toMatchObject([{ message: "EIO" }]);
    expect(answered).toEqual([]);
    expect(log.calls).toEqual(["flush"]);
  });

  test("is answered before the log is closed", () => {
    commit("a");
    flushing.close(() => void answered.push("closed"));
    expect(answered).toEqual([]);
    log.open.shift()?.(null);
    expect(answered).toEqual(["a", "closed"]);
    expect(log.calls).toEqual(["flush", "close"]);
  });
});

describe("a reader", () => {
  test("is never told that the disk has less than it was told before", () => {
    const shared = Commits.shared();
    const twice = new Commits(shared);
    for (let i = 0; i < 3; i++) twice.made();
    twice.flushed(3);
    twice.flushed(2);
    expect(new Int32Array(shared)[1]).toBe(3);
  });

  const behind = (): boolean => {
    const wait = Atomics.wait;
    let waited = false;
    // The writer's part of another thread: the flush ends while the reader waits.
    Atomics.wait = ((): string => {
      waited = true;
      log.open.shift()?.(null);
      return "ok";
    }) as typeof Atomics.wait;
    try {
      commits.waitForDisk();
    } finally {
      Atomics.wait = wait;
    }
    return waited;
  };

  test("waits for the disk when something is not there yet, also when it takes two flushes", () => {
    expect(behind()).toBe(false);
    commit("a");
    commit("b");
    expect(behind()).toBe(true);
    expect(answered).toEqual(["a", "b"]);
    expect(behind()).toBe(false);
  });

  test("is told when the disk does not answer", () => {
    const wait = Atomics.wait;
    Atomics.wait = () => "timed-out";
    commit("a");
    try {
      expect(() => commits.waitForDisk()).toThrow("the disk has not taken what was written for 10 s");
    } finally {
      Atomics.wait = wait;
    }
  });
});
