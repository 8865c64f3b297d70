import { expect, test } from "vitest";
import { ms, unsetQueue, type LiveJob } from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest } from "@windlass/ports";
import { fakeClock, quietLogger, seededRandom } from "@windlass/testkit";
import { claimLoop, giveBack, type Carrier } from "./claims.ts";
import type { EngineContext } from "./context.ts";
import { settled, type EngineFixture } from "./engine-fixture.ts";
import { localBus } from "./local-bus.ts";
import { endOf, gate, working } from "./worker-fixture.ts";

test.each([
  { inOrder: true, leaves: false, early: true },
  { inOrder: true, leaves: true, early: true },
  { inOrder: false, leaves: false, early: true },
  { inOrder: false, leaves: true, early: false },
])(
  "a worker with room asks for a job while that is submitted: $early, where the store keeps calls in order: $inOrder, and something may be left: $leaves",
  async ({ inOrder, leaves, early }) => {
    const asked: string[] = [];
    const { calls, handler, open } = gate();
    const fixture = await working(handler, {
      concurrency: 1,
      wrap: (store) => ({
        ...store,
        inOrder,
        jobs: {
          ...store.jobs,
          async commit(changes, now) {
            const isSubmit = changes.some(({ type }) => type === "submit");
            if (isSubmit) asked.push("submit");
            const committed = await store.jobs.commit(changes, now);
            // As from a disk, the answer comes in a later turn.
            await new Promise(setImmediate);
            if (isSubmit) asked.push("stored");
            return committed;
          },
          async claim(request) {
            asked.push("claim");
            const claimed = await store.jobs.claim(request);
            return leaves ? { ...claimed, nothingLeft: false } : claimed;
          },
        },
      }),
    });
    await settled();
    asked.length = 0;
    const first = await fixture.submit();
    await expect.poll(() => calls.length).toBe(1);
    expect(asked.slice(0, 3)).toEqual(early ? ["submit", "claim", "stored"] : ["submit", "stored", "claim"]);
    // Without room nobody is asked.
    asked.length = 0;
    const second = await fixture.submit();
    expect(asked).toEqual(["submit", "stored"]);
    open();
    await endOf(fixture, first);
    await expect.poll(() => calls.length).toBe(2);
    open();
    await endOf(fixture, second);
  },
);

test("the end of a handler asks for no other job where nothing was left", async () => {
  let claims = 0;
  const { calls, handler, open } = gate();
  const fixture = await working(handler, {
    concurrency: 2,
    wrap: (store) => ({
      ...store,
      jobs: {
        ...store.jobs,
        claim(request) {
          claims++;
          return store.jobs.claim(request);
        },
      },
    }),
  });
  const first = await fixture.submit();
  await expect.poll(() => calls.length).toBe(1);
  await settled();
  claims = 0;
  open();
  await endOf(fixture, first);
  await settled();
  expect(claims).toBe(0);
  const second = await fixture.submit();
  await expect.poll(() => calls.length).toBe(2);
  open();
  await endOf(fixture, second);
});

test("a claim whose reply was lost is given back, also of a job whose earlier attempt still runs here", async () => {
  let loses = false;
  const fixture: EngineFixture = await working(
    async (context) => {
      if (context.attempt > 1) return "again";
      loses = true;
      await fixture.engine.jobs.complete(await context.completionToken(), { failed: "refused" });
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
      return "late";
    },
    {
      wrap: (store) => ({
        ...store,
        jobs: {
          ...store.jobs,
          async claim(request) {
            const claimed = await store.jobs.claim(request);
            if (request.executor !== "handler" || claimed.jobs.length === 0 || !loses) return claimed;
            loses = false;
            throw new Error("the reply was lost");
          },
        },
      }),
    },
  );
  const backoff = { initial: ms(100), factor: 1, max: ms(100), jitter: 0 };
  const id = await fixture.submit({ retry: { limit: 1, on: ["failed"], backoff } });
  expect((await endOf(fixture, id)).final).toMatchObject({ state: "succeeded", output: "again", attempts: 2 });
  expect((await fixture.store.reads.events(id, 0, 100)).map(({ type }) => type)).toContain("job.released");
});

