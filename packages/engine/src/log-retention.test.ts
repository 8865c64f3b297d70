import { days } from "@windlass/kernel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { keepLimits } from "./log-retention.ts";

let fixture: EngineFixture;
beforeEach(async () => {
  fixture = await engineFixture();
  await fixture.engine.start();
});
afterEach(async () => {
  await fixture.outcome(fixture.engine.stop());
  await fixture.close();
});

const print = (id: string, bytes: number): Promise<void> =>
  fixture.logs.append({ jobId: id, attempt: 1 }, [{ stream: "stdout", at: fixture.clock.now(), data: new Uint8Array(bytes) }]);

async function ended(bytes: number): Promise<string> {
  const id = await fixture.submit({ queue: "nobody" });
  await print(id, bytes);
  await fixture.engine.jobs.cancel(id, { by: "ada" });
  await fixture.reach(id, "cancelled");
  await fixture.clock.advance(1_000);
  return id;
}

const removed = async (id: string): Promise<boolean> => (await fixture.logs.usage(id)).removed;
const keep = (limits: { readonly retentionDays?: number; readonly totalBytesMax?: number }) =>
  keepLimits(fixture.engine.context, { retentionDays: 0, totalBytesMax: 0, ...limits });

test("beyond the total, logs of what ended first go first, and none of what is alive", async () => {
  const alive = await fixture.submit({ queue: "nobody" });
  await print(alive, 500);
  const [first, second, third] = [await ended(100), await ended(100), await ended(100)];
  expect(await keep({ totalBytesMax: 800 })).toEqual({ early: 0, orphans: 0 });
  expect(await keep({ totalBytesMax: 650 })).toEqual({ early: 2, orphans: 0 });
  expect(await Promise.all([first, second, third, alive].map(removed))).toEqual([true, true, false, false]);
  expect(await keep({ totalBytesMax: 1 })).toMatchObject({ early: 1 });
  expect(await removed(alive)).toBe(false);
});

test("logs go by age, counted from the end of their job", async () => {
  const old = await ended(10);
  await fixture.clock.advance(20_000);
  const young = await ended(10);
  await keep({ retentionDays: 10_000 / days(1) });
  expect([await removed(old), await removed(young)]).toEqual([true, false]);
  expect(await fixture.stateOf(old)).toBe("cancelled");
});

test("jobs whose logs are too young to go are not asked about while the total is kept", async () => {
  const old = await ended(10);
  await fixture.clock.advance(20_000);
  await ended(10);
  const { context } = fixture.engine;
  const asked: string[] = [];
  const get = (id: string) => {
    asked.push(id);
    return context.store.reads.get(id);
  };
  const store = { ...context.store, reads: { ...context.store.reads, get } };
  await keepLimits({ ...context, store }, { retentionDays: 10_000 / days(1), totalBytesMax: 1_000 });
  expect(asked).toEqual([old]);
});

test("logs of jobs that are gone go after a day, also without limits", async () => {
  const kept = await ended(10);
  await print("job_gone", 10);
  expect(await keep({})).toEqual({ early: 0, orphans: 0 });
  await fixture.outcome(fixture.engine.stop());
  await fixture.clock.advance(days(1));
  expect(await keep({})).toEqual({ early: 0, orphans: 1 });
  expect(fixture.logs.text({ jobId: "job_gone", attempt: 1 })).toBe("");
  expect(await removed(kept)).toBe(false);
});
