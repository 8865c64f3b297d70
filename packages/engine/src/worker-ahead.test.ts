import type { QueueSettings } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { settled, type EngineFixture } from "./engine-fixture.ts";
import { endOf, gate, working } from "./worker-fixture.ts";

describe("what is read ahead of the slots (W6)", () => {
  const many = async (fixture: EngineFixture, count: number): Promise<string[]> => {
    const ids: string[] = [];
    for (let i = 0; i < count; i++) ids.push(await fixture.submit());
    return ids;
  };
  const claimedOf = async ({ store }: EngineFixture): Promise<number> =>
    (await store.jobs.live({ executor: "handler", states: ["running"] }, 1_000)).length;

  test("is nothing while handlers are slow", async () => {
    const { handler, open } = gate();
    const fixture = await working(handler, { concurrency: 2 });
    const ids = await many(fixture, 10);
    await fixture.reach(ids[1] as string, "running");
    await fixture.clock.advance(2_000);
    expect(await claimedOf(fixture)).toBe(2);
    open();
  });

  test("is given back by a worker that stops, and by one whose handlers have become slow", async () => {
    const gated = gate();
    let slow = false;
    const fixture = await working((context) => (slow ? gated.handler(context) : null), { concurrency: 2 });
    for (const id of await many(fixture, 50)) await endOf(fixture, id);
    slow = true;
    const ids = await many(fixture, 30);
    await fixture.reach(ids[1] as string, "running");
    await fixture.clock.advance(3_000);
    expect(await claimedOf(fixture)).toBe(2);
    expect((await fixture.engine.jobs.get(ids[29] as string)).live).toMatchObject({ state: "queued", attempt: 0 });
    const stopped = fixture.worker.stop();
    gated.open();
    await fixture.outcome(stopped);
    expect(await claimedOf(fixture)).toBe(0);
    expect(gated.calls).toHaveLength(2);
  });

  test.each<{ readonly held: Partial<QueueSettings>; readonly starts: number }>([
    { held: { paused: true }, starts: 0 },
    { held: { concurrencyLimit: 1 }, starts: 1 },
    { held: { rateLimit: { limit: 1, perSeconds: 60 } }, starts: 1 },
  ])("is given back when its queue is held: behind $held $starts starts", async ({ held, starts }) => {
    const gated = gate();
    let [calls, slow] = [0, true];
    const fixture = await working((context) => (slow && ++calls > 200 ? gated.handler(context) : null), { concurrency: 2 });
    const { engine, store } = fixture;
    await engine.jobs.submitMany(
      Array.from({ length: 400 }, () => ({ kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler" })),
    );
    await expect.poll(() => gated.calls.length).toBe(2);
    expect(await claimedOf(fixture)).toBeGreaterThan(2);
    await engine.queues.set("default", held);
    gated.open();
    await expect.poll(async () => [await claimedOf(fixture), gated.calls.length]).toEqual([starts, 2 + starts]);
    const waiting = await store.jobs.live({ states: ["queued"] }, 1_000);
    expect(waiting.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 198 - starts }, () => 0));
    slow = false;
    gated.open();
    await engine.queues.set("default", { paused: false, concurrencyLimit: null, rateLimit: null });
    await expect.poll(() => store.jobs.live({}, 1)).toEqual([]);
  });

  test("is half of the places of a limit at most: another worker has places for its slots at once, and a lower limit has it given back", async () => {
    const gated = gate();
    let calls = 0;
    const fixture = await working((context) => (++calls > 200 ? gated.handler(context) : null), { concurrency: 2 });
    const { engine } = fixture;
    await engine.queues.set("default", { concurrencyLimit: 40 });
    await engine.jobs.submitMany(
      Array.from({ length: 400 }, () => ({ kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler" })),
    );
    await expect.poll(() => gated.calls.length).toBe(2);
    const held = await claimedOf(fixture);
    expect(held).toBeGreaterThan(2);
    expect(held).toBeLessThanOrEqual(20);
    const other = engine.worker({ handlers: { greet: gated.handler }, concurrency: 20 });
    await other.start();
    await expect.poll(() => gated.calls.length).toBe(22);
    expect(await claimedOf(fixture)).toBeLessThanOrEqual(40);
    await engine.queues.set("default", { concurrencyLimit: 3 });
    await expect.poll(() => claimedOf(fixture)).toBe(22);
    const stopped = other.stop();
    gated.open();
    await fixture.outcome(stopped);
    await expect.poll(async () => [gated.calls.length, await claimedOf(fixture)]).toEqual([24, 2]);
    gated.open();
  });

  test("holds up no other tenant's job once handlers have become slow: it is given back, and the turns are as they stand", async () => {
    const gated = gate();
    let calls = 0;
    const fixture = await working((context) => (++calls > 200 ? gated.handler(context) : null), { concurrency: 2 });
    await fixture.engine.jobs.submitMany(
      Array.from({ length: 400 }, () => ({
        kind: "task",
        name: "greet",
        spec: { handler: "greet" },
        executor: "handler",
        fairnessKey: "many",
      })),
    );
    await expect.poll(() => gated.calls.length).toBe(2);
    expect(await claimedOf(fixture)).toBeGreaterThan(2);
    const single = await fixture.submit({ fairnessKey: "one" });
    await fixture.clock.advance(3_000);
    gated.open();
    await expect.poll(() => gated.calls.length).toBe(4);
    expect(gated.calls.slice(2).map(({ jobId }) => jobId)).toContain(single);
    gated.open();
  });
});

test("while large results wait to be stored nothing more begins, and goes on when they are", async () => {
  const stored = Promise.withResolvers<void>();
  let begun = 0;
  const fixture = await working(
    () => {
      begun++;
      return "x".repeat(1_000_000);
    },
    {
      concurrency: 10,
      wrap: (store) => ({
        ...store,
        jobs: {
          ...store.jobs,
          async commit(changes, now) {
            if (changes.some(({ type }) => type === "settle")) await stored.promise;
            return store.jobs.commit(changes, now);
          },
        },
      }),
    },
  );
  const ids: string[] = [];
  for (let i = 0; i < 90; i++) ids.push(await fixture.submit());
  await expect.poll(() => begun).toBeGreaterThanOrEqual(64);
  await settled();
  expect(begun).toBeLessThan(74);
  stored.resolve();
  for (const id of ids) expect(await endOf(fixture, id)).toMatchObject({ state: "succeeded" });
  expect(begun).toBe(90);
});
