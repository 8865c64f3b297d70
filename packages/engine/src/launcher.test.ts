import type { LaunchRequest, Store } from "@windlass/ports";
import { quietLogger } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { command, done, engineFixture, fakeExecutor, settled, type EngineFixture, type FakeExecutor } from "./engine-fixture.ts";
import { engine } from "./engine.ts";
import { localBus } from "./local-bus.ts";

const taskKind = { kind: "task", validate: () => [] } as const;

async function launching(given: Parameters<typeof fakeExecutor>[0] = {}): Promise<EngineFixture & { readonly executor: FakeExecutor }> {
  const executor = fakeExecutor(given);
  const fixture = await engineFixture({ executors: [executor] });
  return Object.assign(fixture, { executor });
}

/** The job as a launcher left it that died right after its claim. Returns the name of the attempt. */
async function claimedByTheDead({ store, clock }: EngineFixture): Promise<string> {
  await store.sessions.open({
    id: "ses_dead",
    role: "launcher",
    place: "host-1",
    serves: [],
    startedAt: 0,
    expiresAt: clock.now() + 1_000,
  });
  const { jobs } = await store.jobs.claim({ executor: "process", session: "ses_dead", place: "host-1", limit: 1, now: clock.now() });
  return jobs[0]?.live.externalName ?? "";
}

describe("a time limit that passes while no server is up", () => {
  test("is enforced as soon as one is: what runs on is told to end at once", async () => {
    const kept = new Map<string, LaunchRequest>();
    const first = await launching({ kept });
    await first.engine.start();
    const id = await first.submit({ ...command, timeoutMs: 60_000 });
    await first.clock.until(async () => (await first.engine.jobs.get(id)).live?.holder === "external", 5_000);
    await first.outcome(first.engine.stop());
    await first.clock.advance(600_000);
    const executor = fakeExecutor({ kept });
    const { store, clock, random, logs } = first;
    const again = engine({
      store,
      clock,
      random,
      logs,
      bus: localBus(),
      logger: quietLogger(),
      sha256: (text) => text,
      kinds: [taskKind],
      executors: [executor],
    });
    await again.start();
    await clock.advance(1_000);
    expect(executor.stopped).toHaveLength(1);
    await clock.until(async () => (await again.jobs.get(id)).final !== null, 5_000);
    expect((await again.jobs.get(id)).final).toMatchObject({ outcome: "failed_timeout", reason: "step_timeout" });
    await first.outcome(again.stop());
    await store.close();
  });
});

const finalOf = async ({ engine }: EngineFixture, id: string) => (await engine.jobs.get(id)).final;

describe("a launch", () => {
  test("is asked for under the stored name, recorded, and forgotten outside once its end is stored", async () => {
    const fixture = await launching();
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.clock.until(() => fixture.executor.launched.length === 1, 5_000);
    await settled();
    const { live } = await fixture.engine.jobs.get(id);
    expect(live).toMatchObject({
      holder: "external",
      phase: "running",
      externalName: fixture.executor.launched[0],
      externalRef: `ref of ${fixture.executor.launched[0]}`,
    });
    fixture.executor.end(live?.externalName ?? "", { ...done, output: 42 });
    await fixture.reach(id, "succeeded");
    expect(await finalOf(fixture, id)).toMatchObject({ output: 42, exitCode: 0, attempts: 1 });
    await settled();
    expect(fixture.executor.forgotten).toEqual([live?.externalName]);
    await fixture.close();
  });

  test("that is refused ends the job with what the executor says", async () => {
    const fixture = await launching();
    fixture.executor.plan.push({ outcome: "failed_config", reason: "command_not_found", message: "there is no command tru" });
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.reach(id, "failed");
    expect(await finalOf(fixture, id)).toMatchObject({
      outcome: "failed_config",
      reason: "command_not_found",
      message: "there is no command tru",
    });
    await fixture.close();
  });

  test("that fails for a moment is tried again under the same name", async () => {
    const fixture = await launching();
    fixture.executor.plan.push(new Error("no answer"), new Error("no answer"));
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.clock.until(() => fixture.executor.launched.length === 1, 20_000);
    await settled();
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({
      attempt: 1,
      phase: "running",
      externalName: fixture.executor.launched[0],
    });
    await fixture.close();
  });

  test("that fails for good says what the executor said last", async () => {
    const fixture = await launching();
    fixture.executor.plan.push(...Array.from({ length: 8 }, (_, i) => new Error(`no answer ${i + 1}`)));
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.reach(id, "failed");
    expect(await finalOf(fixture, id)).toMatchObject({
      reason: "launch_failed",
      message: expect.stringContaining("no answer 8") as string,
    });
    await fixture.close();
  });

  test("that is under way when the job is to stop ends as soon as there is something to stop", async () => {
    const fixture = await launching();
    const go = fixture.executor.hold();
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.reach(id, "running");
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await fixture.clock.advance(500);
    expect([await fixture.stateOf(id), fixture.executor.running()]).toEqual(["stopping", []]);
    // The executor is told already: a launch may take long, and be broken off.
    expect(new Set(fixture.executor.stopped).size).toBe(1);
    go();
    await fixture.clock.advance(500);
    expect(await finalOf(fixture, id)).toMatchObject({ state: "cancelled", reason: "cancel_requested", message: "cancelled by ada" });
    expect(fixture.executor.running()).toEqual([]);
    await fixture.close();
  });
});

