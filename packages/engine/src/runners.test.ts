import {
  DEPTH_MAX,
  executionQueueOf,
  runnerKeyOf,
  type JobRecord,
  type JobView,
  type Json,
  type Outcome,
  type Reason,
  type Result,
} from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LaunchRequest } from "@windlass/ports";
import { ABSENT_MS } from "./absent-executors.ts";
import { engineFixture, fakeExecutor, group, type EngineFixture, type FakeExecutor } from "./engine-fixture.ts";
import { isolated, kinds, rules, step } from "./runner-fixture.ts";
import { noteWorked, runnerTokenFor } from "./runner-token.ts";
import { runners } from "./runners.ts";
import { childRecordOf, recordOf, type SubmitRequest } from "./submit.ts";

let fixture: EngineFixture;
let executor: FakeExecutor;
let kept: Map<string, LaunchRequest>;

beforeEach(async () => {
  kept = new Map();
  executor = fakeExecutor({ kept });
  fixture = await engineFixture({
    runners: rules,
    executors: [executor],
    kinds,
  });
  await fixture.engine.start();
});
afterEach(() => fixture.close());

const runnersOf = async (id: string) => {
  const children = await fixture.store.reads.list({ workspace: "default", parentId: id, name: "runner", limit: 10, order: "oldest" });
  return children.map(({ record }) => record.childKey);
};
const launches = (count: number) => fixture.clock.until(() => executor.launched.length >= count, 60_000);

test("one runner is made while a step is ready, told what it is for, and followed by the next only when it has ended", async () => {
  const id = await fixture.submit({ ...group([step("a"), step("b")]), input: { day: "monday" } });
  await launches(1);
  const [launch] = [...kept.values()];
  expect(launch).toMatchObject({
    spec: { env: { WORKFLOW_ID: "wfv_1", EXECUTION_ID: id, WORKFLOW_INPUT: '{"day":"monday"}' } },
    environment: { WINDLASS_URL: "http://here" },
    timeoutMs: 300_000,
  });
  expect(launch?.name).toBe(`workflow-exec-${id.replace("_", "-")}`);
  expect(JSON.stringify(launch?.spec)).not.toContain("wlr_");
  const waits = await fixture.store.reads.child(id, "a");
  const { causes } = await fixture.engine.explain(waits?.record.id ?? "");
  expect(causes[0]).toMatchObject({ reason: "waiting_runner", object: launch?.jobId });
  // Others look as well, again and again.
  const other = runners(fixture.engine.context, rules);
  await other.start();
  await fixture.clock.advance(5_000);
  expect(await runnersOf(id)).toEqual([runnerKeyOf(0)]);
  executor.end(launch?.name ?? "", { outcome: "failed", reason: "signal", message: "killed" });
  await launches(2);
  await fixture.clock.advance(5_000);
  await other.stop();
  expect(await runnersOf(id)).toEqual([runnerKeyOf(0), runnerKeyOf(1)]);
});

test("its token opens the line to its own execution while its attempt is alive, and nothing afterwards", async () => {
  const id = await fixture.submit(group([step("a")]));
  await launches(1);
  const [launch] = [...kept.values()];
  const token = launch?.secretEnvironment?.["WINDLASS_TOKEN"] ?? "";
  const { tokens } = fixture.engine.access;
  expect(await tokens.holderOf(token)).toMatchObject({ execution: id, permissions: new Set(["workers:connect"]), workspaces: ["default"] });
  expect(launch?.mask?.secrets).toContain(token);
  await expect(tokens.holderOf(runnerTokenFor(fixture.engine.context, launch?.jobId ?? "", 2))).rejects.toThrow("has ended");
  await expect(tokens.holderOf(runnerTokenFor(fixture.engine.context, id, 1))).rejects.toThrow("opens nothing");
  const [jobId, attempt, keyId, sealed] = JSON.parse(Buffer.from(token.slice(4), "base64url").toString()) as Json[];
  const forged = `wlr_${Buffer.from(JSON.stringify([jobId, Number(attempt) + 1, keyId, sealed])).toString("base64url")}`;
  await expect(tokens.holderOf(forged)).rejects.toThrow("not known");
  await expect(tokens.holderOf("wlr_nonsense")).rejects.toThrow("not known");
  executor.end(launch?.name ?? "", { outcome: "succeeded", reason: "ok", message: null });
  await fixture.reach(launch?.jobId ?? "", "succeeded");
  await expect(tokens.holderOf(token)).rejects.toThrow("has ended");
});

