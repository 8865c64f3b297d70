import { executionQueueOf, runnerKeyOf, type JobRecord, type Json } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LaunchRequest } from "@windlass/ports";
import { engineFixture, fakeExecutor, group, groupKind, type EngineFixture, type FakeExecutor } from "./engine-fixture.ts";
import { runnerTokenFor } from "./runner-token.ts";
import { runners, type RunnerRules } from "./runners.ts";
import { childRecordOf } from "./submit.ts";

const rules: RunnerRules = {
  executor: "process",
  specOf: ({ env }) => ({ command: ["runner"], env: { ...env } }),
  launched: (_executor, { spec }) => ({ spec, environment: { WINDLASS_URL: "http://here" } }),
};

let fixture: EngineFixture;
let executor: FakeExecutor;
let kept: Map<string, LaunchRequest>;

/** An execution with one step that only a runner serves. */
const isolated = {
  ...groupKind,
  runner: () => ({ executor: null, workflowId: "wfv_1" }),
  advance: (input: Parameters<NonNullable<typeof groupKind.advance>>[0]) => {
    const facts = input.facts.filter((fact) => fact.type !== "child" || !fact.key.startsWith("#"));
    const decision = groupKind.advance?.({ ...input, facts });
    if (decision === undefined) throw new Error("it decides nothing");
    const children = decision.children.map((child) => ({ ...child, queue: executionQueueOf(input.record.id) }));
    return { ...decision, children, finish: input.live.openChildren === 0 ? decision.finish : null };
  },
};

beforeEach(async () => {
  kept = new Map();
  executor = fakeExecutor({ kept });
  fixture = await engineFixture({
    runners: rules,
    executors: [executor],
    kinds: [{ kind: "task", validate: () => [] }, { kind: "step", validate: () => [] }, isolated],
  });
  await fixture.engine.start();
});
afterEach(() => fixture.close());

const step = (key: string) => ({
  key,
  kind: "step" as const,
  name: key,
  spec: { handler: "windlass.shell" },
  executor: "handler" as const,
});
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
    kinds: [{ kind: "task", validate: () => [] }, { kind: "step", validate: () => [] }, isolated],
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
