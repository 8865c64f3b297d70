import { randomBytes } from "node:crypto";
import type { Notices } from "@windlass/ports";
import { memoryNotices, noticesMemory, T0 } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { disableDefinition } from "./disabled-definitions.ts";
import { engineFixture, groupKind, stepKind, type EngineFixture } from "./engine-fixture.ts";
import type { JobKind } from "./job-kind.ts";
import { retryMany } from "./jobs-in-bulk.ts";
import { noticeSignatures } from "./notice-signatures.ts";
import type { SubmitRequest } from "./submit.ts";

/** Executions of stored workflows: of their own, and of those that they name. */
const stored: JobKind = { ...groupKind, definitions: ({ name, spec }) => [name, ...((spec["runs"] ?? []) as readonly string[])] };
const taskKind: JobKind = { kind: "task", validate: () => [] };
const execution = (name: string, spec: SubmitRequest["spec"] = { waitMs: 60_000 }): SubmitRequest => ({
  kind: "workflow",
  name,
  spec,
  executor: "none",
});
const key = (name: string) => ({ workspace: "default", type: "workflow", name });
const mark = (name: string) => ({ ...key(name), disabledBy: "ann", disabledAt: T0, reason: "it is being moved" });
const gate = (): void => {};
const LIMIT_MS = 600_000;

let fixture: EngineFixture;
afterEach(() => fixture.close());

async function open(more: Parameters<typeof engineFixture>[0] = {}): Promise<EngineFixture> {
  fixture = await engineFixture({ kinds: [taskKind, stepKind, stored], ...more });
  for (const name of ["report", "day", "other"])
    await fixture.store.definitions.put({ ...key(name), id: `wfv_${name}`, hash: name, body: {}, labels: {}, createdAt: T0 });
  return fixture;
}

test("nothing new is taken of a workflow that is disabled, nor of one that runs it, until it is enabled", async () => {
  const { engine, store } = await open();
  expect(await disableDefinition(engine.context, mark("report"), gate)).toMatchObject({ cancelled: 0 });
  const refused = { code: "workflow_disabled", message: expect.stringContaining("windlass workflows enable report") };
  await expect(engine.jobs.submit(execution("report"))).rejects.toMatchObject(refused);
  await expect(engine.jobs.submit(execution("report"))).rejects.toThrow("the workflow report was disabled by ann");
  await expect(engine.jobs.submit(execution("report"))).rejects.toThrow("it is being moved");
  await expect(engine.jobs.submit(execution("day", { runs: ["report"] }))).rejects.toThrow(
    "the workflow report, which day runs, was disabled",
  );
  const many = await engine.jobs.submitMany([execution("report"), execution("other")]);
  expect(many).toMatchObject([refused, { created: true }]);
  await store.definitions.enable(key("report"));
  expect(await engine.jobs.submit(execution("report"))).toMatchObject({ created: true });
  expect(await disableDefinition(engine.context, mark("nothing"), gate)).toBeNull();
});

test("a request that is repeated under its key finds what it made, also while the workflow is disabled", async () => {
  const { engine } = await open();
  const keyed = (idempotencyKey: string): SubmitRequest => ({ ...execution("report"), idempotencyKey });
  const { id } = await engine.jobs.submit(keyed("a"));
  await disableDefinition(engine.context, mark("report"), gate);
  expect(await engine.jobs.submit(keyed("a"))).toMatchObject({ id, created: false });
  const refused = { code: "workflow_disabled", details: { workflow: "report" } };
  await expect(engine.jobs.submit(keyed("b"))).rejects.toMatchObject(refused);
  expect(await engine.jobs.submitMany([keyed("b"), keyed("a")])).toMatchObject([refused, { id, created: false }]);
});

test("what was asked for while it was being disabled is refused, or cancelled with the rest", async () => {
  const { engine, store } = await open();
  let taken: Promise<unknown> | undefined;
  const { context } = engine;
  const { definitions } = store;
  const beside: typeof context = {
    ...context,
    store: {
      ...store,
      definitions: {
        ...definitions,
        async disable(given) {
          taken = Promise.allSettled([engine.jobs.submit({ ...execution("report"), notBefore: 1e15 })]);
          return definitions.disable(given);
        },
      },
    },
  };
  const { cancelled } = (await disableDefinition(beside, mark("report"), gate)) ?? { cancelled: -1 };
  const states = (await store.reads.list({ workspace: "default", name: "report", limit: 9 })).map(({ state }) => state);
  expect([cancelled, states]).toEqual([1, ["cancelled"]]);
  expect(await taken).toMatchObject([{ status: "fulfilled" }]);
});

test("what has not begun is cancelled, what has begun goes on, and neither is run again while it is disabled", async () => {
  const { engine, clock, reach, stateOf } = await open();
  const id = async (request: SubmitRequest): Promise<string> => (await engine.jobs.submit(request)).id;
  await engine.start();
  const begun = await id(execution("report"));
  await reach(begun, "waiting");
  const later = await id({ ...execution("report"), notBefore: clock.now() + 30_000 });
  const other = await id({ ...execution("other"), notBefore: clock.now() + 30_000 });
  expect(await disableDefinition(engine.context, mark("report"), gate)).toMatchObject({ cancelled: 1 });
  expect(await engine.jobs.get(later)).toMatchObject({ state: "cancelled", final: { reason: "workflow_disabled" } });
  expect(await stateOf(other)).toBe("scheduled");
  await reach(begun, "succeeded");
  await reach(other, "succeeded");
  await expect(engine.jobs.retry(begun, "ann")).rejects.toMatchObject({ code: "workflow_disabled" });
  const filter = { workspace: "default", name: "report" };
  const bulk = await retryMany(engine.context, { filter, limit: 9, dryRun: false, by: "ann", gate });
  expect(bulk).toMatchObject({ done: 0, refused: [{ id: later, error: { code: "workflow_disabled" } }] });
  await engine.context.store.definitions.enable(key("report"));
  expect(await retryMany(engine.context, { filter, limit: 9, dryRun: false, by: "ann", gate })).toMatchObject({ done: 1, refused: [] });
});

