import {
  failureOutcomes,
  minutes,
  ms,
  OUTPUT_LENGTH_MAX,
  type Json,
  failForGood,
  parked,
  retryAfter,
  type Handler,
} from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { describe, expect, test } from "vitest";
import { settled, type EngineFixture } from "./engine-fixture.ts";
import { endOf, gate, working } from "./worker-fixture.ts";

const retry = { limit: 2, on: failureOutcomes, backoff: { initial: ms(100), factor: 1, max: minutes(1), jitter: 0 } };

describe("what a handler answers", () => {
  test("its output is the job's, and nothing is null", async () => {
    const fixture = await working(({ input }) => (input === null ? undefined : { hello: input }));
    const [some, none] = [await fixture.submit({ input: "ada" }), await fixture.submit()];
    expect((await endOf(fixture, some)).final).toMatchObject({ state: "succeeded", output: { hello: "ada" }, attempts: 1 });
    expect((await endOf(fixture, none)).final).toMatchObject({ state: "succeeded", output: null });
  });

  test("what it throws is the message of the failure, and its stack is in the log", async () => {
    const fixture = await working(() => Promise.reject(new TypeError("no such table")));
    const id = await fixture.submit();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "failed", reason: "error", message: "no such table" });
    expect(fixture.logs.text({ jobId: id, attempt: 1 })).toMatch(/TypeError: no such table\n +at /u);
  });

  test.each([
    ["returned", async (answer: unknown) => answer],
    ["thrown", (answer: unknown) => Promise.reject(answer as Error)],
  ] as const)("retryAfter and failForGood may be %s", async (_how, give) => {
    const at: number[] = [];
    const fixture: EngineFixture = await working(async ({ attempt }) => {
      at.push(fixture.clock.now());
      return (await give(attempt === 1 ? retryAfter(3_000, "busy") : failForGood("no such customer"))) as Json;
    });
    const id = await fixture.submit({ retry });
    expect((await endOf(fixture, id)).final).toMatchObject({
      state: "failed",
      reason: "failed_for_good",
      message: "no such customer",
      attempts: 2,
    });
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(await fixture.store.reads.attempts(id)).toMatchObject([
      { number: 1, reason: "retry_requested", message: "busy" },
      { number: 2 },
    ]);
  });

  test("an output that is not JSON, and one that is too large, fail the job and say so", async () => {
    const fixture = await working(({ input }) => (input === "date" ? (new Map() as unknown as Json) : "x".repeat(OUTPUT_LENGTH_MAX)));
    const [odd, large] = [await fixture.submit({ input: "date" }), await fixture.submit()];
    expect((await endOf(fixture, odd)).final).toMatchObject({ state: "failed", reason: "output_invalid" });
    expect((await endOf(fixture, large)).final).toMatchObject({
      state: "failed",
      reason: "output_too_large",
      message: expect.stringContaining(String(OUTPUT_LENGTH_MAX)) as string,
    });
  });

  test("progress and log lines are stored while it runs", async () => {
    const { handler, calls, open: go } = gate();
    const fixture = await working(handler);
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    await calls[0]?.progress(0.4, "two of five");
    calls[0]?.log("hello");
    await fixture.clock.advance(100);
    expect((await fixture.engine.jobs.get(id)).live?.progress).toEqual({ fraction: 0.4, text: "two of five" });
    expect(fixture.logs.text({ jobId: id, attempt: 1 })).toBe("hello\n");
    go();
    expect((await endOf(fixture, id)).final?.progress).toEqual({ fraction: 0.4, text: "two of five" });
  });
});

