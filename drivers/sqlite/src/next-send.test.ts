import { expect, test } from "vitest";
import { NextSend, WATCH_MS } from "./next-send.ts";

/** A thread on a clock of its own: each look at it takes a hundredth of a millisecond; what is sent comes when it is due. */
function thread() {
  const sends = new Int32Array(1);
  let now = 0;
  let due = Infinity;
  let slept = 0;
  const pass = (ms: number): void => {
    now += ms;
    if (now < due) return;
    sends[0] = (sends[0] ?? 0) + 1;
    due = Infinity;
  };
  const monotonic = (): number => {
    pass(0.01);
    return now;
  };
  const sleep = (_seen: number, ms: number): void => {
    slept++;
    pass(Math.min(ms, due - now));
  };
  const nextSend = new NextSend({ sends, monotonic, sleep });
  return {
    /** What is sent after so long, and how it was waited for. */
    after(ms: number): "watched" | "slept" | "not come" {
      due = now + ms;
      const before = slept;
      const hasCome = nextSend.comes(sends[0] ?? 0, 0.5);
      due = Infinity;
      if (!hasCome) return "not come";
      return slept === before ? "watched" : "slept";
    },
  };
}

test("it is watched for once one has come at once, and no more after it was watched for in vain", () => {
  const one = thread();
  expect([one.after(0.1), one.after(0.1), one.after(0.05)]).toEqual(["slept", "watched", "watched"]);
  expect([one.after(WATCH_MS * 2), one.after(WATCH_MS * 2), one.after(0.1), one.after(0.1)]).toEqual([
    "slept",
    "slept",
    "slept",
    "watched",
  ]);
  expect([one.after(1), one.after(0.1), one.after(0.1)]).toEqual(["not come", "slept", "watched"]);
});
