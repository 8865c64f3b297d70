import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CHILDREN_MAX, WindlassError } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { engineFixture, group, groupKind, handled, settled, stepKind, type EngineFixture } from "./engine-fixture.ts";
import { NOTHING, type ChildSpec, type JobKind } from "./job-kind.ts";
import type { Worker } from "./worker.ts";

let fixture: EngineFixture;
let worker: Worker;

beforeEach(async () => {
  fixture = await engineFixture();
  worker = fixture.engine.worker({
    handlers: {
      good: () => "fine",
      bad: () => Promise.reject(new Error("no")),
      long: ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(null));
        }),
    },
  });
  await fixture.engine.start();
  await worker.start();
});

afterEach(async () => {
  await fixture.outcome(worker.stop());
  await fixture.close();
});

const finalOf = async (id: string) => (await fixture.engine.jobs.get(id)).final;
const childrenOf = (id: string) => fixture.store.reads.list({ workspace: "default", parentId: id, order: "oldest", limit: 100 });

describe("a job without executor", () => {
  test("makes its children and ends when they have ended", async () => {
    const id = await fixture.submit(group([handled("good"), handled("good2", { spec: { handler: "good" } })]));
    await fixture.reach(id, "succeeded");
    expect(await childrenOf(id)).toMatchObject([
      { state: "succeeded", record: { rootId: id, path: id, childKey: "good", cause: { type: "parent", id } } },
      { state: "succeeded", record: { childKey: "good2" } },
    ]);
  });

  test("learns how each child ended", async () => {
    const id = await fixture.submit(group([handled("good"), handled("bad")]));
    await fixture.reach(id, "failed");
    expect(await finalOf(id)).toMatchObject({ reason: "step_failed", message: "a child failed" });
  });

  test("waits for a time, and holds no slot meanwhile", async () => {
    const before = fixture.clock.now();
    const id = await fixture.submit(group([], { waitMs: 60_000 }));
    await fixture.reach(id, "waiting");
    await fixture.reach(id, "succeeded");
    expect(fixture.clock.now() - before).toBeGreaterThanOrEqual(60_000);
  });

  test("ends many levels of children", async () => {
    const inner = { ...handled("inner"), kind: "workflow" as const, executor: "none" as const, spec: group([handled("good")]).spec ?? {} };
    const id = await fixture.submit(group([inner]));
    await fixture.reach(id, "succeeded");
    expect((await childrenOf(id)).map(({ state }) => state)).toEqual(["succeeded"]);
  });
});

test("a decision may tell something to a child that it makes itself", async () => {
  const fact = { type: "signal", name: "go", data: 7, by: "ada", at: 0 } as const;
  const over = { outcome: "succeeded", reason: "ok", message: null } as const;
  const child: ChildSpec = { ...handled("waits"), executor: "none" };
  const teller: JobKind = {
    ...groupKind,
    advance: ({ facts }) => ({
      ...NOTHING,
      ...(facts.some(({ type }) => type === "started") ? { children: [child], tells: [{ key: "waits", fact }] } : {}),
      finish: facts.some(({ type }) => type === "child") ? over : null,
    }),
  };
  const waits: JobKind = {
    ...stepKind,
    advance: ({ facts }) =>
      facts.some(({ type }) => type === "signal") ? { ...NOTHING, finish: over } : { ...NOTHING, waitFor: { for: "signal", name: "go" } },
  };
  const lone = await engineFixture({ kinds: [teller, waits] });
  await lone.engine.start();
  const id = await lone.submit(group([]));
  await lone.reach(id, "succeeded");
  expect(await lone.stateOf(id)).toBe("succeeded");
  await lone.close();
});

