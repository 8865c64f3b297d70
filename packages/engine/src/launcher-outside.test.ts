/** Launches where making and beginning are two steps, as on a cluster. */
import { WindlassError } from "@windlass/kernel";
import { expect, test } from "vitest";
import type { Executor } from "@windlass/ports";
import { outsideCluster } from "@windlass/testkit";
import { quietLogger } from "@windlass/testkit/fakes";
import { engine } from "./engine.ts";
import { localBus } from "./local-bus.ts";
import { done, engineFixture, group, groupKind, settled } from "./engine-fixture.ts";

const TASK = { kind: "task", validate: () => [] } as const;
const onCluster = { executor: "kubernetes", name: "build", spec: { image: "x" } } as const;

test("the reference of what was made is stored before it begins", async () => {
  const cluster = outsideCluster();
  const fixture = await engineFixture({ executors: [cluster.executor()] });
  const open = cluster.hold();
  await fixture.engine.start();
  const id = await fixture.submit(onCluster);
  const name = await cluster.appeared(() => true);
  expect((await fixture.engine.jobs.get(id)).live).toMatchObject({
    phase: "launching",
    holder: "lease",
    externalRef: cluster.jobs.get(name)?.uid,
  });
  open();
  await settled();
  cluster.end(name, done);
  await fixture.close();
});

test("what is launched says of which execution it is, also when a loop is between the two", async () => {
  const cluster = outsideCluster();
  const fixture = await engineFixture({ executors: [cluster.executor()], kinds: [groupKind, { ...groupKind, kind: "step" }] });
  await fixture.engine.start();
  const leaf = { kind: "step", spec: {}, executor: "kubernetes" } as const;
  const item = { ...leaf, key: "load[0]", name: "load[0]" };
  const loop = { key: "load", name: "load", kind: "step", executor: "none", spec: group([item]).spec ?? {} } as const;
  const plain = { ...leaf, key: "extract", name: "extract" };
  const inner = { key: "inner", name: "inner", kind: "workflow", executor: "none", spec: group([loop, plain]).spec ?? {} } as const;
  const outer = await fixture.submit(group([inner, loop, plain]));
  await fixture.clock.until(() => cluster.made.length === 4, 5_000);
  const below = (await fixture.store.reads.child(outer, "inner"))?.record.id;
  const told = [...cluster.jobs.values()].map(({ request: { about } }) => `${about?.name} of ${about?.executionId}`);
  expect(told.toSorted()).toEqual([`extract of ${below}`, `extract of ${outer}`, `load[0] of ${below}`, `load[0] of ${outer}`].toSorted());
  await fixture.close();
});

test("what a launcher that was frozen made again never begins, and is removed", async () => {
  const cluster = outsideCluster();
  const fixture = await engineFixture({ executors: [cluster.executor()] });
  await fixture.engine.start();
  const id = await fixture.submit(onCluster);
  const name = await cluster.appeared(() => true);
  await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.holder === "external", 5_000);
  const { request } = cluster.jobs.get(name) ?? {};
  if (request === undefined) throw new Error("it was not launched");
  cluster.remove(name);
  // The order that was under way is carried out at last, with the token of then.
  await expect(cluster.executor().launch(request)).rejects.toMatchObject({ code: "conflict" });
  expect(cluster.made).toEqual([name]);
  await fixture.clock.until(() => cluster.stopped.includes(name), 60_000);
  expect(cluster.jobs.has(name)).toBe(false);
  await fixture.close();
});

test("a place that is out of reach keeps no server from starting, and loses nothing", async () => {
  const cluster = outsideCluster();
  let isUp = false;
  const executor = cluster.executor();
  const list = async () => {
    if (!isUp) throw new WindlassError("unavailable", "the cluster does not answer");
    return executor.list();
  };
  const fixture = await engineFixture({ executors: [{ ...executor, list }] });
  await fixture.engine.start();
  const id = await fixture.submit(onCluster);
  const name = await cluster.appeared(() => true);
  await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.holder === "external", 5_000);
  await fixture.clock.advance(60_000);
  isUp = true;
  await fixture.clock.advance(10_000);
  expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ state: "running", externalRef: cluster.jobs.get(name)?.uid });
  await fixture.close();
});