test("what a runner that could not work printed last is told with its end", async () => {
  await fixture.submit(group([step("a")]));
  await launches(1);
  const [launch] = [...kept.values()];
  const evidence = { logTail: "info: starting\nthe runner cannot work: WORKFLOW_ID is missing\n" };
  executor.end(launch?.name ?? "", { outcome: "failed", reason: "exit_code", message: "exit code 1", exitCode: 1, evidence });
  await fixture.reach(launch?.jobId ?? "", "failed");
  const view = await fixture.store.reads.get(launch?.jobId ?? "");
  expect(view?.final?.message).toBe("exit code 1: the runner cannot work: WORKFLOW_ID is missing");
});

test("steps that were ready before anybody listened are found by looking", async () => {
  const late = await engineFixture({
    executors: [fakeExecutor()],
    kinds,
  });
  await late.engine.start();
  const id = await late.submit(group([step("a")]));
  const found = async () => late.store.reads.child(id, runnerKeyOf(0));
  await late.clock.until(async () => (await late.store.reads.child(id, "a")) !== null, 5_000);
  expect(await found()).toBeNull();
  const looking = runners(late.engine.context, rules);
  await looking.start();
  await late.clock.until(async () => (await found()) !== null, 5_000);
  await looking.stop();
  await late.close();
});

test("any number of executions have a runner at once, without a pause between", async () => {
  const late = await engineFixture({ executors: [fakeExecutor()], kinds });
  await late.engine.start();
  const ids = await Promise.all(Array.from({ length: 250 }, () => late.submit(group([step("a")]))));
  const all = async (key: string): Promise<boolean> =>
    (await Promise.all(ids.map((id) => late.store.reads.child(id, key)))).every((child) => child !== null);
  await late.clock.until(() => all("a"), 60_000);
  const looking = runners(late.engine.context, rules);
  await looking.start();
  await late.clock.until(() => all(runnerKeyOf(0)), 500);
  expect(await all(runnerKeyOf(1))).toBe(false);
  await looking.stop();
  await late.close();
});

test("an execution that is heard of while it waits to be looked at again is looked at at once, however many wait with it", async () => {
  const many = fakeExecutor({ runningMax: 1_000 });
  const late = await engineFixture({ runners: rules, executors: [many], kinds });
  await late.engine.start();
  const ids = await Promise.all(Array.from({ length: 250 }, () => late.submit(group([step("a")]))));
  const having = async (key: string, isEnded = false): Promise<number> => {
    const children = await Promise.all(ids.map((id) => late.store.reads.child(id, key)));
    return children.filter((child) => child !== null && (!isEnded || child.live === null)).length;
  };
  await late.clock.until(() => many.running().length === ids.length, 60_000);
  for (const name of many.running()) many.end(name);
  await late.clock.until(async () => (await having(runnerKeyOf(0), true)) === ids.length, 60_000);
  expect(await having(runnerKeyOf(1))).toBeLessThan(ids.length / 2);
  for (const id of ids) late.engine.context.bus.publish("ready", `handler/${executionQueueOf(id)}`);
  await late.clock.advance(500);
  expect(await having(runnerKeyOf(1))).toBe(ids.length);
  await late.close();
});

test("what a runner carries out stays its own while it lives, however long it is out of touch, and is lost when it has ended", async () => {
  const id = await fixture.submit(group([step("a")]));
  await launches(1);
  const [launch] = [...kept.values()];
  const open = (session: string, owner: string) =>
    fixture.store.sessions.open({
      id: session,
      role: "worker",
      place: null,
      serves: [],
      startedAt: 0,
      expiresAt: fixture.clock.now() + 3_000,
      owner,
    });
  await open("ses_own", `${launch?.jobId}/1`);
  await open("ses_before", `${launch?.jobId}/2`);
  const queue = executionQueueOf(id);
  const request = { executor: "handler", queues: [queue], session: "ses_own", place: null, limit: 1, now: fixture.clock.now() } as const;
  const { jobs } = await fixture.store.jobs.claim(request);
  const stepId = jobs[0]?.live.id ?? "";
  const sessions = async () => (await fixture.store.sessions.list()).map((session) => session.id).filter((one) => /own|before/u.test(one));
  await fixture.clock.advance(120_000);
  expect(await fixture.stateOf(stepId)).toBe("running");
  expect(await sessions()).toEqual(["ses_own"]);
  // An operator who cleans up takes nothing from it either.
  const cleaning = { workspace: "default", olderThanMs: 60_000, dryRun: false, limit: 10 };
  expect((await fixture.engine.cleanStuck(cleaning)).jobs).toEqual([]);
  executor.end(launch?.name ?? "");
  await fixture.clock.until(async () => (await sessions()).length === 0, 5_000);
  await fixture.clock.until(async () => (await fixture.stateOf(stepId)) !== "running", 5_000);
  expect((await fixture.store.reads.attempts(stepId))[0]).toMatchObject({ outcome: "failed_node_lost", reason: "worker_lost" });
});

