/**
 * What becomes of jobs when the line between a worker and its server fails, or one of them goes: effects are counted by the
 * handlers themselves.
 */
import { worker, type HandlersByName, type Worker, type WorkerOptions } from "@windlass/sdk";
import { ms, type JobView } from "@windlass/kernel";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createApp } from "./create-app.ts";
import { listen, type Listening } from "./serve.ts";
import { clock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";
import { line, spoiledLine, type Line, type Spoil } from "./worker-line-fixture.ts";

let server: TestServer;
let listening: Listening;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  server = await testServer();
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await listening.close();
  await server.close();
});

/** No session is lost by what a busy machine takes, only by what a test does to it. */
const TTL_MS = 60_000;

interface Working {
  readonly worker: Worker;
  readonly notices: string[];
}

async function working(url: string, handlers: HandlersByName, more: Partial<WorkerOptions> = {}): Promise<Working> {
  const notices: string[] = [];
  const onNotice: WorkerOptions["onNotice"] = ({ message }) => notices.push(message);
  const made = worker({ url, token: TOKEN, handlers, drainMs: 500, sessionTtlMs: TTL_MS, onNotice, ...more });
  closing.push(() => made.stop());
  await made.start();
  return { worker: made, notices };
}

async function lineTo(port: number, more: { readonly delayMs?: number } = {}): Promise<Line> {
  const made = await line({ port, ...more });
  closing.push(() => made.close());
  return made;
}

const submit = async (handler: string, more: object = {}): Promise<string> =>
  (await server.engine.jobs.submit({ kind: "task", name: handler, spec: { handler }, executor: "handler", ...more })).id;
const ended = (id: string): Promise<JobView> => server.engine.jobs.wait(id);
const eventsOf = async (id: string): Promise<string[]> =>
  (await server.engine.context.store.reads.events(id, 0, 100)).map(({ type }) => type);
const atOnce = { limit: 2, on: ["failed_node_lost"], backoff: { initial: ms(1), factor: 1, max: ms(1), jitter: 0 } } as const;

/** A handler that waits until it is let go, and counts what happens to it. */
function gate() {
  const counts = { begun: 0, done: 0, aborted: [] as string[] };
  const opens: (() => void)[] = [];
  const handlers: HandlersByName = {
    work: async ({ signal, attempt }) => {
      counts.begun++;
      await new Promise<void>((resolve, reject) => {
        opens.push(resolve);
        signal.addEventListener("abort", () => {
          counts.aborted.push((signal.reason as Error).message);
          reject(signal.reason as Error);
        });
      });
      counts.done++;
      return { attempt };
    },
  };
  return { counts, handlers, open: () => opens.splice(0).forEach((resolve) => resolve()) };
}