test("a job that is being stopped may tell its parent what it was told and has not used", async () => {
  const over = { outcome: "succeeded", reason: "ok", message: null } as const;
  const parent: JobKind = {
    ...groupKind,
    signalFaults: () => [],
    advance: ({ facts, cursor }) => {
      const fact = facts.find((one) => one.type === "signal");
      if (facts.some(({ type }) => type === "started")) return { ...NOTHING, children: [{ ...handled("waits"), executor: "none" }] };
      if (fact === undefined) return NOTHING;
      if (cursor.has("told")) return { ...NOTHING, finish: { ...over, output: fact.data } };
      const stops = [{ key: "waits", reason: "fail_fast", message: null }] as const;
      return { ...NOTHING, cursor: { told: true }, tells: [{ key: "waits", fact }], stops };
    },
  };
  const waits: JobKind = {
    ...stepKind,
    advance: () => ({ ...NOTHING, waitFor: { for: "signal", name: "go" } }),
    close: ({ facts }) => ({
      cursor: {},
      children: [],
      tells: facts.filter(({ type }) => type === "signal").map((fact) => ({ key: null, fact })),
    }),
  };
  const lone = await engineFixture({ kinds: [parent, waits] });
  await lone.engine.start();
  const id = await lone.submit(group([]));
  await lone.reach(id, "running");
  const [child] = await lone.outcome(lone.store.reads.list({ workspace: "default", parentId: id, limit: 2 }));
  await lone.reach(child?.record.id ?? "", "waiting");
  await lone.outcome(lone.engine.jobs.signal(id, { name: "go", data: 7, by: "ada" }));
  await lone.reach(id, "succeeded");
  expect((await lone.engine.jobs.get(id)).final?.output).toBe(7);
  await lone.close();
});

describe("a decision that fails", () => {
  test("stops the job with what was thrown as its message, and others go on", async () => {
    const broken = await fixture.submit(group([], { fails: "the cursor is upside down" }));
    const sound = await fixture.submit(group([handled("good")]));
    await fixture.reach(sound, "succeeded");
    await fixture.reach(broken, "cancelled");
    expect(await finalOf(broken)).toMatchObject({
      reason: "bad_spec",
      message: expect.stringContaining("the cursor is upside down") as string,
    });
  });

  test("because no job can end like that stops the job, and the others go on", async () => {
    const odd: JobKind = {
      ...groupKind,
      kind: "watcher",
      advance: () => ({ ...NOTHING, finish: { outcome: "expired", reason: "ok", message: null } }),
    };
    const lone = await engineFixture({ kinds: [odd, groupKind, stepKind] });
    await lone.engine.start();
    const [broken, sound] = [await lone.submit({ ...group([]), kind: "watcher" }), await lone.submit(group([], { waitMs: 10 }))];
    await lone.reach(sound, "succeeded");
    await lone.reach(broken, "cancelled");
    expect((await lone.engine.jobs.get(broken)).final?.message).toContain("start deadline");
    await lone.close();
  });

  test("because it would end the job before its children is refused, and does not keep the store busy", async () => {
    let asked = 0;
    const wrap = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        async woken(limit) {
          asked++;
          await settled();
          return store.jobs.woken(limit);
        },
      },
    });
    const hasty: JobKind = {
      ...groupKind,
      advance: () => ({ ...NOTHING, children: [handled("good")], finish: { outcome: "succeeded", reason: "ok", message: null } }),
    };
    const lone = await engineFixture({ kinds: [hasty, stepKind], wrap });
    await lone.engine.start();
    const id = await lone.submit(group([]));
    await lone.clock.advance(10_000);
    expect(await lone.stateOf(id)).toBe("running");
    expect(asked).toBeLessThan(20);
    await lone.close();
  });

  test("says so when this server does not know the kind of the job any more", async () => {
    const lone = await engineFixture({ kinds: [{ ...groupKind, advance: undefined as never }] });
    await lone.engine.start();
    const id = await lone.submit(group([]));
    await lone.reach(id, "cancelled");
    expect((await lone.engine.jobs.get(id)).final?.message).toContain('kind "workflow"');
    await lone.close();
  });
});

