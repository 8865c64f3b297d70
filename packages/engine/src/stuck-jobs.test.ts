import { outsideCluster } from "@windlass/testkit";
import { expect, test } from "vitest";
import { engineFixture } from "./engine-fixture.ts";

const MINUTE = 60_000;

test("what is gone from its place is told with the reason, and ended when that is asked for; what runs there is not touched", async () => {
  const cluster = outsideCluster();
  const { engine, clock, submit, stateOf, close } = await engineFixture({ executors: [cluster.executor({})] });
  await engine.start();
  const names = new Map<string, string>();
  for (const name of ["gone", "runs"]) {
    const id = await submit({ executor: "kubernetes", name, spec: { image: "none" } });
    await clock.until(async () => (await engine.jobs.get(id)).live?.holder === "external", 20_000);
    names.set(id, (await engine.jobs.get(id)).live?.externalName ?? "");
  }
  const [gone = "", runs = ""] = names.keys();
  cluster.remove(names.get(gone) ?? "");
  await clock.advance(2 * MINUTE);
  const cleaning = { workspace: "default", olderThanMs: MINUTE, dryRun: true, limit: 10 };
  const preview = await engine.cleanStuck(cleaning);
  expect(preview.jobs.map(({ live, why, cleaned }) => [live.id, why, cleaned])).toEqual([
    [gone, `nothing called ${names.get(gone)} is there any more`, false],
  ]);
  expect(await stateOf(gone)).toBe("running");
  for (const none of [{ workspace: "other" }, { olderThanMs: 60 * MINUTE }, { ids: [runs] }])
    expect((await engine.cleanStuck({ ...cleaning, ...none, dryRun: false })).jobs).toEqual([]);
  expect((await engine.cleanStuck({ ...cleaning, dryRun: false })).jobs).toMatchObject([{ live: { id: gone }, cleaned: true }]);
  expect((await engine.jobs.get(gone)).final).toMatchObject({ state: "failed", reason: "vanished_unobserved" });
  expect(await stateOf(runs)).toBe("running");
  expect((await engine.cleanStuck({ ...cleaning, dryRun: false })).jobs).toEqual([]);
  await close();
});

test("what cannot be looked at is left alone, and hides nothing else", async () => {
  const cluster = outsideCluster();
  const sees = cluster.executor({});
  let isAway = false;
  const blind = { ...sees, list: async () => (isAway ? Promise.reject(new Error("the cluster is away")) : sees.list()) };
  const { engine, clock, submit, stateOf, close } = await engineFixture({ executors: [blind] });
  await engine.start();
  const id = await submit({ executor: "kubernetes", name: "runs", spec: { image: "none" } });
  await clock.until(async () => (await engine.jobs.get(id)).live?.holder === "external", 20_000);
  isAway = true;
  await clock.advance(2 * MINUTE);
  const cleaned = await engine.cleanStuck({ workspace: "default", olderThanMs: MINUTE, dryRun: false, limit: 10 });
  expect(cleaned).toEqual({ jobs: [], unseen: 1 });
  expect(await stateOf(id)).toBe("running");
  await close();
});