test("an isolated execution has not begun while nothing of it has run", async () => {
  const runner = () => ({ executor: null, workflowId: "wfv_report", workflow: "report" });
  const { engine, reach } = await open({ kinds: [taskKind, stepKind, { ...stored, runner }] });
  await engine.start();
  const step = (queue: string) => ({ children: [{ key: "a", kind: "task", name: "a", spec: {}, executor: "handler", queue }] }) as never;
  const waits = (await engine.jobs.submit(execution("report", step("nobody-serves-it")))).id;
  const begun = (await engine.jobs.submit(execution("report", step("served")))).id;
  for (const one of [waits, begun]) await reach(one, "running");
  const { context } = engine;
  await context.store.sessions.open({
    id: "ses_1",
    role: "worker",
    place: null,
    serves: [],
    startedAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
  });
  const claimed = await context.store.jobs.claim({
    executor: "handler",
    queues: ["served"],
    session: "ses_1",
    place: null,
    limit: 1,
    now: context.now(),
  });
  expect(claimed.jobs).toHaveLength(1);
  expect(await disableDefinition(context, mark("report"), gate)).toMatchObject({ cancelled: 1 });
  await reach(waits, "cancelled");
  expect(await engine.jobs.get(waits)).toMatchObject({ final: { reason: "workflow_disabled" } });
  expect((await engine.jobs.get(begun)).state).toBe("running");
});

test("what begins between the look and the end goes on: it is not cancelled, and not counted", async () => {
  const runner = () => ({ executor: null, workflowId: "wfv_report", workflow: "report" });
  const { engine, reach } = await open({ kinds: [taskKind, stepKind, { ...stored, runner }] });
  const steps = { children: [{ key: "a", kind: "task", name: "a", spec: {}, executor: "handler", queue: "served" }] } as never;
  await engine.start();
  const isolated = (await engine.jobs.submit(execution("report", steps))).id;
  await reach(isolated, "running");
  await engine.stop();
  const waits = (await engine.jobs.submit(execution("report"))).id;
  const { context } = engine;
  const { store } = context;
  const ses = { id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER } as const;
  await store.sessions.open(ses);
  const claim = { session: ses.id, place: null, limit: 9, now: context.now() };
  let begun = 0;
  const beside: typeof context = {
    ...context,
    async commit(changes) {
      for (const of of [{ executor: "handler", queues: ["served"] }, { executor: "none" }] as const)
        begun += (await store.jobs.claim({ ...claim, ...of })).jobs.length;
      return context.commit(changes);
    },
  };
  expect(await disableDefinition(beside, mark("report"), gate)).toMatchObject({ cancelled: 0 });
  expect(begun).toBe(2);
  for (const id of [isolated, waits]) expect((await engine.jobs.get(id)).state).toBe("running");
});

test("a notice for it is a dead letter, which is sent again once it is enabled, and then runs", async () => {
  const memory = noticesMemory();
  const keys = { place: "KEYS", read: () => randomBytes(32).toString("base64") };
  const { engine, clock, store } = await open({
    notices: {
      open: async (): Promise<Notices> => memoryNotices(memory, { clock: fixture.clock }),
      signatures: noticeSignatures({ mode: "off", keys, replayMs: 60_000 }),
      executionOf: async ({ workflow_id: name }) => execution(name),
    },
  });
  await engine.start();
  const at = "2026-01-01T09:00:00Z";
  const body = { version: 1, type: "execution", workflow_id: "report", nominal_time: at, trigger_type: "event", sent_at: at };
  const send = async (id: string) => memoryNotices(memory, { clock }).send([{ id, body: JSON.stringify(body), attributes: {} }]);
  const executions = () => store.reads.list({ workspace: "default", name: "report", limit: 9 });
  await send("n-0");
  await clock.until(async () => memory.waiting.length === 0 && (await executions()).length === 1, LIMIT_MS);
  await disableDefinition(engine.context, mark("report"), gate);
  await send("n-0");
  await send("n-1");
  await clock.until(() => memory.waiting.length === 0, LIMIT_MS);
  expect(memory.dead, "the first, which came again, has its execution").toHaveLength(1);
  const letters = engine.deadNotices;
  const all = { workspace: "default", reason: "workflow_disabled", limit: 9 } as const;
  const why = expect.stringContaining("windlass workflows enable report");
  expect((await letters?.page(all))?.letters).toMatchObject([{ name: "report", message: why }]);
  const request = { gate, perSecond: null, delayMs: 0 };
  const refused = await letters?.chooseRedrive(all, request);
  expect([refused?.left, await refused?.send()]).toMatchObject([[{ why, count: 1 }], { items: [] }]);
  expect(memory.dead, "it lies where it lay").toHaveLength(1);
  await store.definitions.enable(key("report"));
  expect(await (await letters?.chooseRedrive(all, request))?.send()).toMatchObject({ items: [{}] });
  await clock.until(async () => (await executions()).length === 2, LIMIT_MS);
  expect(memory.dead).toEqual([]);
});
