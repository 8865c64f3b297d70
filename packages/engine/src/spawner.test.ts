/** An engine in the role of a spawner, beside the engine of a server on the same store. */
import { runnerKeyOf } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
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

test("it decides about no execution: that is for servers", async () => {
  const alone = await engineFixture({ kinds, role: "spawner", runners: rules, executors: [fakeExecutor()] });
  await alone.engine.start();
  const id = await alone.submit(group([step("a")]));
  await alone.clock.advance(30_000);
  expect(await alone.stateOf(id)).toBe("queued");
  await alone.close();
});
