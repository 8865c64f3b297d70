import { describe, expect, test } from "vitest";
import type { HandlerContext } from "./handler.ts";
import { runHandler, type HandledJob, type HandlerHost } from "./run-handler.ts";

const job: HandledJob = { jobId: "job_1", name: "greet", attempt: 1, input: null, labels: { team: "x" }, traceparent: null };

/** Notes what it is told; its times are over when `pass` is called. */
function hostFor(more: Partial<HandlerHost> = {}) {
  const lines: string[] = [];
  const timers = new Set<() => void>();
  const host: HandlerHost = {
    after(_delayMs, callback) {
      timers.add(callback);
      return () => timers.delete(callback);
    },
    log: (line) => void lines.push(line),
    closeLog: () => {},
    progress: async () => {},
    expect: async () => ({ text: "the token", hash: "its hash" }),
    report: () => {},
    ...more,
  };
  return { host, lines, timers, pass: () => timers.forEach((callback) => callback()) };
}

const stop = { reason: "cancel_requested", message: null, graceMs: 1_000 } as const;
const ok = { type: "settle", result: { outcome: "succeeded", reason: "ok", message: null, output: "fine" }, stopped: false };

describe("an attempt of a handler", () => {
  test("ends when its log is safe, and not before", async () => {
    const closed = Promise.withResolvers<void>();
    const { host } = hostFor({ closeLog: () => closed.promise });
    const order: string[] = [];
    const ended = runHandler(host, job, () => "fine").ended.then((end) => {
      order.push("ended");
      return end;
    });
    // Longer than an end without a log takes.
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    order.push("closed");
    closed.resolve();
    expect(await ended).toEqual(ok);
    expect(order).toEqual(["closed", "ended"]);
  });

  test("has the output that its handler returned, whatever becomes of the object meanwhile", async () => {
    const shared = { count: 0, list: [0] };
    const next = (): typeof shared => {
      shared.list[0] = ++shared.count;
      return shared;
    };
    // Kept until they are stored, as while a line is down.
    const ends = [];
    for (let n = 0; n < 3; n++) ends.push(await runHandler(hostFor().host, job, next).ended);
    expect(ends.map((end) => end?.type === "settle" && end.result.output)).toEqual([1, 2, 3].map((count) => ({ count, list: [count] })));
  });

  test("ends once: after the grace, whatever its handler comes to later", async () => {
    const late = Promise.withResolvers<string>();
    const { host, pass } = hostFor();
    const run = runHandler(host, job, () => late.promise);
    run.stop(stop);
    pass();
    expect(await run.ended).toMatchObject({
      type: "settle",
      stopped: true,
      result: { outcome: "cancelled", evidence: { abandoned: true } },
    });
    late.resolve("fine");
    expect(await run.ended).toMatchObject({ result: { outcome: "cancelled" } });
  });

  test("that ends within the grace leaves no timer behind", async () => {
    const { host, timers } = hostFor();
    const run = runHandler(host, job, ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("fine"))));
    run.stop(stop);
    expect(timers.size).toBe(1);
    expect(await run.ended).toEqual(ok);
    expect(timers.size).toBe(0);
  });

  test("gives its handler what may be copied", async () => {
    const { host, lines } = hostFor();
    const given: HandlerContext[] = [];
    const run = runHandler(host, job, async (context) => {
      given.push(context);
      const copy = { ...context, input: "other" };
      copy.log("of the copy");
      expect(copy.signal).toBe(context.signal);
      expect(await copy.completionToken()).toBe(await context.completionToken());
      return "fine";
    });
    expect(await run.ended).toEqual(ok);
    expect(lines).toEqual(["of the copy"]);
    expect(given[0]).toMatchObject(job);
  });

  test("that was lost comes to nothing, and one that is given up is lost", async () => {
    const { host } = hostFor();
    const never = (): Promise<string> => new Promise(() => {});
    const [lost, given] = [runHandler(host, job, never), runHandler(host, job, never)];
    lost.abandon("the session is over");
    given.giveUp("the worker stops");
    expect(await lost.ended).toBeNull();
    expect(await given.ended).toEqual({ type: "lose", message: "the worker stops" });
  });
});
