import { expect, test } from "vitest";
import { tallyOf, type Tally } from "@windlass/kernel";
import { engineFixture } from "./engine-fixture.ts";
import { figures, OTHER_QUEUES, QUEUES_MAX } from "./figures.ts";

test("queues beyond the bound share figures, and none loses its own", () => {
  const counted = figures();
  for (let i = 0; i < QUEUES_MAX + 5; i++) counted.addTally(submittedIn(`q${i}`));
  counted.addTally(submittedIn("q0"));
  expect(counted.queues.size).toBe(QUEUES_MAX + 1);
  expect(counted.queues.get(OTHER_QUEUES)?.submitted).toBe(5);
  expect(counted.queues.get("q0")?.submitted).toBe(2);
  expect(counted.labelOf(`q${QUEUES_MAX}`)).toBe(OTHER_QUEUES);
  const isolated = figures();
  expect(["execution/job_1", "execution/job_2", "blue:execution/job_3"].map((key) => isolated.labelOf(key))).toEqual([
    "execution",
    "execution",
    "blue:execution",
  ]);
});

test("an engine counts what it does, and times the store's calls; answers and failures stay what they are", async () => {
  let broken = false;
  const fixture = await engineFixture({
    wrap: (store) => ({
      ...store,
      queues: { ...store.queues, list: async () => (broken ? Promise.reject(new Error("gone")) : store.queues.list()) },
    }),
  });
  const { engine, submit, reach } = fixture;
  const { figures: counted, store } = engine.context;
  await fixture.outcome(engine.start());
  const worker = engine.worker({ handlers: { greet: () => "hello" } });
  await fixture.outcome(worker.start());
  await reach(await submit(), "succeeded");
  expect(counted.queues.get("default")).toMatchObject({ submitted: 1, started: 1, retried: 0, finished: { succeeded: 1 } });
  expect(sum(counted.calls.get("jobs.commit")?.counts)).toBeGreaterThan(0);
  expect(sum(counted.commits.counts)).toBe(sum(counted.calls.get("jobs.commit")?.counts));
  expect(await store.queues.list()).toEqual([]);
  broken = true;
  await expect(store.queues.list()).rejects.toThrow("gone");
  expect(Object.fromEntries(counted.callsFailed)).toEqual({ "queues.list": 1 });
  expect([...counted.slots]).toMatchObject([{ running: 0, concurrency: 10 }]);
  await fixture.outcome(worker.stop());
  expect(counted.slots.size).toBe(0);
  await fixture.close();
});

function submittedIn(queue: string): Tally {
  const tally: Tally = new Map();
  tallyOf(tally, queue).submitted++;
  return tally;
}

function sum(counts: readonly number[] = []): number {
  return counts.reduce((a, b) => a + b, 0);
}
