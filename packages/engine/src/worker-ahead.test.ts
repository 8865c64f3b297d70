import { describe, expect, test } from "vitest";
import type { EngineFixture } from "./engine-fixture.ts";
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
});
