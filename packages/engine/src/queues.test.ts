import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveJob } from "@windlass/kernel";
import { engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";
import { queues } from "./queues.ts";

let fixture: EngineFixture;
const from = { queue: "from" };

beforeEach(async () => {
  fixture = await engineFixture();
  await fixture.engine.start();
});
afterEach(() => fixture.close());

async function waiting(count: number, given: { readonly name?: string; readonly fairnessKey?: string } = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await fixture.submit({ queue: "from", ...given }));
  return ids;
}

const queueOf = async (id: string): Promise<string> => (await fixture.engine.jobs.get(id)).record.queue;

test("what waits is moved after a preview that moves nothing; a filter chooses; moved again, nothing is left to move", async () => {
  const { queues } = fixture.engine;
  const [mail = ""] = await waiting(1, { name: "mail" });
  const [tenant = ""] = await waiting(1, { fairnessKey: "t1" });
  const rest = await waiting(600);
  const request = { to: "to", by: "ann", dryRun: false };
  expect(await queues.move(from, { ...request, dryRun: true })).toEqual({ matched: 602, done: 0, steps: 0, next: null });
  expect(await queues.move({ ...from, name: "mail" }, request)).toMatchObject({ matched: 1, done: 1 });
  expect(await queues.move({ ...from, fairnessKey: "t1" }, request)).toMatchObject({ matched: 1, done: 1 });
  expect(await Promise.all([mail, tenant, rest[0] ?? ""].map(queueOf))).toEqual(["to", "to", "from"]);
  expect(await queues.move(from, request)).toEqual({ matched: 600, done: 600, steps: 0, next: null });
  expect(await queues.move(from, request)).toMatchObject({ matched: 0, done: 0 });
});

test("a queue is not moved to itself, and a preview counts more than one call would do", async () => {
  const { engine, store } = fixture;
  await waiting(1);
  await expect(engine.queues.move(from, { to: "from", by: "ann", dryRun: true })).rejects.toMatchObject({ code: "invalid" });
  const [one] = await store.jobs.live({ ...from, after: "" }, 1);
  if (one === undefined) throw new Error("the job that waits is not alive");
  let pages = 0;
  const live = async (): Promise<readonly LiveJob[]> => Array.from({ length: pages++ < 30 ? 500 : 7 }, () => one);
  const many = queues({ ...engine.context, store: { ...store, jobs: { ...store.jobs, live } } });
  expect(await many.purge(from, { by: "ann", dryRun: true, remove: false })).toEqual({ matched: 15_007, done: 0, steps: 0, next: null });
});

/** As many jobs in the queue as no test could submit, each with what `given` says of it; every change of them is accepted. */
async function crowd(count: number, given: (i: number) => Partial<LiveJob>) {
  const { engine, store } = fixture;
  await waiting(1);
  const [one] = await store.jobs.live({ ...from, after: "" }, 1);
  if (one === undefined) throw new Error("the job that waits is not alive");
  const reads = { pages: 0 };
  const live: typeof store.jobs.live = async ({ after = "" }, limit) => {
    reads.pages++;
    const first = after === "" ? 0 : Number(after.slice("job_".length)) + 1;
    const length = Math.max(0, Math.min(limit, count - first));
    return Array.from({ length }, (_, i) => ({ ...one, id: `job_${first + i}`, ...given(first + i) }));
  };
  const changed: string[] = [];
  const commit: typeof engine.context.commit = async (changes) => {
    const ids = changes.flatMap((change) => ("id" in change && typeof change.id === "string" ? [change.id] : []));
    changed.push(...ids);
    return ids.map((id) => ({ ok: true, id }));
  };
  return { queues: queues({ ...engine.context, commit, store: { ...store, jobs: { ...store.jobs, live } } }), changed, reads };
}
const step = { parentId: "job_parent" };
const purge = { by: "ann", dryRun: false, remove: false };

test("a purge whose steps fill a whole call goes on behind them, though that call did nothing", async () => {
  const { queues, changed } = await crowd(100_001, (i) => (i < 100_000 ? step : {}));
  const first = await queues.purge(from, purge);
  expect(first).toEqual({ matched: 100_000, done: 0, steps: 100_000, next: "job_99999" });
  const second = await queues.purge({ ...from, after: first.next ?? "" }, purge);
  expect(second).toEqual({ matched: 1, done: 1, steps: 0, next: null });
  expect(changed).toEqual(["job_100000"]);
});