describe("slots", () => {
  test("no more handlers run at once than the worker may, and the others follow", async () => {
    const { handler, calls, open: go } = gate();
    const fixture = await working(handler, { concurrency: 2 });
    const ids = [await fixture.submit(), await fixture.submit(), await fixture.submit()];
    await fixture.clock.advance(5_000);
    expect([calls.length, fixture.worker.running]).toEqual([2, 2]);
    go();
    await fixture.clock.advance(5_000);
    expect(calls).toHaveLength(3);
    go();
    for (const id of ids) await fixture.reach(id, "succeeded");
  });

  test("a handler that is not known here is put off without counting an attempt, for whoever knows it", async () => {
    const fixture = await working(() => null);
    const id = await fixture.submit({ spec: { handler: "toString" } });
    await fixture.reach(id, "scheduled");
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ attempt: 0, dueReason: "handler_unknown" });
    const other = fixture.engine.worker({ handlers: { toString: () => "found" } });
    await fixture.worker.stop();
    await other.start();
    expect((await endOf(fixture, id)).final).toMatchObject({ output: "found", attempts: 1 });
    await other.stop();
  });

  test("a job without a handler in its specification is for the handler of its name", async () => {
    const fixture = await working(() => "by name");
    expect((await endOf(fixture, await fixture.submit({ name: "greet", spec: {} }))).final?.output).toBe("by name");
  });
});

describe("a parked job", () => {
  test("holds no slot, and ends when it is completed with its token", async () => {
    const tokens: string[] = [];
    const fixture = await working(
      async (context) => {
        tokens.push(await context.completionToken());
        return parked();
      },
      { concurrency: 1 },
    );
    const ids = [await fixture.submit(), await fixture.submit()];
    for (const id of ids) await fixture.reach(id, "waiting");
    expect(fixture.worker.running).toBe(0);
    await fixture.engine.jobs.complete(tokens[0] ?? "", { output: { approved: true } });
    await fixture.engine.jobs.complete(tokens[1] ?? "", { failed: "refused by bob" });
    expect((await fixture.engine.jobs.get(ids[0] ?? "")).final).toMatchObject({ state: "succeeded", output: { approved: true } });
    expect((await fixture.engine.jobs.get(ids[1] ?? "")).final).toMatchObject({ state: "failed", message: "refused by bob" });
  });

  test("may be completed before its handler has parked", async () => {
    const fixture: EngineFixture = await working(async (context) => {
      await fixture.engine.jobs.complete(await context.completionToken(), { output: "early" });
      return parked();
    });
    const id = await fixture.submit();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "succeeded", output: "early", attempts: 1 });
    await fixture.clock.advance(1_000);
    expect(fixture.lines.filter((line) => line.level === "error")).toEqual([]);
  });

  test("that fails by its token before its handler has parked begins again, and that handler is told", async () => {
    const signals: AbortSignal[] = [];
    const fixture: EngineFixture = await working(async (context) => {
      const { attempt, signal } = context;
      signals.push(signal);
      if (attempt > 1) return "again";
      await fixture.engine.jobs.complete(await context.completionToken(), { failed: "refused" });
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return parked();
    });
    const id = await fixture.submit({ retry });
    expect((await endOf(fixture, id)).final).toMatchObject({ output: "again", attempts: 2 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  });

  test("fails when its time is over, and when nobody could ever complete it", async () => {
    const fixture = await working(async (context) => {
      if (context.input === "with token") await context.completionToken();
      return parked({ timeoutMs: 5_000 });
    });
    const [late, never] = [await fixture.submit({ input: "with token" }), await fixture.submit()];
    expect((await endOf(fixture, late)).final).toMatchObject({ outcome: "failed_timeout", reason: "wait_timeout" });
    expect((await endOf(fixture, never)).final).toMatchObject({
      reason: "error",
      message: expect.stringContaining("completion token") as string,
    });
  });

  test("that is resumed runs again as the same attempt", async () => {
    const attempts: number[] = [];
    const fixture = await working(async (context) => {
      attempts.push(context.attempt);
      if (attempts.length > 1) return "resumed";
      await context.completionToken();
      return parked();
    });
    const id = await fixture.submit();
    await fixture.reach(id, "waiting");
    await fixture.engine.jobs.resume(id);
    expect((await endOf(fixture, id)).final).toMatchObject({ output: "resumed", attempts: 1 });
    expect(attempts).toEqual([1, 1]);
  });
});