test("a launch that waits for a quota says so, and explain tells it", async () => {
  const cluster = outsideCluster();
  const executor = cluster.executor();
  const fixture = await engineFixture({
    executors: [
      {
        ...executor,
        launch: async (request) => {
          request.observe?.({ reason: "quota_exceeded", message: "exceeded quota: count/jobs.batch" });
          return await new Promise<never>(() => {});
        },
      },
    ],
  });
  await fixture.engine.start();
  const id = await fixture.submit(onCluster);
  await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).live?.observed !== null, 5_000);
  expect((await fixture.engine.explain(id)).causes).toMatchObject([
    { reason: "quota_exceeded", message: expect.stringContaining("count/jobs.batch") as string },
  ]);
});

test("a launch that was left waiting keeps no server from starting, and is taken up by it", async () => {
  const cluster = outsideCluster();
  const executor = cluster.executor();
  const launched: string[] = [];
  const waiting: Executor = {
    ...executor,
    launch: (request) => {
      launched.push(request.name);
      return new Promise<never>(() => {});
    },
  };
  const fixture = await engineFixture({ executors: [waiting] });
  const id = await fixture.submit(onCluster);
  await fixture.store.sessions.open({ id: "ses_dead", role: "launcher", place: executor.place, serves: [], startedAt: 0, expiresAt: 1 });
  const { place } = executor;
  const { jobs } = await fixture.store.jobs.claim({
    executor: "kubernetes",
    session: "ses_dead",
    place,
    limit: 1,
    now: fixture.clock.now(),
  });
  await fixture.outcome(fixture.engine.start());
  await settled();
  expect(launched).toEqual([jobs[0]?.live.externalName]);
  expect((await fixture.engine.jobs.get(id)).live?.token).toBe((jobs[0]?.live.token ?? 0) + 1);
});

test("what a launcher that died had recorded, and is gone since, is not made again, and nobody guesses", async () => {
  const cluster = outsideCluster();
  const executor = cluster.executor();
  const fixture = await engineFixture({ executors: [executor] });
  const id = await fixture.submit(onCluster);
  await fixture.store.sessions.open({ id: "ses_dead", role: "launcher", place: executor.place, serves: [], startedAt: 0, expiresAt: 1 });
  const claim = { executor: "kubernetes", session: "ses_dead", place: executor.place, limit: 1, now: fixture.clock.now() } as const;
  const [claimed] = (await fixture.store.jobs.claim(claim)).jobs;
  const made = { type: "made", id, token: claimed?.live.token ?? 0, ref: "uid-of-then" } as const;
  expect(await fixture.store.jobs.commit([made], fixture.clock.now())).toMatchObject({ results: [{ ok: true }] });
  await fixture.outcome(fixture.engine.start());
  await settled();
  expect((await fixture.engine.jobs.get(id)).final).toMatchObject({ outcome: "failed", reason: "vanished_unobserved" });
  expect(cluster.made).toEqual([]);
  await fixture.close();
});

test("what was recorded and is removed while its launch is tried again has vanished: it may have run", async () => {
  const cluster = outsideCluster();
  let uids = 0;
  const launch: Executor["launch"] = async (request) => {
    await request.record?.(`uid-${++uids}`);
    throw new WindlassError("unavailable", "no answer");
  };
  const fixture = await engineFixture({ executors: [{ ...cluster.executor(), launch }] });
  await fixture.engine.start();
  const id = await fixture.submit(onCluster);
  await fixture.clock.until(async () => (await fixture.engine.jobs.get(id)).final !== null, 60_000);
  expect((await fixture.engine.jobs.get(id)).final).toMatchObject({ outcome: "failed", reason: "vanished_unobserved" });
  expect(uids).toBe(2);
  await fixture.close();
});

test("what another server is launching is left to it while it lives, and taken up once it has left", async () => {
  const cluster = outsideCluster();
  const first = await engineFixture({ executors: [cluster.executor()] });
  const open = cluster.hold();
  await first.engine.start();
  const id = await first.submit(onCluster);
  await cluster.appeared(() => true);
  const { token } = (await first.engine.jobs.get(id)).live ?? {};
  const { store, clock, random, logs } = first;
  const shared = { store, clock, random, logs, bus: localBus(), logger: quietLogger(), sha256: (text: string) => text, kinds: [TASK] };
  const second = engine({ ...shared, executors: [cluster.executor()] });
  await first.outcome(second.start());
  await clock.advance(12_000);
  expect((await first.engine.jobs.get(id)).live).toMatchObject({ token, holder: "lease" });
  open();
  await first.outcome(first.engine.stop());
  await clock.until(async () => (await second.jobs.get(id)).live?.holder === "external", 60_000);
  expect(cluster.made).toHaveLength(1);
  await first.outcome(second.stop());
  await store.close();
});