/** A loop of which each claim is answered by the test. */
function claimsOn(ahead = 1_200, queues: readonly string[] | null = ["default"]) {
  const asked: { readonly request: ClaimRequest; readonly answer: PromiseWithResolvers<Claimed> }[] = [];
  const taken: string[] = [];
  /** Ids of what the session holds and the carrier does not know of. */
  let held: string[] = [];
  const commits: (readonly string[])[] = [];
  let failing = false;
  const surplus: string[] = [];
  const clock = fakeClock();
  const bus = localBus();
  let isPaused: Promise<boolean> = Promise.resolve(false);
  const recalled: string[] = [];
  let room = { limit: 10, ahead };
  const queueNamed = async (name: string) => ({ ...unsetQueue(name), paused: await isPaused });
  const context = {
    store: {
      queues: { get: queueNamed, list: async () => [await queueNamed("default"), unsetQueue("other")] },
      jobs: {
        live: (_: unknown, limit: number) => Promise.resolve(held.slice(0, limit).map((id) => ({ id }))),
        claim(request: ClaimRequest) {
          const answer = Promise.withResolvers<Claimed>();
          asked.push({ request, answer });
          return answer.promise;
        },
      },
    },
    clock,
    commit(changes: readonly { readonly id: string }[]) {
      const ids = changes.map(({ id }) => id);
      commits.push(ids);
      if (failing) return Promise.reject(new Error("the disk is full"));
      held = held.filter((id) => !ids.includes(id));
      return Promise.resolve(changes.map((change) => ({ ok: true, id: change.id })));
    },
    random: seededRandom(1),
    logger: quietLogger(),
    pace: { rest: (ms: number) => ms, follow: () => () => {} },
    bus,
    awaiting: new Set(),
    now: () => 0,
    announce: () => {},
  } as unknown as EngineContext;
  const carrier: Carrier = {
    room: () => room,
    surplus: () => surplus.splice(0).map((id) => ({ id }) as LiveJob),
    recall: (queue) => void recalled.push(`${queue} of ${taken.join(" and ")}`),
    take(jobs) {
      taken.push(...jobs.map(({ live }) => live.id));
      room = { limit: 0, ahead: 0 };
      return [];
    },
    holding: () => 0,
    unknown: (all) => all,
    stop: () => true,
  };
  const loop = claimLoop(context, { queues, session: { id: "ses_1", lost: false }, carrier });
  const claimed = (...ids: string[]): Claimed => ({
    jobs: ids.map((id) => ({ live: { id } }) as unknown as ClaimedJob),
    signals: { ready: new Set(), woken: false, stopping: new Set(), timerAt: null, dispatchAt: null },
    nothingLeft: true,
    heldUntil: null,
    tally: new Map(),
  });
  return {
    asked,
    taken,
    loop,
    claimed,
    clock,
    commits,
    surplus,
    bus,
    recalled,
    hold: (ids: readonly string[]): void => {
      held = [...ids];
    },
    fail: (fails: boolean): void => {
      failing = fails;
    },
    /** What the store says of its queues from now on. */
    pause: (paused: Promise<boolean>): void => {
      isPaused = paused;
    },
  };
}

test("much is asked for in parts at once, and taken over in their order", async () => {
  const { asked, taken, loop, claimed } = claimsOn();
  await loop.start();
  await settled();
  expect(asked.map(({ request: { limit, ahead } }) => [limit, ahead])).toEqual([
    [10, 500],
    [0, 500],
    [0, 200],
  ]);
  asked[1]?.answer.resolve(claimed("b"));
  await settled();
  expect(taken).toEqual([]);
  asked[0]?.answer.resolve(claimed("a"));
  await settled();
  expect(taken).toEqual(["a", "b"]);
  asked[2]?.answer.resolve(claimed("c"));
  await settled();
  expect(taken).toEqual(["a", "b", "c"]);
  await loop.stop();
});