describe("a job that is to stop", () => {
  const hears: Handler = ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  const deaf: Handler = () => new Promise(() => {});

  test("tells its handler why, and is cancelled when that ends", async () => {
    const heard: string[] = [];
    const fixture = await working(async (context) => {
      await (hears(context) as Promise<void>).catch((error: unknown) => heard.push((error as Error).message));
      throw new Error("stopped half way");
    });
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await settled();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "cancelled", reason: "cancel_requested", message: "cancelled by ada" });
    expect(heard).toEqual(["cancelled by ada"]);
    await fixture.worker.stop();
    await fixture.engine.stop();
    expect(fixture.clock.pending).toBe(0);
  });

  test("ends without its handler when that is deaf, after the grace", async () => {
    const fixture = await working(deaf);
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    await fixture.engine.jobs.cancel(id, { by: "ada", graceMs: 4_000 });
    await fixture.clock.advance(3_500);
    expect(await fixture.stateOf(id)).toBe("stopping");
    await fixture.clock.advance(1_000);
    expect(await fixture.stateOf(id)).toBe("cancelled");
    expect(await fixture.store.reads.attempts(id)).toMatchObject([{ outcome: "cancelled", evidence: { abandoned: true } }]);
    expect(fixture.worker.running).toBe(0);
  });

  test("that took longer than its time limit failed with it", async () => {
    const fixture = await working(hears);
    const id = await fixture.submit({ timeoutMs: 2_000 });
    const { final } = await endOf(fixture, id);
    expect(final).toMatchObject({
      state: "failed",
      outcome: "failed_timeout",
      reason: "handler_timeout",
      message: expect.stringContaining("2 s") as string,
    });
    expect((final?.finishedAt ?? 0) - (final?.startedAt ?? 0)).toBeLessThan(4_000);
  });

  test("keeps its success when the handler succeeded in spite of it", async () => {
    const { handler, open: go } = gate();
    const fixture = await working(handler);
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    go();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "succeeded" });
  });
});

