import type { PushedJob } from "@windlass/contract";
import type { HandlerEnd, Run } from "@windlass/kernel";
import { expect, test } from "vitest";
import { still } from "./still-machine-fixture.ts";
import { WorkerSlots } from "./worker-slots.ts";

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const job = (id: string, token = 1): PushedJob => ({ id, token, attempt: 1, name: id, handler: "work", input: null, labels: {} });
const ok: HandlerEnd = { type: "settle", result: { outcome: "succeeded", reason: "ok", message: null }, stopped: false };

function slotsOf(concurrency: number, { isHeld = () => true, onBegin = () => {} }: { isHeld?: () => boolean; onBegin?: () => void } = {}) {
  const { machine, pass, timers } = still();
  const begun: string[] = [];
  const ends = new Map<string, (end: HandlerEnd | null) => void>();
  const told: [string, HandlerEnd["type"]][] = [];
  const heard: string[] = [];
  let answer = (): void => {};
  const unanswered = { size: 0, length: 0 };
  const slots = new WorkerSlots({
    concurrency,
    machine,
    unanswered: () => unanswered,
    changed: () => {},
    isHeld,
    run: ({ id }): Run => {
      begun.push(id);
      onBegin();
      const ended = new Promise<HandlerEnd | null>((resolve) => ends.set(id, resolve));
      return {
        ended,
        stop: () => heard.push(`${id} is to stop`),
        abandon: () => ends.get(id)?.(null),
        giveUp: (message) => ends.get(id)?.({ type: "lose", message }),
      };
    },
    tell: ({ id }, { type }) => {
      told.push([id, type]);
      return new Promise((resolve) => (answer = resolve));
    },
  });
  return { slots, unanswered, pass, timers, begun, told, heard, end: (id: string) => ends.get(id)?.(ok), answer: () => answer() };
}

test("no more run at once than there are slots; the others wait in order (S1)", async () => {
  const { slots, begun, end } = slotsOf(2);
  slots.take([job("a"), job("b"), job("c"), job("d")]);
  expect([begun, slots.running]).toEqual([["a", "b"], 2]);
  end("b");
  await settled();
  expect([begun, slots.running]).toEqual([["a", "b", "c"], 2]);
});

test("what is begun is held: looked at before each, for the one before may have kept the program busy (S4)", () => {
  let isHeld = true;
  const { slots, begun } = slotsOf(3, { isHeld: () => isHeld, onBegin: () => (isHeld = false) });
  slots.take([job("a"), job("b")]);
  expect([begun, slots.running]).toEqual([["a"], 1]);
});

test("the same attempt runs once, also when it comes again after its end (S2)", async () => {
  const { slots, begun, end } = slotsOf(2);
  slots.take([job("a"), job("a")]);
  end("a");
  await settled();
  slots.take([job("a")]);
  expect(begun).toEqual(["a"]);
  slots.take([job("a", 2)]);
  expect(begun).toEqual(["a", "a"]);
});

test("a job that comes again while it runs has ended without its handler: that one is told, and the job runs once", async () => {
  const { slots, begun, told, end } = slotsOf(2);
  slots.take([job("a")]);
  slots.take([job("a", 2)]);
  await settled();
  expect([begun, slots.running]).toEqual([["a", "a"], 1]);
  end("a");
  await settled();
  expect([slots.running, told]).toEqual([0, [["a", "settle"]]]);
});

test("what waits is given back when it waited for a second, and when the worker drains (S3)", () => {
  const { slots, pass, told, begun, timers } = slotsOf(1);
  slots.take([job("a"), job("b")]);
  pass(999);
  expect(told).toEqual([]);
  pass(1);
  expect(told).toEqual([["b", "release"]]);
  slots.take([job("c")]);
  slots.drain();
  slots.take([job("d")]);
  expect([told.slice(1), begun, timers.size]).toEqual([
    [
      ["c", "release"],
      ["d", "release"],
    ],
    ["a"],
    0,
  ]);
});

test("what waits is given back when it is called back, and what runs goes on (S3)", async () => {
  const { slots, told, begun, end } = slotsOf(1);
  slots.take([job("a"), job("b"), job("c"), job("d")]);
  slots.recall(["a", "b", "d"].map((id) => ({ id, token: id === "d" ? 7 : 1 })));
  expect([told, slots.running]).toEqual([[["b", "release"]], 1]);
  end("a");
  await settled();
  expect(begun).toEqual(["a", "c"]);
});

test("credit is for free slots, and ahead of them for as many as were finished within a moment (S5)", async () => {
  const { slots, end, pass } = slotsOf(2);
  expect(slots.credit()).toEqual({ jobs: 2, slots: 2 });
  slots.take([job("a"), job("b")]);
  expect(slots.credit()).toEqual({ jobs: 2, slots: 2 });
  end("a");
  await settled();
  expect(slots.credit()).toEqual({ jobs: 4, slots: 3 });
  pass(1_000);
  expect(slots.credit()).toEqual({ jobs: 3, slots: 3 });
  slots.drain();
  expect(slots.credit()).toEqual({ jobs: 2, slots: 2 });
});

test("a job that is to stop and has not begun ends as cancelled; one that runs is told", () => {
  const { slots, told, heard } = slotsOf(1);
  slots.take([job("a"), job("b")]);
  const order = { reason: "cancel_requested", message: null, graceMs: 1_000 } as const;
  slots.stop(job("a"), order);
  slots.stop(job("b"), order);
  slots.stop(job("b", 7), order);
  expect([told, heard]).toEqual([[["b", "settle"]], ["a is to stop"]]);
});

test("over a new connection, what the session lost is abandoned, and what it holds and we lack is named", async () => {
  const { slots, told } = slotsOf(2);
  slots.take([job("a"), job("b"), job("c")]);
  expect(
    slots.align([
      { id: "a", token: 1 },
      { id: "b", token: 9 },
      { id: "z", token: 1 },
    ]),
  ).toEqual(["b", "z"]);
  await settled();
  expect([slots.running, told]).toEqual([1, []]);
  expect(slots.unknown(["a", "b", "c"], [1, 1, 1])).toEqual(["b", "c"]);
  // As an older server asks.
  expect(slots.unknown(["a", "c"])).toEqual(["c"]);
  expect(slots.credit().slots).toBe(1);
});

test("an attempt whose end was not answered yet is not the one that follows it", async () => {
  const { slots, end, answer } = slotsOf(1);
  slots.take([job("a")]);
  end("a");
  await settled();
  expect([slots.unknown(["a"], [1]), slots.unknown(["a"], [2])]).toEqual([[], ["a"]]);
  answer();
  await settled();
  expect(slots.unknown(["a"], [1])).toEqual(["a"]);
});

test("nothing more is asked for while too many ends were not answered, or too long ones", () => {
  const { slots, unanswered } = slotsOf(10);
  const room = (size: number, length: number) => {
    Object.assign(unanswered, { size, length });
    return slots.credit();
  };
  expect(room(0, 0)).toEqual({ jobs: 10, slots: 10 });
  expect(room(1_995, 0)).toEqual({ jobs: 5, slots: 5 });
  expect(room(2_001, 0)).toEqual({ jobs: 0, slots: 0 });
  expect(room(16, 15_999_999)).toEqual({ jobs: 10, slots: 10 });
  expect(room(16, 16_000_000)).toEqual({ jobs: 0, slots: 0 });
});