describe("a job without executor that is to stop", () => {
  test("ends its children first, those that run and those that wait, then itself", async () => {
    const id = await fixture.submit(group([handled("long"), handled("later", { queue: "nobody" })]));
    await fixture.clock.until(async () => (await childrenOf(id)).map(({ state }) => state).join() === "running,queued", 5_000);
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await fixture.reach(id, "cancelled");
    expect(await finalOf(id)).toMatchObject({ reason: "cancel_requested", message: "cancelled by ada" });
    const children = await childrenOf(id);
    expect(children[0]).toMatchObject({ state: "succeeded" });
    expect(children[1]?.final).toMatchObject({
      state: "cancelled",
      reason: "parent_ended",
      message: expect.stringContaining("nightly") as string,
    });
    for (const { final } of children) expect(final?.finishedAt).toBeLessThanOrEqual((await finalOf(id))?.finishedAt ?? 0);
  });

  test("and took too long failed with its time limit", async () => {
    const id = await fixture.submit(group([handled("later", { queue: "nobody" })], { timeoutMs: 3_000 }));
    await fixture.reach(id, "failed");
    expect(await finalOf(id)).toMatchObject({ outcome: "failed_timeout", reason: "execution_timeout" });
  });

  test("makes no more children", async () => {
    const id = await fixture.submit(group([handled("good")]));
    await fixture.engine.jobs.cancel(id, { by: "ada" });
    await fixture.reach(id, "cancelled");
    expect(await childrenOf(id)).toEqual([]);
  });
});

describe("a decision that can never be stored", () => {
  test("because it asks for too many children stops the job", async () => {
    const full: JobKind = {
      ...groupKind,
      advance: () => ({ ...NOTHING, children: Array.from({ length: CHILDREN_MAX + 1 }, (_, i) => handled(`child ${i}`)) }),
    };
    const broken = await engineFixture({ kinds: [full, stepKind] });
    await broken.engine.start();
    const made = await broken.submit(group([]));
    await broken.reach(made, "cancelled");
    expect((await broken.engine.jobs.get(made)).final).toMatchObject({
      reason: "bad_spec",
      message: expect.stringContaining("a job may have"),
    });
    await broken.close();
    // So many records take their time on a machine that is busy.
  }, 60_000);

  test("keeps no other from being stored when the store fails on it", async () => {
    let poison = "";
    const failing = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        commit: (changes, now) =>
          changes.some((change) => change.type === "advance" && change.id === poison)
            ? Promise.reject(new Error("cannot store REAL value"))
            : store.jobs.commit(changes, now),
      },
    });
    const broken = await engineFixture({ wrap: failing });
    poison = await broken.submit(group([]));
    const other = await broken.submit(group([]));
    await broken.engine.start();
    await broken.reach(other, "succeeded");
    expect(await broken.stateOf(poison)).toBe("running");
    await broken.close();
  });
});

describe("a decision for which the store cannot be read now", () => {
  const down = new WindlassError("unavailable", "the store failed: write EPIPE");

  test("is made later, and others are made meanwhile", async () => {
    let failures = 3;
    const broken = await engineFixture({
      kinds: [
        {
          ...groupKind,
          advance: (given) => {
            if (given.record.name === "unlucky" && failures-- > 0) throw down;
            return groupKind.advance?.(given) ?? NOTHING;
          },
        },
      ],
    });
    const unlucky = await broken.submit({ ...group([]), name: "unlucky" });
    const other = await broken.submit(group([]));
    await broken.engine.start();
    await broken.reach(unlucky, "succeeded");
    expect(await broken.stateOf(other)).toBe("succeeded");
    expect(failures).toBeLessThan(0);
    await broken.close();
  });

  test("is made later by a job that is to stop, which cleans up all the same", async () => {
    let failures = 2;
    let cleanedUp = 0;
    const broken = await engineFixture({
      kinds: [
        {
          ...groupKind,
          close: () => {
            if (failures-- > 0) throw down;
            cleanedUp++;
            return NOTHING;
          },
        },
        stepKind,
      ],
    });
    const id = await broken.submit(group([handled("later", { queue: "nobody" })]));
    await broken.engine.start();
    await broken.clock.until(async () => (await broken.engine.jobs.get(id)).live?.openChildren === 1, 5_000);
    await broken.engine.jobs.cancel(id, { by: "ada" });
    await broken.reach(id, "cancelled");
    expect(cleanedUp).toBeGreaterThan(0);
    await broken.close();
  });
});