describe("a worker that", () => {
  test("stops lets its handlers finish, and claims nothing more", async () => {
    const { handler, calls, open: go } = gate();
    const fixture = await working(handler, { concurrency: 1, drainMs: 10_000 });
    const [first, second] = [await fixture.submit(), await fixture.submit()];
    await fixture.reach(first, "running");
    const stopping = fixture.worker.stop();
    await fixture.clock.advance(2_000);
    go();
    await fixture.outcome(stopping);
    expect([await fixture.stateOf(first), await fixture.stateOf(second), calls.length]).toEqual(["succeeded", "queued", 1]);
  });

  test("stops and has waited long enough gives its handlers up as lost", async () => {
    const { handler, calls } = gate();
    const fixture = await working(handler, { drainMs: 1_000 });
    const id = await fixture.submit({ retry: { ...retry, limit: 0 } });
    await fixture.reach(id, "running");
    await fixture.outcome(fixture.worker.stop());
    expect((await fixture.engine.jobs.get(id)).final).toMatchObject({
      outcome: "failed_node_lost",
      reason: "worker_lost",
      message: expect.stringContaining("stopped before") as string,
    });
    expect(calls[0]?.signal.aborted).toBe(true);
  });

  test("stops while the store is out of reach does not wait for it for ever", async () => {
    let reachable = true;
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        commit: (...given) => (reachable ? store.jobs.commit(...given) : Promise.reject(new Error("no route to host"))),
      },
    });
    const { handler, open: go } = gate();
    const fixture = await working(handler, { drainMs: 1_000, wrap });
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    reachable = false;
    go();
    await fixture.outcome(fixture.worker.stop());
    expect(fixture.worker.running).toBe(0);
    reachable = true;
    expect(await fixture.stateOf(id)).toBe("running");
  });

  test("never learned what it claimed gives it back, counting no attempt", async () => {
    let lost = false;
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        async claim(request) {
          const claimed = await store.jobs.claim(request);
          if (request.executor === "handler" && claimed.jobs.length > 0 && !lost) {
            lost = true;
            throw new Error("the reply was lost");
          }
          return claimed;
        },
      },
    });
    const attempts: number[] = [];
    const fixture = await working(({ attempt }) => void attempts.push(attempt), { wrap });
    const id = await fixture.submit();
    await fixture.reach(id, "succeeded");
    expect(attempts).toEqual([1]);
    expect((await fixture.store.reads.events(id, 0, 100)).map(({ type }) => type)).toContain("job.released");
  });

  test("loses its session while it looks for what it never learned of, and gives back nothing that has begun", async () => {
    let loseSession = (): void => {};
    const wrap = (store: Store): Store => ({
      ...store,
      heartbeats: {
        async keep(id, options) {
          loseSession = options.onLost;
          return store.heartbeats.keep(id, options);
        },
      },
      jobs: {
        ...store.jobs,
        async live(filter, limit) {
          const held = await store.jobs.live(filter, limit);
          if (filter.session === undefined || filter.states !== undefined || held.length === 0) return held;
          loseSession();
          // By the time the answer arrives, what was abandoned is no longer known.
          await settled();
          return held;
        },
      },
    });
    const attempts: number[] = [];
    const handler: Handler = async ({ attempt, signal }) => {
      attempts.push(attempt);
      if (attempt === 1) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    };
    const fixture = await working(handler, { wrap, sessionTtlMs: 3_000 });
    const id = await fixture.submit();
    await fixture.reach(id, "succeeded");
    expect(attempts).toEqual([1, 2]);
    expect((await fixture.store.reads.events(id, 0, 100)).map(({ type }) => type)).not.toContain("job.released");
  });

  test("has lost its session aborts its handlers and writes nothing for them; the job is tried again elsewhere", async () => {
    const { handler, calls, open: go } = gate();
    const fixture = await working(handler, { sessionTtlMs: 3_000 });
    const id = await fixture.submit();
    await fixture.reach(id, "running");
    const session = (await fixture.engine.jobs.get(id)).live?.session ?? "";
    await fixture.store.sessions.close(session);
    await fixture.engine.context.commit([{ type: "lose", id, token: 1, reason: "worker_lost", message: "lost", random: 0 }]);
    await fixture.clock.until(() => calls[0]?.signal.aborted === true, 10_000);
    go();
    await fixture.clock.until(() => calls.length === 2, 30_000);
    go();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "succeeded", attempts: 2, output: 2 });
  });

  test("has a job again whose first result is not stored yet keeps it when that is refused", async () => {
    let reachable = true;
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        commit: (changes, now) =>
          reachable || changes[0]?.type !== "settle" ? store.jobs.commit(changes, now) : Promise.reject(new Error("no route to host")),
      },
    });
    const { handler, calls, open: go } = gate();
    const fixture = await working(handler, { wrap, sessionTtlMs: 3_000 });
    const id = await fixture.submit({ retry });
    await fixture.reach(id, "running");
    reachable = false;
    go();
    await settled();
    await fixture.store.sessions.close((await fixture.engine.jobs.get(id)).live?.session ?? "");
    await fixture.engine.context.commit([{ type: "lose", id, token: 1, reason: "worker_lost", message: "lost", random: 0 }]);
    await fixture.clock.until(() => calls.length === 2, 60_000);
    reachable = true;
    await fixture.clock.advance(60_000);
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ state: "running", attempt: 2 });
    go();
    expect((await endOf(fixture, id)).final).toMatchObject({ state: "succeeded", attempts: 2 });
    expect(calls).toHaveLength(2);
  });
});
