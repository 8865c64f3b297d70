import { failureOutcomes, ms } from "@windlass/kernel";
import type { Session, Store } from "@windlass/ports";
import { describe, expect, test } from "vitest";
import { command, engineFixture, group, handled, type EngineFixture } from "./engine-fixture.ts";
import { reconciler } from "./reconciler.ts";

const LOST_AFTER_MS = 20_000;
const retry = { limit: 1, on: failureOutcomes, backoff: { initial: ms(60_000), factor: 1, max: ms(60_000), jitter: 0 } };

/** Only a reconciler runs; sessions and claims are made by hand. */
async function reconciling(wrap?: (store: Store) => Store) {
  const fixture = await engineFixture(wrap === undefined ? {} : { wrap });
  const service = reconciler(fixture.engine.context, { session: () => "ses_leader", hostLostAfterMs: LOST_AFTER_MS });
  const openSession = (id: string, more: Partial<Session> = {}) =>
    fixture.store.sessions.open({
      id,
      role: "worker",
      place: null,
      serves: [],
      startedAt: 0,
      expiresAt: fixture.clock.now() + 3_000,
      ...more,
    });
  const claim = async (session: string, place: string | null) =>
    fixture.store.jobs.claim({ executor: place === null ? "handler" : "process", session, place, limit: 1, now: fixture.clock.now() });
  const close = async (): Promise<void> => {
    await service.stop();
    await fixture.close();
  };
  return { ...fixture, service, openSession, claim, close };
}

const liveOf = async ({ engine }: Pick<EngineFixture, "engine">, id: string) => (await engine.jobs.get(id)).live;

describe("a worker that stopped reporting", () => {
  test("loses what it holds once its session has run out, and the session goes", async () => {
    const world = await reconciling();
    const id = await world.submit({ retry });
    await world.openSession("ses_dead");
    await world.claim("ses_dead", null);
    await world.service.start();
    await world.clock.advance(2_500);
    expect(await world.stateOf(id)).toBe("running");
    await world.clock.advance(2_500);
    expect(await liveOf(world, id)).toMatchObject({ state: "scheduled", dueReason: "back_off", session: null });
    expect(await world.store.reads.attempts(id)).toMatchObject([
      { outcome: "failed_node_lost", reason: "worker_lost", message: expect.stringContaining("ses_dead") as string },
    ]);
    expect(await world.store.sessions.list()).toEqual([]);
    await world.close();
  });
});

test("whether their runners live is read at once of all that are out of touch, and of no other sessions", async () => {
  const asked: number[] = [];
  const world = await reconciling((store) => ({
    ...store,
    jobs: { ...store.jobs, live: (filter, limit) => (filter.ids && asked.push(filter.ids.length), store.jobs.live(filter, limit)) },
  }));
  for (let n = 0; n < 3; n++) {
    await world.openSession(`ses_runner${n}`, { owner: `job_${n}/1` });
    await world.openSession(`ses_worker${n}`, { owner: `tok_${n}` });
    await world.openSession(`ses_nobody${n}`);
  }
  await world.service.start();
  await world.clock.advance(10_000);
  expect([asked, await world.store.sessions.list()]).toEqual([[3], []]);
  await world.close();
});

describe("work without an open session", () => {
  test("is lost, also when it was claimed by a worker whose loss was being dealt with", async () => {
    const world = await reconciling();
    const id = await world.submit({ retry });
    await world.openSession("ses_frozen");
    await world.claim("ses_frozen", null);
    await world.store.sessions.close("ses_frozen");
    await world.service.start();
    await world.clock.advance(1_500);
    expect(await liveOf(world, id)).toMatchObject({ state: "scheduled", dueReason: "back_off" });
    expect(await world.store.reads.attempts(id)).toMatchObject([{ outcome: "failed_node_lost", reason: "worker_lost" }]);
    await world.close();
  });

  test("cannot come to be while a lost session is being closed", async () => {
    let claimLate = async (): Promise<void> => {};
    const world = await reconciling((store) => ({
      ...store,
      sessions: { ...store.sessions, close: async (id) => (await claimLate(), store.sessions.close(id)) },
    }));
    await world.openSession("ses_frozen");
    const id = await world.submit({ retry });
    claimLate = async () => void (await world.claim("ses_frozen", null));
    await world.service.start();
    await world.clock.advance(5_500);
    expect(await liveOf(world, id)).toMatchObject({ state: "scheduled", session: null });
    await world.close();
  });
});

