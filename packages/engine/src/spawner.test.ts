/** An engine in the role of a spawner, beside the engine of a server on the same store. */
import { runnerKeyOf } from "@windlass/kernel";
import type { LaunchRequest, Store } from "@windlass/ports";
import { outsideCluster } from "@windlass/testkit";
import { expect, test } from "vitest";
import { command, done, engineFixture, fakeExecutor, group } from "./engine-fixture.ts";
import { engine } from "./engine.ts";
import { kinds, rules, step } from "./runner-fixture.ts";
import { serviceOf } from "./service.ts";

test("it makes runners, in all workspaces, and Jobs elsewhere, and carries out no other job on its own host", async () => {
  const server = await engineFixture({ kinds });
  const started: string[] = [];
  const executor = fakeExecutor();
  const cluster = outsideCluster();
  const { context } = server.engine;
  const further = serviceOf("further", async () => {
    started.push("further");
    return async () => {};
  });
  const spawner = engine({
    ...context,
    kinds,
    executors: [executor, cluster.executor()],
    role: "spawner",
    runners: rules,
    tools: () => ({ called: () => void started.push("called") }),
    services: () => [further],
  });
  await server.engine.start();
  await server.store.workspaces.add({ name: "other", createdBy: "ann", createdAt: 0 });
  const process = await server.submit(command);
  const container = await server.submit({ executor: "kubernetes", name: "build", spec: { image: "x" } });
  const called = await server.submit({ spec: { tool: "called" }, executor: "tool" });
  await spawner.start();
  const ids = [await server.submit(group([step("a")])), await server.submit({ ...group([step("a")]), workspace: "other" })];
  await server.clock.until(() => executor.launched.length === 2, 60_000);
  const made = await Promise.all(ids.map((id) => server.store.reads.child(id, runnerKeyOf(0))));
  expect(made.map((one) => one?.live?.state)).toEqual(["running", "running"]);
  const build = await cluster.appeared(() => true);
  await server.reach(container, "running");
  await server.clock.advance(30_000);
  expect(executor.launched).toHaveLength(2);
  expect([await server.stateOf(process), await server.stateOf(called), started]).toEqual(["queued", "queued", []]);
  cluster.end(build, done);
  // Nobody takes it for one that would.
  const why = async (id: string) => (await server.engine.explain(id)).causes.map(({ reason }) => reason);
  expect(await why(process)).toEqual(["no_executor"]);
  await server.outcome(spawner.stop());
  await server.close();
});

test("a clock that is set while it runs is put right by the store's", async () => {
  let ahead = 0;
  const wrap = (store: Store): Store => ({ ...store, timeOffset: async () => -ahead });
  const alone = await engineFixture({ kinds, role: "spawner", runners: rules, executors: [fakeExecutor()], wrap });
  await alone.engine.start();
  for (const jump of [10_800_000, -21_600_000]) {
    alone.clock.jump(jump);
    ahead += jump;
    await alone.clock.advance(2_000);
    expect(alone.engine.context.now() + ahead).toBe(alone.clock.now());
  }
  await alone.close();
});

test("what an older one carried out at its place is looked after to its end, and what that had only claimed is lost, not launched", async () => {
  const places = new Map<string, LaunchRequest>();
  const before = fakeExecutor({ kept: places });
  const old = await engineFixture({ kinds, executors: [before] });
  await old.engine.start();
  const [ends, stops] = [await old.submit(command), await old.submit(command)];
  const held = async (id: string) => (await old.engine.jobs.get(id)).live;
  for (const id of [ends, stops]) await old.clock.until(async () => (await held(id))?.holder === "external", 5_000);
  await old.outcome(old.engine.stop());
  const claimed = await old.submit(command);
  const session = {
    id: "ses_dead",
    role: "launcher",
    place: "host-1",
    serves: [],
    startedAt: 0,
    expiresAt: old.clock.now() + 1_000,
  } as const;
  await old.store.sessions.open(session);
  const request = { executor: "process", session: session.id, place: session.place, limit: 1, now: old.clock.now() } as const;
  expect((await old.store.jobs.claim(request)).jobs.map(({ record }) => record.id)).toEqual([claimed]);
  await old.engine.jobs.cancel(stops, { by: "ann" });
  const executor = fakeExecutor({ kept: places });
  const spawner = engine({ ...old.engine.context, kinds, executors: [executor], role: "spawner", runners: rules });
  await spawner.start();
  for (const id of [stops, claimed]) await old.clock.until(async () => (await held(id))?.holder !== "external", 30_000);
  executor.end(executor.running()[0] ?? "");
  await old.reach(ends, "succeeded");
  await old.reach(stops, "cancelled");
  await old.clock.until(async () => (await held(claimed))?.holder !== "lease", 30_000);
  expect((await old.store.reads.attempts(claimed))[0]).toMatchObject({ outcome: "failed_node_lost", reason: "host_lost" });
  expect([executor.stopped.length, executor.launched]).toEqual([1, []]);
  await old.outcome(spawner.stop());
  await old.close();
});

test("it decides about no execution: that is for servers", async () => {
  const alone = await engineFixture({ kinds, role: "spawner", runners: rules, executors: [fakeExecutor()] });
  await alone.engine.start();
  const id = await alone.submit(group([step("a")]));
  await alone.clock.advance(30_000);
  expect(await alone.stateOf(id)).toBe("queued");
  await alone.close();
});
