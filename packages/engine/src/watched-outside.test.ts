/** Places whose ends are told over the API: what happens when nobody tells them. */
import { CLOSING_KEY } from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { outsideCluster, type OutsideCluster } from "@windlass/testkit";
import { expect, test, vi } from "vitest";
import { engineFixture, group, type EngineFixture } from "./engine-fixture.ts";

/** Minutes of the fake clock are many rounds of every service: on a busy machine they take a while. */
vi.setConfig({ testTimeout: 60_000 });

interface Site extends EngineFixture {
  readonly cluster: OutsideCluster;
  /** Its one job, once it runs outside; and the name that it has there. */
  readonly parked: (more?: { readonly timeoutMs?: number }) => Promise<readonly [string, string]>;
}

async function site(options: { readonly runningMax?: number } = {}): Promise<Site> {
  const cluster = outsideCluster();
  const fixture = await engineFixture({ executors: [cluster.executor(options)] });
  await fixture.engine.start();
  return {
    ...fixture,
    cluster,
    async parked(more = {}) {
      const id = await fixture.submit({ executor: "kubernetes", name: "extract", spec: { image: "none" }, ...more });
      await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.holder === "external", 20_000);
      return [id, (await fixture.engine.jobs.get(id)).live?.externalName ?? ""];
    },
  };
}

test("an end that nobody tells is left alone for minutes, then looked at and stored as it is seen there", async () => {
  const { cluster, parked, clock, stateOf, engine, close } = await site();
  const [id, name] = await parked();
  cluster.end(name, { outcome: "failed", reason: "exit_code", message: "exit 3", exitCode: 3 });
  await clock.advance(9 * 60_000);
  expect(await stateOf(id)).toBe("running");
  await clock.advance(2 * 60_000);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "failed", reason: "exit_code", exitCode: 3 });
  // Nothing of it is kept there: in a cluster, it would be listed until its time is over.
  await clock.advance(10_000);
  expect(cluster.jobs.has(name)).toBe(false);
  await close();
});

test("what is read there for want of somebody who tells is masked like all that is stored", async () => {
  const cluster = outsideCluster();
  const masks = () => ({ secrets: ["hunter2"], patterns: [] });
  const { engine, clock, store, submit, close } = await engineFixture({ executors: [cluster.executor()], masks });
  await engine.start();
  const id = await submit({ executor: "kubernetes", name: "extract", spec: { image: "none" } });
  const name = await cluster.appeared(() => true);
  cluster.end(name, {
    outcome: "failed",
    reason: "exit_code",
    message: "no hunter2",
    exitCode: 3,
    evidence: { logTail: ["hunter2 is wrong"] },
  });
  await clock.advance(11 * 60_000);
  const { final } = await engine.jobs.get(id);
  expect(final).toMatchObject({ reason: "exit_code", message: "no ***" });
  expect(JSON.stringify((await store.reads.attempts(id)).at(-1))).not.toContain("hunter2");
  await close();
});

test("what is gone there and nobody tells of is no longer parked after minutes; nothing is guessed", async () => {
  const { cluster, parked, clock, stateOf, engine, close } = await site();
  const [id, name] = await parked();
  cluster.remove(name);
  await clock.advance(9 * 60_000);
  expect(await stateOf(id)).toBe("running");
  await clock.advance(2 * 60_000);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "failed", reason: "vanished_unobserved" });
  await close();
});

test("what never begins is looked at though it is there, when nobody tells of it; it is settled, and removed", async () => {
  const { cluster, parked, clock, stateOf, engine, close } = await site();
  const [id, name] = await parked();
  cluster.neverBegins(name, null);
  await clock.advance(5 * 60_000);
  expect(await stateOf(id)).toBe("running");
  cluster.neverBegins(name, { outcome: "failed_image_pull", reason: "image_not_found", message: "no such image" });
  await clock.advance(3 * 60_000);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "failed_image_pull", reason: "image_not_found" });
  await clock.advance(10_000);
  expect(cluster.stopped).toEqual([name]);
  await close();
});

test("what does not begin is left to whoever has told of it, for as long as an end is", async () => {
  const { cluster, parked, clock, stateOf, engine, close } = await site();
  const [id, name] = await parked();
  const told = {
    attempt: 1,
    state: "pending",
    name,
    ref: null,
    exitCode: null,
    reason: "Unschedulable",
    message: "no node",
    evidence: {},
  } as const;
  await engine.callbacks.ofJob(id, told);
  cluster.neverBegins(name, { outcome: "failed_config", reason: "unschedulable", message: "no node" });
  await clock.advance(9 * 60_000);
  expect(await stateOf(id)).toBe("running");
  await clock.advance(2 * 60_000);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "failed_config", reason: "unschedulable" });
  await close();
});