test("the queue of an execution is filled by nobody else", async () => {
  await expect(fixture.submit({ queue: "execution/job_x" })).rejects.toThrow("queue of an isolated execution");
  const [parent] = await fixture.store.jobs.records([await fixture.submit(group([step("a")]))]);
  const child = (queue: string) => childRecordOf(fixture.engine.context, parent as JobRecord, { ...step("b"), queue });
  expect(child(executionQueueOf(parent?.id ?? "")).queue).toContain(parent?.id);
  expect(() => child("execution/job_x")).toThrow("queue of an isolated execution");
  const { queues } = fixture.engine;
  const filter = { workspace: "default", queue: "default" };
  await expect(queues.move(filter, { to: "execution/job_x", by: "ann", dryRun: false })).rejects.toThrow("queue of an isolated execution");
});

const refusal = (outcome: Outcome, reason: Reason): Result => ({ outcome, reason, message: `it was refused: ${reason}` });
const runnerOf = async (id: string, number = 0) => (await fixture.store.reads.child(id, runnerKeyOf(number))) as JobView;

test("a runner that cannot be made is tried again after a pause, as another attempt, and its execution waits for it", async () => {
  executor.plan.push(refusal("failed", "launch_failed"), refusal("failed_config", "unschedulable"));
  const id = await fixture.submit(group([step("a")]));
  const waits = await fixture.clock.until(async () => (await runnerOf(id))?.state === "scheduled", 60_000).then(() => runnerOf(id));
  expect(waits.live).toMatchObject({ attempt: 1, dueReason: "back_off" });
  const waiting = await fixture.store.reads.child(id, "a");
  const { causes } = await fixture.engine.explain(waiting?.record.id ?? "");
  expect(causes.map(({ reason }) => reason)).toEqual(["waiting_runner", "back_off", "launch_failed"]);
  await launches(1);
  expect((await fixture.store.reads.attempts(waits.record.id)).map(({ reason }) => reason)).toEqual([
    "launch_failed",
    "unschedulable",
    null,
  ]);
  expect(executor.launched).toEqual([`workflow-exec-${id.replace("_", "-")}-0-3`]);
  expect(await runnersOf(id)).toEqual([runnerKeyOf(0)]);
});

test("after as many tries as it may have it has failed; what another try would meet again is the last one", async () => {
  executor.plan.push(...Array.from({ length: 3 }, () => refusal("failed", "launch_failed")), refusal("failed_config", "bad_spec"));
  const first = await fixture.submit(group([step("a")]));
  await fixture.clock.until(async () => (await runnerOf(first))?.state === "failed", 600_000);
  expect(await runnerOf(first)).toMatchObject({ final: { attempts: 3, reason: "launch_failed" } });
  await fixture.engine.jobs.cancel(first, { by: "ann" });
  const other = await fixture.submit(group([step("a")]));
  await fixture.clock.until(async () => (await runnerOf(other))?.state === "failed", 600_000);
  expect(await runnerOf(other)).toMatchObject({ final: { attempts: 1, reason: "bad_spec" } });
});

test("one that found nothing to do is followed by the next after a pause that grows, until a step ends in one", async () => {
  const id = await fixture.submit(group([step("a")]));
  const madeAt: number[] = [];
  for (let number = 0; number < 5; number++) {
    await launches(number + 1);
    madeAt.push(fixture.clock.now());
    const name = executor.launched.at(-1) ?? "";
    if (number === 3) await noteWorked(fixture.engine.context, `${(await runnerOf(id, number)).record.id}/1`);
    executor.end(name);
  }
  const gaps = madeAt.slice(1).map((at, i) => at - (madeAt[i] ?? 0));
  expect(gaps.map((gap) => Math.floor(gap / 1_000))).toEqual([1, 2, 4, 0].map((least) => expect.toSatisfy((gap: number) => gap >= least)));
  expect(gaps[3]).toBeLessThan(gaps[2] ?? 0);
});