describe("a host that stopped reporting", () => {
  test("keeps what runs there for a grace, then it counts as lost", async () => {
    const world = await reconciling();
    const id = await world.submit({ ...command, retry });
    await world.openSession("ses_far", { role: "launcher", place: "host-9" });
    await world.claim("ses_far", "host-9");
    await world.service.start();
    await world.clock.advance(LOST_AFTER_MS);
    expect(await world.stateOf(id)).toBe("running");
    await world.clock.advance(6_000);
    expect(await liveOf(world, id)).toMatchObject({ state: "scheduled", attempt: 1 });
    expect(await world.store.reads.attempts(id)).toMatchObject([
      { outcome: "failed_node_lost", reason: "host_lost", message: expect.stringContaining("host-9") as string },
    ]);
    await world.close();
  });

  test("loses nothing when another launcher looks after the place", async () => {
    const world = await reconciling();
    const id = await world.submit({ ...command, retry });
    await world.openSession("ses_far", { role: "launcher", place: "host-9" });
    await world.claim("ses_far", "host-9");
    await world.openSession("ses_next", { role: "launcher", place: "host-9", expiresAt: Number.MAX_SAFE_INTEGER });
    await world.service.start();
    await world.clock.advance(2 * LOST_AFTER_MS);
    expect(await world.stateOf(id)).toBe("running");
    expect((await world.store.sessions.list()).map(({ id }) => id)).toEqual(["ses_next"]);
    await world.close();
  });
});

test("children of a parent that is stopping end, also when whoever was to end them has died", async () => {
  const world = await reconciling();
  await world.engine.start();
  const id = await world.submit(group([handled("later", { queue: "nobody" })]));
  await world.clock.until(async () => (await liveOf(world, id))?.openChildren === 1, 5_000);
  await world.outcome(world.engine.stop());
  await world.engine.jobs.cancel(id, { by: "ada" });
  await world.clock.advance(5_000);
  expect((await liveOf(world, id))?.openChildren).toBe(1);
  await world.service.start();
  await world.clock.advance(2_000);
  expect(await liveOf(world, id)).toMatchObject({ state: "stopping", openChildren: 0 });
  await world.close();
});

test("a session that runs out in a quiet time is found at once", async () => {
  const world = await reconciling();
  await world.service.start();
  await world.clock.advance(21_000);
  await world.openSession("ses_dead", { expiresAt: world.clock.now() + 7_300 });
  await world.clock.advance(7_300);
  expect(await world.store.sessions.list()).toMatchObject([{ id: "ses_dead" }]);
  await world.clock.advance(10);
  expect(await world.store.sessions.list()).toEqual([]);
  await world.close();
});

test("blocked jobs whose key has room are looked for in each round, and only by the one who leads", async () => {
  let unblocked = 0;
  const world = await reconciling((store) => ({
    ...store,
    jobs: { ...store.jobs, unblock: (now) => (unblocked++, store.jobs.unblock(now)) },
  }));
  await world.service.start();
  await world.clock.advance(1_500);
  expect(unblocked).toBe(2);
  const second = reconciler(world.engine.context, { session: () => "ses_second", hostLostAfterMs: LOST_AFTER_MS });
  await second.start();
  await world.clock.advance(3_000);
  expect(unblocked).toBe(5);
  await second.stop();
  await world.close();
});

describe("a process that does not lead", () => {
  test("goes on asking the store what time it is", async () => {
    let asked = 0;
    const world = await reconciling((store) => ({ ...store, timeOffset: async () => ++asked * 1_000 }));
    await world.store.sessions.lead("reconciler", "ses_other", world.clock.now(), world.clock.now() + 1_000_000);
    await world.service.start();
    await world.clock.advance(5_000);
    expect(asked).toBeGreaterThan(3);
    expect(world.engine.context.now() - world.clock.now()).toBe(asked * 1_000);
    await world.close();
  });
});