test("what we stopped is not waited for that long", async () => {
  const { parked, clock, engine, close } = await site();
  const [id] = await parked();
  await engine.jobs.cancel(id, { by: "ann" });
  await clock.advance(20_000);
  expect((await engine.jobs.get(id)).state).toBe("stopping");
  await clock.advance(40_000);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "cancelled", reason: "cancel_requested" });
  await close();
});

test("a step that takes too long is stopped by us, though whoever watches is silent", async () => {
  const { parked, clock, cluster, engine, close } = await site();
  const [id, name] = await parked({ timeoutMs: 60_000 });
  await clock.advance(180_000);
  expect(cluster.stopped).toEqual([name]);
  expect((await engine.jobs.get(id)).final).toMatchObject({ outcome: "failed_timeout" });
  await close();
});

test("an end that is told frees the slot at once", async () => {
  const { cluster, parked, submit, clock, engine, close } = await site({ runningMax: 1 });
  const [id, name] = await parked();
  await submit({ executor: "kubernetes", name: "next", spec: { image: "none" } });
  await clock.advance(2_000);
  expect(cluster.made).toHaveLength(1);
  const told = { attempt: 1, state: "succeeded", name, ref: null, exitCode: 0, reason: null, message: null, evidence: {} } as const;
  expect(await engine.callbacks.ofJob(id, told)).toMatchObject({ status: "accepted_in_flight" });
  await clock.advance(100);
  expect(cluster.made).toHaveLength(2);
  await close();
});

test("what goes on in a cluster is not lost with the servers that started it", async () => {
  const { parked, clock, store, stateOf, close } = await site();
  const [id] = await parked();
  const launchers = (await store.sessions.list()).filter(({ role }) => role === "launcher");
  for (const session of launchers) await store.sessions.close(session.id);
  // A launcher that died long ago, and nobody who serves its place any more.
  const dead = {
    id: "ses_dead",
    role: "launcher",
    place: "cluster-1",
    serves: [],
    startedAt: 0,
    expiresAt: clock.now() - 600_000,
  } as const;
  await store.sessions.open(dead);
  await clock.advance(3_000);
  expect(await stateOf(id)).toBe("running");
  await close();
});

test("a step that runs at the end of an execution is told of like any other", async () => {
  const { cluster, submit, clock, engine, reach, close } = await site();
  const clean = { key: "clean", kind: "step", name: "clean", spec: { image: "none" }, executor: "kubernetes" } as const;
  const closing = { key: CLOSING_KEY, kind: "workflow", name: "finally", spec: { children: [clean] }, executor: "none" } as const;
  const execution = await submit(group([closing]));
  await clock.until(() => cluster.made.length === 1, 20_000);
  const told = {
    attempt: null,
    state: "succeeded",
    name: cluster.made[0] ?? "",
    ref: null,
    exitCode: 0,
    reason: null,
    message: null,
  } as const;
  const of = (step: string) => engine.callbacks.ofStep({ executionId: execution, step, iteration: null }, { ...told, evidence: {} });
  expect(await of("none")).toEqual({ status: "accepted_stale", reason: "unknown_step" });
  expect(await of("clean")).toMatchObject({ status: "accepted_in_flight" });
  await reach(execution, "succeeded");
  await close();
});

test("a place where nothing is to be done is listed now and then, however often the store is looked at", async () => {
  const cluster = outsideCluster();
  const executor = cluster.executor();
  let lists = 0;
  const counting = { ...executor, list: () => (lists++, executor.list()) };
  const { engine, clock, submit, close } = await engineFixture({ executors: [counting] });
  await engine.start();
  const id = await submit({ executor: "kubernetes", name: "extract", spec: { image: "none" } });
  await clock.until(async () => (await engine.jobs.get(id)).live?.holder === "external", 20_000);
  await clock.advance(30_000);
  const before = lists;
  await clock.advance(300_000);
  expect(lists - before).toBeGreaterThanOrEqual(8);
  expect(lists - before).toBeLessThanOrEqual(10);
  const strange = { ...[...cluster.jobs.values()][0]?.request, name: "strange", jobId: "job_none" } as LaunchRequest;
  await executor.launch({ ...strange, record: async () => {} });
  await clock.advance(36_000);
  expect(cluster.stopped).toEqual(["strange"]);
  await engine.jobs.cancel(id, { by: "ann" });
  await clock.advance(100);
  expect(cluster.stopped).toHaveLength(2);
  await close();
});