test("one step that is ready is seen behind any number that are not", async () => {
  const held = Array.from({ length: 150 }, (_, i) => ({ ...step(`held${i}`), concurrency: { key: "one", limit: 1 } }));
  const id = await fixture.submit(group([...held, step("free")]));
  await launches(1);
  // The first that is claimed holds the key; the others leave what is ready.
  const queue = executionQueueOf(id);
  const session = { id: "ses_own", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER } as const;
  await fixture.store.sessions.open(session);
  const request = { executor: "handler", queues: [queue], session: "ses_own", place: null, limit: 200, now: fixture.clock.now() } as const;
  const { jobs } = await fixture.store.jobs.claim(request);
  expect(jobs.map(({ record }) => record.name)).toEqual(["held0", "free"]);
  const { id: freed = "", token = 0 } = jobs[1]?.live ?? {};
  await fixture.engine.context.commit([{ type: "release", id: freed, token }]);
  executor.end(executor.launched.at(-1) ?? "");
  await launches(2);
});

test("steps of an execution below which nothing may be made end, and say why", async () => {
  const spec = group([step("a")]);
  const record = recordOf(fixture.engine.context, { kind: "workflow", name: "deep", executor: "none", ...spec } as SubmitRequest);
  const path = Array.from({ length: DEPTH_MAX }, (_, i) => `job_${i}`).join("/");
  const deep = { ...record, path, rootId: record.id };
  await fixture.engine.context.commit([{ type: "submit", job: deep }]);
  const lying = { ...childRecordOf(fixture.engine.context, record, { ...step("b"), queue: executionQueueOf(record.id) }), parentId: null };
  await fixture.engine.context.commit([{ type: "submit", job: { ...lying, rootId: lying.id, childKey: null } }]);
  await fixture.reach(lying.id, "cancelled");
  expect((await fixture.store.reads.get(lying.id))?.final).toMatchObject({
    reason: "spawn_failed",
    message: expect.stringContaining(`${DEPTH_MAX} levels deep`),
  });
});

test("who waits for a runner beyond the limit sees which limit it is, and its number in order", async () => {
  const limited = await engineFixture({
    runners: rules,
    spawner: { runningMax: 1, perWorkspaceMax: null, perWorkflowMax: null },
    executors: [executor],
    kinds,
  });
  await limited.engine.start();
  const ids = [
    await limited.submit(group([step("a")])),
    await limited.submit(group([step("a")])),
    await limited.submit(group([step("a")])),
  ];
  const queued = async (id = "") => (await limited.store.reads.child(id, runnerKeyOf(0)))?.state === "queued";
  await limited.clock.until(async () => (await queued(ids[1])) && (await queued(ids[2])), 60_000);
  const third = await limited.engine.jobs.get(ids[2] ?? "");
  expect(await limited.engine.position(third)).toBe(2);
  expect(await limited.engine.position(await limited.engine.jobs.get(ids[0] ?? ""))).toBeNull();
  const { causes } = await limited.engine.explain(ids[2] ?? "");
  expect(causes.find(({ reason }) => reason === "spawner_limit")?.message).toBe(
    "1 runner is there over all workspaces; the limit is 1; it is number 2 in order",
  );
  await limited.close();
});

test("a program that runners cannot reach refuses isolated executions, and nothing else", async () => {
  const alone = await engineFixture({
    isolationRefused: "it takes no connections",
    kinds: [isolated, { kind: "task", validate: () => [] }],
  });
  await expect(alone.submit(group([step("a")]))).rejects.toThrow("an isolated execution is refused: it takes no connections");
  expect(await alone.submit({})).toMatch(/^job_/u);
  await alone.close();
});

test("a runner whose executor nobody has for many minutes ends with that reason; a moment without it changes nothing", async () => {
  const elsewhere = await engineFixture({
    runners: { ...rules, executor: "docker" },
    executors: [executor],
    kinds,
  });
  await elsewhere.engine.start();
  const id = await elsewhere.submit(group([step("a")]));
  const made = async () => elsewhere.store.reads.child(id, runnerKeyOf(0));
  await elsewhere.clock.until(async () => (await made())?.state === "queued", 60_000);
  await elsewhere.clock.advance(ABSENT_MS - 60_000);
  expect(await made()).toMatchObject({ state: "queued" });
  await elsewhere.clock.until(async () => (await made())?.live === null, 120_000);
  expect(await made()).toMatchObject({
    final: { state: "cancelled", reason: "no_executor", message: "no server has had the executor docker for 10m" },
  });
  await elsewhere.close();
});
