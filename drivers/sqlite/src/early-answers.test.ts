import { beforeEach, expect, test } from "vitest";
import { EarlyAnswers } from "./early-answers.ts";

type Done = (error: Error | null) => void;

let open: Done[];
let flushed: number[];
let answered: string[];
let failures: Error[];
let closed: number;
let early: EarlyAnswers<string>;

beforeEach(() => {
  [open, flushed, answered, failures] = [[], [], [], []];
  closed = 0;
  early = new EarlyAnswers({
    log: { flush: (done) => void open.push(done), close: () => void closed++ },
    commits: { flushed: (upTo) => void flushed.push(upTo) },
    answer: (replies) => void answered.push(...replies),
    fail: (error) => void failures.push(error),
  });
});

test("an answer is handed on when the log was flushed, and readers are told up to where", () => {
  early.receive(["a"], 7);
  expect([answered, flushed]).toEqual([[], []]);
  open.shift()?.(null);
  expect([answered, flushed]).toEqual([["a"], [7]]);
  expect(open).toEqual([]);
});

test("what comes while the log is flushed waits for the next flush: its COMMIT may have been behind that", () => {
  early.receive(["a"], 7);
  early.receive(["b"], 8);
  early.receive(["c"], 9);
  expect(open).toHaveLength(1);
  open.shift()?.(null);
  expect(answered).toEqual(["a"]);
  expect(open).toHaveLength(1);
  open.shift()?.(null);
  expect([answered, flushed]).toEqual([
    ["a", "b", "c"],
    [7, 9],
  ]);
});

test("what is on the disk says that all before it is, too, and comes behind it", () => {
  early.receive(["a"], 7);
  early.receive(["b"], undefined);
  expect(answered).toEqual(["a", "b"]);
  open.shift()?.(null);
  expect(answered).toEqual(["a", "b"]);
});

test("numbers of commits wrap around", () => {
  early.receive(["a"], 2 ** 31 - 1);
  early.receive(["b"], -(2 ** 31));
  open.shift()?.(null);
  expect(answered).toEqual(["a"]);
  open.shift()?.(null);
  expect(answered).toEqual(["a", "b"]);
});

test("nothing is handed on any more when a flush failed", () => {
  early.receive(["a"], 7);
  open.shift()?.(new Error("EIO"));
  early.receive(["b"], 8);
  early.receive(["c"], undefined);
  expect(failures).toMatchObject([{ message: "EIO" }]);
  expect([answered, flushed, open]).toEqual([[], [], []]);
});

test("the log is closed at once, or behind the flush that is under way, of which nothing is told any more", () => {
  early.close();
  early.close();
  expect(closed).toBe(1);
  const late = new EarlyAnswers<string>({
    log: { flush: (done) => void open.push(done), close: () => void closed++ },
    commits: { flushed: (upTo) => void flushed.push(upTo) },
    answer: (replies) => void answered.push(...replies),
    fail: (error) => void failures.push(error),
  });
  late.receive(["a"], 7);
  late.receive(["b"], 8);
  late.close();
  expect(closed).toBe(1);
  late.receive(["c"], undefined);
  open.shift()?.(null);
  expect([closed, answered, flushed, open]).toEqual([2, [], [], []]);
});