describe("a line that", () => {
  test("is cut for a moment costs nothing: the handler goes on and its result is taken", async () => {
    const { counts, handlers, open } = gate();
    const between = await lineTo(listening.port);
    const { worker: one, notices } = await working(between.url, handlers);
    const id = await submit("work");
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    between.cut();
    await vi.waitFor(() => expect(notices.join()).toContain("connected again"));
    open();
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", output: { attempt: 1 }, attempts: 1 });
    expect(counts).toEqual({ begun: 1, done: 1, aborted: [] });
    expect(one.state).toBe("connected");
  });

  test("is down when a handler ends: the result is kept until the server has taken it", async () => {
    const { counts, handlers, open } = gate();
    const between = await lineTo(listening.port);
    const { worker: one } = await working(between.url, handlers);
    const ids = await Promise.all(Array.from({ length: 5 }, () => submit("work")));
    await vi.waitFor(() => expect(counts.begun).toBe(5));
    between.down();
    between.cut();
    await vi.waitFor(() => expect(one.state).toBe("connecting"));
    open();
    await vi.waitFor(() => expect(one.running).toBe(0));
    between.heal();
    for (const id of ids) expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(counts).toEqual({ begun: 5, done: 5, aborted: [] });
  });

  test("is apart for less than the session lasts is given up for another, and the session goes on", async () => {
    const { counts, handlers, open } = gate();
    const between = await lineTo(listening.port);
    // It is given up when a quarter is left: three seconds, in which a busy machine, too, goes on over another.
    const { notices } = await working(between.url, handlers, { sessionTtlMs: 12_000 });
    const id = await submit("work");
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    between.partition();
    await vi.waitFor(() => expect(notices.join()).toContain("has not answered the worker's reports"));
    between.heal();
    await vi.waitFor(() => expect(notices.join()).toContain("connected again"));
    open();
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(counts).toEqual({ begun: 1, done: 1, aborted: [] });
  });

  test("is apart for longer loses the job: its handler is told, another worker has it, and the first writes nothing", async () => {
    const [here, there] = [gate(), gate()];
    const between = await lineTo(listening.port);
    const first = await working(between.url, here.handlers, { sessionTtlMs: 2_000 });
    const id = await submit("work", { retry: atOnce });
    await vi.waitFor(() => expect(here.counts.begun).toBe(1));
    between.partition();
    await working(listening.url, there.handlers);
    await vi.waitFor(() => expect(there.counts.begun).toBe(1));
    expect(here.counts.aborted).toEqual(["the worker was out of touch for too long and lost the job"]);
    between.heal();
    await vi.waitFor(() => expect(first.worker.state).toBe("connected"));
    there.open();
    here.open();
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", output: { attempt: 2 }, attempts: 2 });
    expect([here.counts.done, there.counts.done]).toEqual([0, 1]);
  });

  test("is slow still carries everything once", async () => {
    const between = await lineTo(listening.port, { delayMs: 150 });
    const counts = new Map<string, number>();
    const { notices } = await working(between.url, { work: ({ jobId }) => void counts.set(jobId, (counts.get(jobId) ?? 0) + 1) });
    const ids = await Promise.all(Array.from({ length: 100 }, () => submit("work")));
    for (const id of ids) expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    expect([...counts.values()]).toEqual(ids.map(() => 1));
    expect(notices).toEqual([]);
  });

  test("loses a job on its way gives it back at once, counting no attempt", async () => {
    let lost = 0;
    const spoil: Spoil = (frame, direction) => {
      if (direction === "to server" || !frame.includes('"type":"jobs"') || lost > 0) return [frame];
      lost++;
      // The next frame shows the gap.
      return [frame.replace(/^\{"seq":\d+/u, '{"seq":9999')];
    };
    const between = await spoiledLine(listening.port, spoil);
    closing.push(() => between.close());
    const { counts, handlers, open } = gate();
    await working(between.url, handlers);
    const id = await submit("work");
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    open();
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    expect([lost, await eventsOf(id)]).toEqual([1, expect.arrayContaining(["job.released"])]);
  });

  test("loses the end of a handler on its way, or its answer, has it sent again: it counts once", async () => {
    const lost: string[] = [];
    const spoil: Spoil = (frame, direction) => {
      const what = direction === "to server" ? '"what":"end"' : '"type":"acks"';
      if (!frame.includes(what) || lost.includes(direction)) return [frame];
      lost.push(direction);
      return [frame.replace(/^\{"seq":\d+/u, '{"seq":9999')];
    };
    const between = await spoiledLine(listening.port, spoil);
    closing.push(() => between.close());
    let calls = 0;
    const { worker: one } = await working(between.url, { work: () => void calls++ });
    const ids = [await submit("work"), await submit("work"), await submit("work")];
    for (const id of ids) expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    await one.stop();
    expect([lost, calls]).toEqual([["to server", "to worker"], 3]);
  });

  test("loses the answer to an end, and the job that comes again at once: that attempt is not taken for the one before", async () => {
    let calls = 0;
    let isLost = false;
    const spoil: Spoil = (frame, direction) => {
      if (direction === "to server" || calls === 0 || isLost) return [frame];
      isLost = frame.includes('"type":"jobs"');
      return isLost ? [frame.replace(/^\{"seq":\d+/u, '{"seq":9999')] : [];
    };
    const between = await spoiledLine(listening.port, spoil);
    closing.push(() => between.close());
    const work = (): void => {
      if (++calls === 1) throw new Error("once more");
    };
    await working(between.url, { work });
    const id = await submit("work", { retry: { ...atOnce, on: ["failed"] } });
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 2 });
    expect([calls, isLost]).toEqual([2, true]);
  });

  test.each(["to server", "to worker"] as const)("doubles, swaps and loses frames %s: every attempt still begins once", async (spoiled) => {
    let [state, kept]: [number, string | null] = [12_345, null];
    const chance = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const spoil: Spoil = (frame, direction) => {
      if (direction !== spoiled) return [frame];
      const behind = kept === null ? [] : [kept];
      kept = null;
      const draw = chance();
      if (draw < 0.02) return [frame, frame, ...behind];
      if (draw < 0.04) return [...behind];
      if (draw < 0.06) {
        kept = frame;
        return behind;
      }
      return [frame, ...behind];
    };
    const between = await spoiledLine(listening.port, spoil);
    closing.push(() => between.close());
    const begun = new Map<string, number>();
    const handlers: HandlersByName = {
      work: async ({ jobId, attempt }) => {
        const key = `${jobId} ${attempt}`;
        begun.set(key, (begun.get(key) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
      },
    };
    await working(between.url, handlers, { concurrency: 3, sessionTtlMs: 20_000 });
    const ids: string[] = [];
    for (let n = 0; n < 200; n++) ids.push(await submit("work"));
    for (const id of ids) expect((await ended(id)).final).toMatchObject({ state: "succeeded" });
    expect(Math.max(...begun.values())).toBe(1);
  });
});

describe("a server that", () => {
  test("goes and another on the same store comes: the worker goes on there under its session", async () => {
    const { counts, handlers, open } = gate();
    const between = await lineTo(listening.port);
    const { notices } = await working(between.url, handlers);
    const id = await submit("work");
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    const sessions = async (): Promise<string[]> =>
      (await server.engine.context.store.sessions.list()).filter(({ role }) => role === "worker").map((session) => session.id);
    const before = await sessions();
    await listening.close();
    const other = createApp(server.parts);
    const there = await listen(other, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
    closing.push(() => there.close());
    between.redirect(there.port);
    await vi.waitFor(() => expect(notices.join()).toContain("connected again"));
    expect(await sessions()).toEqual(before);
    open();
    expect((await ended(id)).final).toMatchObject({ state: "succeeded", attempts: 1 });
    expect(counts).toEqual({ begun: 1, done: 1, aborted: [] });
  });

  test("is told of a stop while its worker is away tells it when it is back", async () => {
    const { counts, handlers } = gate();
    const between = await lineTo(listening.port);
    await working(between.url, handlers);
    const id = await submit("work");
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    between.down();
    between.cut();
    await server.engine.jobs.cancel(id, { by: "ada" });
    between.heal();
    expect((await ended(id)).final).toMatchObject({ state: "cancelled", reason: "cancel_requested" });
    expect(counts).toEqual({ begun: 1, done: 0, aborted: ["cancelled by ada"] });
  });

  test("pauses a queue while its worker is away calls back what that has read ahead once it is there again", async () => {
    let [welcomes, recalls, begun] = [0, 0, 0];
    const heard = await spoiledLine(listening.port, (frame) => {
      if (frame.includes('"type":"welcome"')) welcomes++;
      if (frame.includes('"type":"recall"') && welcomes === 2) recalls++;
      return [frame];
    });
    closing.push(() => heard.close());
    const between = await lineTo(Number(new URL(heard.url).port));
    const { counts, handlers, open } = gate();
    const work: HandlersByName[string] = (context) => (++begun <= 100 ? null : handlers["work"]?.(context));
    await working(between.url, { work }, { concurrency: 1 });
    const { jobs, queues, context } = server.engine;
    const held = async (): Promise<number> => (await context.store.jobs.live({ states: ["running"] }, 200)).length;
    const task = { kind: "task", name: "work", spec: { handler: "work" }, executor: "handler" } as const;
    await jobs.submitMany(Array.from({ length: 200 }, () => task));
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    await vi.waitFor(async () => expect(await held()).toBeGreaterThan(1));
    between.cut();
    await queues.set("default", { paused: true });
    await vi.waitFor(() => expect(recalls).toBe(1));
    await vi.waitFor(async () => expect(await held()).toBe(1));
    open();
    await vi.waitFor(async () => expect(await held()).toBe(0));
    expect([counts.begun, counts.done]).toEqual([1, 1]);
  });
});

describe("a worker that stops", () => {
  test("lets its handlers finish, and its session ends", async () => {
    const { counts, handlers, open } = gate();
    const { worker: one, notices } = await working(listening.url, handlers, { concurrency: 1, drainMs: 10_000 });
    const [first, second] = [await submit("work"), await submit("work")];
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    const stopped = one.stop();
    expect(one.state).toBe("draining");
    open();
    await stopped;
    expect((await ended(first)).final).toMatchObject({ state: "succeeded" });
    expect((await server.engine.jobs.get(second)).live).toMatchObject({ state: "queued", attempt: 0 });
    expect((await server.engine.context.store.sessions.list()).filter(({ role }) => role === "worker")).toEqual([]);
    expect([one.state, one.running, counts.begun, notices]).toEqual(["stopped", 0, 1, []]);
  });

  test("and has waited long enough gives its handlers up as lost", async () => {
    const { counts, handlers } = gate();
    const { worker: one } = await working(listening.url, handlers, { drainMs: 100 });
    const id = await submit("work", { retry: { ...atOnce, limit: 0 } });
    await vi.waitFor(() => expect(counts.begun).toBe(1));
    await one.stop();
    expect((await server.engine.jobs.get(id)).final).toMatchObject({
      outcome: "failed_node_lost",
      reason: "worker_lost",
      message: expect.stringContaining("stopped before") as string,
    });
  });

  test("gives back what it read ahead, as if it had never had it", async () => {
    const counts = { fast: 0 };
    const { handlers, open } = gate();
    const all: HandlersByName = { ...handlers, fast: () => void counts.fast++ };
    const { worker: one } = await working(listening.url, all, { concurrency: 2 });
    for (let n = 0; n < 400; n++) await submit("fast");
    const slow = await Promise.all(Array.from({ length: 40 }, () => submit("work")));
    await vi.waitFor(() => expect(one.running).toBe(2));
    await vi.waitFor(() => expect(counts.fast).toBe(400));
    const stopped = one.stop();
    open();
    await stopped;
    const views = await Promise.all(slow.map((id) => server.engine.jobs.get(id)));
    expect(views.filter(({ final }) => final?.state === "succeeded")).toHaveLength(2);
    expect(views.filter(({ live }) => live?.state === "queued" && live.attempt === 0)).toHaveLength(38);
  });

  test("while a job is on its way to it has not had it: it waits for another, without having begun", async () => {
    const { handlers, counts } = gate();
    let isOnItsWay = false;
    const between = await spoiledLine(listening.port, (frame, direction) => {
      isOnItsWay ||= frame.includes('"type":"jobs"');
      return isOnItsWay && direction === "to worker" ? [] : [frame];
    });
    closing.push(() => between.close());
    const { worker: one, notices } = await working(between.url, handlers);
    const id = await submit("work");
    await vi.waitFor(async () => expect((await server.engine.jobs.get(id)).state).toBe("running"));
    await one.stop();
    expect((await server.engine.jobs.get(id)).live).toMatchObject({ state: "queued", attempt: 0 });
    expect([counts.begun, notices]).toEqual([0, []]);
  });

  test("while it connects, or in any order with starts, ends as the last call says", async () => {
    const between = await lineTo(listening.port);
    between.down();
    const one = worker({ url: between.url, token: TOKEN, handlers: { work: () => null }, drainMs: 100 });
    closing.push(() => one.stop());
    const started = one.start();
    expect(one.state).toBe("connecting");
    await one.stop();
    await started;
    expect(one.state).toBe("stopped");
    between.heal();
    const calls = [one.start(), one.stop(), one.start(), one.stop(), one.start()];
    await Promise.all(calls);
    expect(one.state).toBe("connected");
    await Promise.all([one.stop(), one.stop()]);
    expect(one.state).toBe("stopped");
  });
});

test("who may not connect is told at once, and no longer tried", async () => {
  const handlers = { work: () => null };
  await expect(worker({ url: listening.url, token: `${TOKEN}x`, handlers }).start()).rejects.toMatchObject({ code: "unauthorized" });
  await expect(worker({ url: listening.url, handlers }).start()).rejects.toMatchObject({ code: "unauthorized" });
  expect(() => worker({ url: listening.url, handlers, concurrency: 0 })).toThrow(
    "concurrency is 0; it must be a whole number from 1 to 1000",
  );
  expect(() => worker({ url: listening.url, handlers: { work: 1 as never } })).toThrow("handlers.work is number; it must be a function");
});