describe("a launcher", () => {
  test("never has more alive than its executor may, and fills a slot that becomes free", async () => {
    const fixture = await launching({ runningMax: 2 });
    await fixture.engine.start();
    for (let i = 0; i < 3; i++) await fixture.submit(command);
    await fixture.clock.advance(20_000);
    expect(fixture.executor.running()).toHaveLength(2);
    fixture.executor.end(fixture.executor.running()[0] ?? "");
    await fixture.clock.advance(500);
    expect(fixture.executor.launched).toHaveLength(3);
    await fixture.close();
  });

  test("counts what it launched while it compared its place with the store", async () => {
    let [gated, open] = [Promise.resolve(), (): void => {}];
    /** Answers late, with what was true when it was asked. */
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        async live(filter, limit) {
          const page = await store.jobs.live(filter, limit);
          if (filter.place !== undefined) await gated;
          return page;
        },
      },
    });
    const executor = fakeExecutor({ runningMax: 1 });
    const fixture = await engineFixture({ executors: [executor], wrap });
    await fixture.engine.start();
    gated = new Promise((resolve) => {
      open = resolve;
    });
    await fixture.clock.advance(6_000);
    await fixture.submit(command);
    await fixture.clock.advance(500);
    open();
    await fixture.submit(command);
    await fixture.clock.advance(500);
    expect(executor.running()).toHaveLength(1);
    await fixture.close();
  });

  test("counts what its predecessor left running", async () => {
    const fixture = await launching({ runningMax: 1 });
    await fixture.engine.start();
    await fixture.submit(command);
    await fixture.clock.until(() => fixture.executor.launched.length === 1, 5_000);
    await fixture.outcome(fixture.engine.stop());
    await fixture.engine.start();
    await fixture.submit(command);
    await fixture.clock.advance(20_000);
    expect(fixture.executor.running()).toHaveLength(1);
    await fixture.close();
  });

  test("compares its place with the store once in a while, not for each launch", async () => {
    const plain = fakeExecutor({ runningMax: 50 });
    let lists = 0;
    const executor = { ...plain, list: () => (lists++, plain.list()) };
    const fixture = await engineFixture({ executors: [executor] });
    await fixture.engine.start();
    for (let i = 0; i < 40; i++) {
      await fixture.submit(command);
      await fixture.clock.advance(50);
    }
    expect(plain.running()).toHaveLength(40);
    // Once before it begins, once when it has begun.
    expect(lists).toBeLessThanOrEqual(2);
    await fixture.close();
  });

  test("adopts what its predecessor had launched but not recorded, and launches what it had only claimed", async () => {
    for (const begun of [true, false]) {
      const kept = new Map<string, LaunchRequest>();
      const fixture = await launching({ kept });
      const id = await fixture.submit(command);
      const name = await claimedByTheDead(fixture);
      if (begun) kept.set(name, { name, jobId: id, attempt: 1, spec: {}, environment: {}, timeoutMs: null, graceMs: 0 });
      await fixture.engine.start();
      await settled();
      expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ attempt: 1, token: 2, phase: "running", externalName: name });
      expect(fixture.executor.launched).toEqual(begun ? [] : [name]);
      fixture.executor.end(name);
      await fixture.reach(id, "succeeded");
      await fixture.close();
    }
  });

  test("launches once what a claim of its own has stored, however late the answer comes", async () => {
    let [gated, open] = [Promise.resolve(), (): void => {}];
    const executor = fakeExecutor();
    const fixture = await engineFixture({
      executors: [executor],
      wrap: (store) => ({
        ...store,
        jobs: {
          ...store.jobs,
          claim: async (request) =>
            await store.jobs.claim(request).then(async (claimed) => (await (claimed.jobs.length > 0 ? gated : null), claimed)),
        },
      }),
    });
    await fixture.engine.start();
    gated = new Promise((resolve) => {
      open = resolve;
    });
    const id = await fixture.submit(command);
    await fixture.clock.advance(6_000);
    for (const name of executor.running()) executor.end(name);
    await fixture.clock.advance(6_000);
    open();
    await fixture.clock.advance(6_000);
    for (const name of executor.running()) executor.end(name);
    await fixture.reach(id, "succeeded");
    expect(executor.launched).toHaveLength(1);
    await fixture.close();
  });

  test("does not launch again what ended although the reply to its launch was lost", async () => {
    const plain = fakeExecutor();
    /** At each launch, what was forgotten before: a name that is free would be launched anew. */
    const forgotten: number[] = [];
    const launch: typeof plain.launch = async (request) => {
      forgotten.push(plain.forgotten.length);
      const launched = await plain.launch(request);
      if (forgotten.length > 1) return launched;
      plain.end(request.name);
      throw new Error("the supervisor was lost while it was asked to launch");
    };
    const executor = { ...plain, launch };
    const fixture = await engineFixture({ executors: [executor] });
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.clock.advance(5_000);
    expect(await fixture.stateOf(id)).toBe("succeeded");
    expect(forgotten).toEqual([0, 0]);
    await fixture.close();
  });

  test("does not launch again what ends while it is adopted", async () => {
    const kept = new Map<string, LaunchRequest>();
    const executor = fakeExecutor({ kept });
    const fixture = await engineFixture({
      executors: [executor],
      wrap: (store) => ({
        ...store,
        jobs: {
          ...store.jobs,
          records: async (ids) => {
            for (const name of executor.running()) executor.end(name);
            await settled();
            return store.jobs.records(ids);
          },
        },
      }),
    });
    const id = await fixture.submit(command);
    const name = await claimedByTheDead(fixture);
    kept.set(name, { name, jobId: id, attempt: 1, spec: {}, environment: {}, timeoutMs: null, graceMs: 0 });
    await fixture.engine.start();
    await settled();
    executor.end(name);
    await fixture.reach(id, "succeeded");
    expect(executor.launched).toEqual([]);
    await fixture.close();
  });

  test("leaves what runs running when it stops, and hears of its end after a restart", async () => {
    const fixture = await launching();
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.clock.until(() => fixture.executor.launched.length === 1, 5_000);
    await fixture.outcome(fixture.engine.stop());
    expect([await fixture.stateOf(id), fixture.executor.stopped]).toEqual(["running", []]);
    await fixture.engine.start();
    fixture.executor.end(fixture.executor.launched[0] ?? "");
    await fixture.reach(id, "succeeded");
    await fixture.close();
  });

  test("stops while the store is out of reach, and its successor takes up what was not recorded", async () => {
    let reachable = true;
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        commit: (...given) => (reachable ? store.jobs.commit(...given) : Promise.reject(new Error("no route to host"))),
      },
    });
    const executor = fakeExecutor();
    const fixture = await engineFixture({ executors: [executor], wrap });
    const go = executor.hold();
    await fixture.engine.start();
    const id = await fixture.submit(command);
    await fixture.reach(id, "running");
    reachable = false;
    go();
    await fixture.outcome(fixture.engine.stop());
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ phase: "launching" });
    reachable = true;
    await fixture.engine.start();
    await settled();
    expect((await fixture.engine.jobs.get(id)).live).toMatchObject({ phase: "running", attempt: 1 });
    expect(executor.launched).toHaveLength(1);
    await fixture.close();
  });

  test("says that it does not know how an attempt ended that is nowhere any more, and does not repeat it", async () => {
    const fixture = await launching();
    await fixture.engine.start();
    const id = await fixture.submit({
      ...command,
      retry: { limit: 5, on: ["failed"], backoff: { initial: 1, factor: 1, max: 1, jitter: 0 } as never },
    });
    await fixture.clock.until(() => fixture.executor.launched.length === 1, 5_000);
    await settled();
    fixture.executor.vanish(fixture.executor.launched[0] ?? "");
    await fixture.reach(id, "failed");
    expect(await finalOf(fixture, id)).toMatchObject({ reason: "vanished_unobserved", attempts: 1 });
    await fixture.close();
  });

  test("stops what runs at its place for no living attempt", async () => {
    const name = "windlass-ghost-1";
    const kept = new Map([[name, { name, jobId: "job_gone", attempt: 1, spec: {}, environment: {}, timeoutMs: null, graceMs: 0 }]]);
    const fixture = await launching({ kept });
    await fixture.engine.start();
    await settled();
    expect(fixture.executor.stopped).toEqual([name]);
    await fixture.close();
  });
});
