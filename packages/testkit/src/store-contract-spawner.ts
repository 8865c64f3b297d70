/** Contract: how many runners of isolated executions are started, over queues and workspaces, and where one stands that waits. */
import { expect, test } from "vitest";
import { placesAhead, queueKeyOf, type LiveJob, type SpawnerLimits } from "@windlass/kernel";
import type { ClaimRequest, Store } from "@windlass/ports";
import { jobRecord, settleOf, T0 } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const NONE: SpawnerLimits = { runningMax: null, perWorkspaceMax: null, perWorkflowMax: null };
const request: ClaimRequest = { executor: "process", session: "ses_1", place: "host-1", limit: 100, now: T0 + 1 };

/** Runners of workspaces and workflows, written `workspace/workflow`; they are called so. */
async function submit(store: Store, ...names: readonly string[]): Promise<string[]> {
  const jobs = names.map((name) => {
    const [workspace = "", fairnessKey = ""] = name.split("/");
    return jobRecord({ name, workspace, fairnessKey, executor: "process", queue: queueKeyOf(workspace, "runners") });
  });
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  return jobs.map(({ id }) => id);
}

async function claim(store: Store, limits: Partial<SpawnerLimits>, given: Partial<ClaimRequest> = {}): Promise<readonly LiveJob[]> {
  const { jobs } = await store.jobs.claim({ ...request, spawner: { ...NONE, ...limits }, ...given });
  return jobs.map(({ live }) => live);
}
const names = (jobs: readonly LiveJob[]): readonly string[] => jobs.map(({ name }) => name);
const at = async (store: Store, id = ""): Promise<number> => {
  const live = (await store.reads.get(id))?.live as LiveJob;
  return placesAhead(await store.queues.waiting(live), live.fairnessKey) + 1;
};

export function describeSpawner(subject: Subject): void {
  test("no more runners are started than there may be over all workspaces, oldest first, and the next when one ends", async () => {
    const { store } = subject;
    for (const name of ["a", "b"]) await store.workspaces.add({ name, createdBy: "ann", createdAt: T0 });
    await submit(store, "a/x", "default/x", "b/x", "a/y");
    const first = await claim(store, { runningMax: 2 });
    expect(names(first)).toEqual(["a/x", "default/x"]);
    expect(names(await claim(store, { runningMax: 2 }))).toEqual([]);
    expect((await store.queues.state(queueKeyOf("b", "runners"), "x", { ...NONE, runningMax: 2 })).overall).toEqual({
      limit: 2,
      running: 2,
    });
    await commitOne(store, settleOf(first[0] as LiveJob));
    expect(names(await claim(store, { runningMax: 2 }))).toEqual(["b/x"]);
    expect(names(await claim(store, {}))).toEqual(["a/y"]);
  });

  test("a workspace that has all its runners, and a workflow that has, hold back no others", async () => {
    const { store } = subject;
    await store.workspaces.add({ name: "b", createdBy: "ann", createdAt: T0 });
    await submit(store, "default/x", "default/x", "default/y", "default/z", "b/x");
    expect(names(await claim(store, { perWorkspaceMax: 2, perWorkflowMax: 1 }))).toEqual(["default/x", "default/y", "b/x"]);
    expect(names(await claim(store, { perWorkspaceMax: 2, perWorkflowMax: 1 }))).toEqual([]);
    expect(names(await claim(store, { perWorkspaceMax: 3, perWorkflowMax: 1 }))).toEqual(["default/z"]);
  });

  test("what is set of the queue of a workspace comes before the limits that all have", async () => {
    const { store } = subject;
    await store.queues.put("runners", { concurrencyLimit: 3, keyConcurrencyLimit: 2 }, T0);
    await submit(store, "default/x", "default/x", "default/x", "default/y", "default/z");
    const [first, ...others] = await claim(store, { perWorkspaceMax: 1, perWorkflowMax: 1 });
    expect(names([first as LiveJob, ...others]).toSorted()).toEqual(["default/x", "default/y", "default/z"]);
  });

  test("jobs in other queues are not counted among runners, and have no limit by them", async () => {
    const { store } = subject;
    await submit(store, "default/x");
    await store.jobs.commit(
      [1, 2, 3].map(() => ({ type: "submit", job: jobRecord({ executor: "process" }) })),
      T0,
    );
    expect(await claim(store, { runningMax: 1, perWorkspaceMax: 1, perWorkflowMax: 1 })).toHaveLength(4);
  });

  test("who asks for queues of one name is given those of all workspaces, and nothing else", async () => {
    const { store } = subject;
    await store.workspaces.add({ name: "b", createdBy: "ann", createdAt: T0 });
    await commitOne(store, { type: "submit", job: jobRecord({ executor: "process", name: "other" }) });
    await commitOne(store, { type: "submit", job: jobRecord({ executor: "process", name: "longer", queue: "my/runners" }) });
    await submit(store, "default/x", "b/x");
    expect(names(await claim(store, { runningMax: 5 }, { queueName: "runners" }))).toEqual(["default/x", "b/x"]);
    expect(names(await claim(store, {}, { queueName: "runners" }))).toEqual([]);
    expect(names(await claim(store, {}))).toEqual(["other", "longer"]);
  });

  test("many who claim at once keep the limits together", async () => {
    const { store } = subject;
    await submit(store, ...Array.from({ length: 30 }, (_, i) => `default/${i % 5}`));
    const limits = { runningMax: 7, perWorkflowMax: 2 };
    const rounds = await Promise.all(Array.from({ length: 10 }, () => claim(store, limits, { limit: 3 })));
    const started = [...rounds.flat(), ...(await claim(store, limits))];
    expect(started).toHaveLength(7);
    for (let i = 0; i < 5; i++) expect(names(started).filter((name) => name === `default/${i}`).length).toBeLessThanOrEqual(2);
  });

  test("who waits knows its number in order: behind higher priorities, the older ones of its key, and the turns of others", async () => {
    const { store } = subject;
    const [first, second, third, other] = await submit(store, "default/x", "default/x", "default/x", "default/y");
    expect(await Promise.all([first, second, third, other].map((id) => at(store, id)))).toEqual([2, 3, 4, 2]);
    const [urgent] = await submit(store, "default/x");
    await commitOne(store, { type: "submit", job: jobRecord({ executor: "process", queue: "runners", priority: 5, fairnessKey: "u" }) });
    expect(await at(store, urgent)).toBe(6);
  });
}