test("where the first part was not filled, the next pass asks for no further one", async () => {
  const { asked, loop, claimed, clock } = claimsOn();
  await loop.start();
  await settled();
  expect(asked).toHaveLength(3);
  for (const { answer } of asked) answer.resolve(claimed());
  await clock.advance(SOON + 1);
  expect(asked.slice(3).map(({ request: { limit, ahead } }) => [limit, ahead])).toEqual([[10, 500]]);
  asked[3]?.answer.resolve(claimed());
  await loop.stop();
});

test("a part that fails keeps no other from being taken over", async () => {
  const { asked, taken, loop, claimed } = claimsOn();
  await loop.start();
  await settled();
  asked[0]?.answer.reject(new Error("the disk is full"));
  asked[1]?.answer.reject(new Error("the disk is full"));
  asked[2]?.answer.resolve(claimed("c"));
  await settled();
  expect(taken).toEqual(["c"]);
  await loop.stop();
});

test("what was read ahead of a queue that is held is let go of, and what a claim brings that was under way then", async () => {
  const { asked, bus, recalled, loop, claimed } = claimsOn();
  await loop.start();
  await settled();
  for (const key of ["handler/other", "tool/default", "handler/default"]) bus.publish("held", key);
  expect(recalled).toEqual(["default of "]);
  asked[0]?.answer.resolve(claimed("a"));
  asked[1]?.answer.resolve(claimed("b"));
  asked[2]?.answer.resolve(claimed());
  await settled();
  expect(recalled).toEqual(["default of ", "default of a and b"]);
  await loop.stop();
});

test.each([
  { queues: ["default"], whose: "his" },
  { queues: null, whose: "all" },
])(
  "who hears that something was missed looks which of $whose queues are held, and again where the store did not say",
  async ({ queues }) => {
    const { asked, bus, recalled, loop, clock, pause, claimed } = claimsOn(1_200, queues);
    await loop.start();
    await settled();
    for (const { answer } of asked) answer.resolve(claimed());
    await settled();
    bus.publish("held", "");
    await settled();
    expect(recalled).toEqual([]);
    pause(Promise.reject(new Error("the connection was lost")));
    bus.publish("held", "");
    await settled();
    pause(Promise.resolve(true));
    await clock.advance(SOON);
    await settled();
    expect(recalled).toEqual(["default of "]);
    await loop.stop();
  },
);

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `job_${i}`);
/** Well before anything is compared of itself, and after what follows a failure. */
const SOON = 1_000;

test("what a claim may have taken that failed is given back in the next pass, all of it", async () => {
  const { asked, commits, loop, clock, hold, claimed } = claimsOn(500);
  await loop.start();
  await settled();
  hold(many(1_201));
  asked[0]?.answer.reject(new Error("the connection was lost"));
  await settled();
  expect(commits).toEqual([]);
  await clock.advance(SOON);
  for (const { answer } of asked) {
    answer.resolve(claimed());
    await settled();
  }
  expect(commits.map((ids) => ids.length)).toEqual([500, 500, 201]);
  expect(commits.flat()).toEqual(many(1_201));
  await loop.stop();
});

test("what was let go of and could not be given back is given back when the store can be reached again", async () => {
  const { asked, commits, surplus, loop, clock, hold, claimed, fail } = claimsOn(500);
  await loop.start();
  await settled();
  asked[0]?.answer.resolve(claimed("a"));
  await settled();
  commits.length = 0;
  hold(many(3));
  surplus.push(...many(3));
  fail(true);
  loop.wake();
  await settled();
  expect(commits).toEqual([many(3)]);
  fail(false);
  await clock.advance(SOON);
  await settled();
  expect(commits).toEqual([many(3), many(3)]);
  await loop.stop();
});

test("much is given back in parts, one after the other", async () => {
  const changes: number[] = [];
  let waiting = 0;
  const context = {
    async commit(part: readonly unknown[]) {
      expect(++waiting).toBe(1);
      changes.push(part.length);
      await settled();
      waiting--;
    },
  } as unknown as EngineContext;
  await giveBack(
    context,
    many(1_001).map((id) => ({ id }) as LiveJob),
  );
  expect(changes).toEqual([500, 500, 1]);
});
