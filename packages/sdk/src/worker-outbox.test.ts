import { expect, test } from "vitest";
import { outbox, type NewItem } from "./worker-outbox.ts";

const end: NewItem = { what: "end", id: "a", token: 1, attempt: 1, end: { type: "release" } };
const log = (line: string): NewItem => ({ what: "log", id: "a", token: 1, attempt: 1, lines: [[0, line]] });
const numbers = (texts: readonly string[]): number[] => texts.map((text) => (JSON.parse(text) as { n: number }).n);
const STORED = { stored: true, why: null };

test("an item is sent over every connection until it is answered, in order, under its number (O1)", async () => {
  const box = outbox();
  const first = box.add(end);
  void box.add(end);
  expect(numbers(box.take())).toEqual([1, 2]);
  expect(box.take()).toEqual([]);
  box.answered(1, STORED);
  expect(await first).toEqual(STORED);
  void box.add(end);
  box.rewind();
  expect([numbers(box.take()), box.size]).toEqual([[2, 3], 2]);
});

test("the length of what was sent is known until it is answered, however often it is sent", () => {
  const box = outbox();
  void box.add(end);
  void box.add(log("x".repeat(1_000)));
  expect(box.length).toBe(0);
  const [text = ""] = box.take();
  expect(box.length).toBe(text.length);
  box.rewind();
  box.take();
  expect(box.length).toBe(text.length);
  void box.add({ ...end, id: "b" });
  box.take();
  expect(box.length).toBe(2 * text.length);
  box.answered(1, STORED);
  expect(box.length).toBe(text.length);
  box.end();
  expect(box.length).toBe(0);
});

test("with the session go all but the ends of handlers", async () => {
  const box = outbox();
  const lines = box.add(log("x"));
  void box.add(end);
  box.dropUnended();
  expect(await lines).toBeNull();
  expect(numbers(box.take())).toEqual([2]);
});

test("when the worker has left, nobody waits for an answer any more, nor is anything kept", async () => {
  const box = outbox();
  const before = box.add(end);
  box.end();
  // Of a handler that did not listen to its signal.
  const after = box.add({ what: "progress", id: "a", token: 1, attempt: 1, fraction: 1, text: null });
  expect([await before, await after, box.size]).toEqual([null, null, 0]);
});

test("lines that nobody takes are cut, and the log says so (O2)", () => {
  const box = outbox();
  for (let n = 0; n < 69; n++) void box.add(log("x".repeat(1_000_000)));
  const [last = ""] = box.take().slice(-1);
  expect(last).toContain("[cut here, lines: 1;");
});

test("however many groups are cut, one item tells of those of an attempt, until it is sent (O2)", async () => {
  const box = outbox();
  const of = (id: string): NewItem => ({ ...log("x".repeat(10_000)), id });
  const told = (): string[] => box.take().filter((text) => text.includes("[cut here"));
  const count = 100_000;
  let whole = 0;
  for (let n = 0; n < count; n++) {
    const before = box.size;
    void box.add(of("a"));
    // The first that is cut is the last that grows it.
    if (box.size > before) whole = n;
  }
  const last = box.add(of("b"));
  void box.add(end);
  expect(box.size).toBe(whole + 3);
  expect(box.size).toBeLessThan(10_000);
  const texts = told();
  expect(texts.map((text) => [/"id":"(.)"/u.exec(text)?.[1], /lines: (\d+);/u.exec(text)?.[1]])).toEqual([
    ["a", String(count - whole)],
    ["b", "1"],
  ]);
  // What was sent tells of no more than it did then.
  void box.add(of("b"));
  const [n = 0] = numbers(texts.slice(-1));
  box.answered(n, STORED);
  expect([await last, told().length]).toEqual([STORED, 1]);
});

test("while the one that was sent is not answered, what is cut is counted, and told by one that follows it (O2)", () => {
  const box = outbox();
  const of = (id: string): NewItem => ({ ...log("x".repeat(1_000_000)), id });
  const linesTold = (): (string | undefined)[] => box.take().flatMap((text) => /\[cut here, lines: (\d+);/u.exec(text)?.[1] ?? []);
  for (let n = 0; n < 68; n++) void box.add(of("b"));
  void box.add(of("a"));
  const { size } = box;
  expect(linesTold()).toEqual(["1"]);
  // The server is there, takes what is sent, and says nothing.
  for (let n = 0; n < 1_000; n++) {
    void box.add(of("a"));
    expect(box.take()).toEqual([]);
  }
  expect(box.size).toBe(size);
  box.answered(size, STORED);
  expect([box.size, linesTold()]).toEqual([size, ["1000"]]);
  // Nor over the next connection.
  void box.add(of("a"));
  box.rewind();
  expect(linesTold()).toEqual(["1000"]);
  // What ends the attempt, and what is kept of its log again, stands behind all that was cut.
  void box.add({ ...end, id: "a" });
  expect(box.take().map((text) => /"what":"(\w+)"/u.exec(text)?.[1])).toEqual(["log", "end"]);
  void box.add(of("c"));
  box.take();
  void box.add(of("c"));
  for (let n = 1; n <= 9; n++) box.answered(n, STORED);
  void box.add(of("c"));
  expect(box.take().map((text) => text.includes("[cut here, lines: 1;"))).toEqual([true, false]);
  void box.add(of("a"));
  box.end();
  expect([box.size, box.take()]).toEqual([0, []]);
});
