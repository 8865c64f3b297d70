import { expect, test } from "vitest";
import { Ending } from "./ending.ts";

test("who listens is called once, with the first reason; also who comes when it is over", () => {
  const ending = new Ending();
  const heard: unknown[] = [];
  ending.onEnd((reason) => heard.push(["before", reason]));
  expect(ending.ended).toBe(false);
  ending.end("first");
  ending.end("second");
  ending.onEnd((reason) => heard.push(["after", reason]));
  expect([ending.ended, ending.reason]).toEqual([true, "first"]);
  expect(heard).toEqual([
    ["before", "first"],
    ["after", "first"],
  ]);
});

test("who has gone is not called, and the others are", () => {
  const ending = new Ending();
  const heard: string[] = [];
  const forget = ["a", "b", "c"].map((name) => ending.onEnd(() => heard.push(name)));
  forget[1]?.();
  ending.end("over");
  for (const one of forget) one();
  expect(heard).toEqual(["a", "c"]);
});

test("its signal is aborted with the reason, whether it was asked for before or after", () => {
  const [early, late] = [new Ending(), new Ending()];
  const { signal } = early;
  expect([signal.aborted, early.signal === signal]).toEqual([false, true]);
  for (const one of [early, late]) one.end("over");
  expect([signal.aborted, signal.reason]).toEqual([true, "over"]);
  expect([late.signal.aborted, late.signal.reason]).toEqual([true, "over"]);
});