test("ten thousand jobs are done with in a call, be they steps, and steps that stay are none of them", async () => {
  const moved = await crowd(25_000, () => step);
  const move = { to: "to", by: "ann", dryRun: false };
  const first = await moved.queues.move(from, move);
  expect(first).toEqual({ matched: 10_000, done: 10_000, steps: 10_000, next: "job_9999" });
  expect(await moved.queues.move({ ...from, after: "job_19999" }, move)).toEqual({ matched: 5_000, done: 5_000, steps: 5_000, next: null });
  const purged = await crowd(25_000, (i) => (i < 12_500 ? step : {}));
  expect(await purged.queues.purge(from, purge)).toEqual({ matched: 22_500, done: 10_000, steps: 12_500, next: "job_22499" });
});

test("attempts that go on are not meant, and count for what one call reads", async () => {
  const { queues, reads } = await crowd(150_000, () => ({ resumed: true }));
  const first = await queues.purge(from, { ...purge, dryRun: true });
  expect([first, reads.pages]).toEqual([{ matched: 0, done: 0, steps: 0, next: "job_99999" }, 200]);
});

test("a purge cancels what waits and leaves what runs, and steps to their executions; it may remove what never started", async () => {
  const { queues, jobs } = fixture.engine;
  const execution = await fixture.submit(group([handled("a")], { queue: "from" }));
  await fixture.reach(execution, "running");
  await fixture.clock.advance(100);
  const ids = await waiting(3);
  const request = { by: "ann", dryRun: false, remove: false };
  expect(await queues.purge(from, { ...request, dryRun: true })).toEqual({ matched: 4, done: 0, steps: 1, next: null });
  const [gone = "", ...others] = ids;
  expect(await queues.purge({ ...from, name: "greet" }, request)).toMatchObject({ matched: 3, done: 3 });
  expect(await fixture.stateOf(gone)).toBe("cancelled");
  expect(await Promise.all(others.map(fixture.stateOf))).toEqual(["cancelled", "cancelled"]);
  expect(await fixture.stateOf(execution)).toBe("running");
  const [last = ""] = await waiting(1);
  expect(await queues.purge(from, { ...request, remove: true })).toMatchObject({ matched: 2, done: 1, steps: 1 });
  await expect(jobs.get(last)).rejects.toMatchObject({ code: "not_found" });
});

test("what is started between the look and the purge runs on", async () => {
  const { engine, store, clock } = fixture;
  const [first = "", second = ""] = await waiting(2);
  await store.sessions.open({
    id: "ses_1",
    role: "worker",
    place: null,
    serves: [],
    startedAt: clock.now(),
    expiresAt: clock.now() + 60_000,
  });
  const live = async (...given: Parameters<typeof store.jobs.live>): Promise<readonly LiveJob[]> => {
    const page = await store.jobs.live(...given);
    await store.jobs.claim({ executor: "handler", queues: ["from"], session: "ses_1", place: null, limit: 1, now: clock.now() });
    return page;
  };
  const purged = await queues({ ...engine.context, store: { ...store, jobs: { ...store.jobs, live } } }).purge(from, {
    by: "ann",
    dryRun: false,
    remove: false,
  });
  expect(purged).toEqual({ matched: 2, done: 1, steps: 0, next: null });
  expect([await fixture.stateOf(first), await fixture.stateOf(second)]).toEqual(["running", "cancelled"]);
});

test("a rate wakes the worker at the time that it lets the next attempt start, and makes none without room spin", async () => {
  const { engine, clock, store } = fixture;
  await store.queues.put("from", { rateLimit: { limit: 1, perSeconds: 1 } }, clock.now());
  await store.queues.put("quick", { rateLimit: { limit: 5, perSeconds: 1 } }, clock.now());
  const starts: number[] = [];
  const begin = clock.now();
  const workers = [
    engine.worker({ queue: "quick", handlers: { greet: () => void starts.push(clock.now() - begin) } }),
    engine.worker({
      queue: "from",
      concurrency: 1,
      handlers: { greet: () => new Promise((resolve) => void clock.after(5_000, () => resolve(null))) },
    }),
  ];
  for (const worker of workers) await worker.start();
  const slow = await waiting(2);
  for (let i = 0; i < 8; i++) await fixture.submit({ queue: "quick" });
  // A loop that spins while its slot is taken fires more timers than the clock allows.
  await clock.advance(3_000);
  expect(starts.slice(5)).toEqual([200, 400, 600]);
  for (const id of slow) await fixture.reach(id, "succeeded");
  for (const worker of workers) await fixture.outcome(worker.stop());
});
