/** Contract: queues, sessions, leads, definitions, and what the store says of itself. */
import { expect, test } from "vitest";
import { unsetQueue, type Dispatch } from "@windlass/kernel";
import type { Claimed, Definition, Session } from "@windlass/ports";
import { compositeRecord, jobRecord, scheduleOf, settleOf, T0 } from "./factories.ts";
import { commitOne, running } from "./store-contract-commit.ts";
import { OPEN_SESSIONS, type Subject } from "./store-subject.ts";

const session: Session = {
  id: "ses_a",
  role: "worker",
  place: null,
  serves: [{ executor: "handler", queue: "*", handlers: ["greet"] }],
  startedAt: T0,
  expiresAt: T0 + 10,
  owner: "tok_a",
  host: "build-7 (process 41)",
};
const definition: Omit<Definition, "version"> = {
  id: "wfv_1",
  workspace: "default",
  type: "workflow",
  name: "nightly",
  hash: "h1",
  body: { steps: [1, null] },
  labels: { a: "b" },
  createdAt: T0,
};

const HOUR = 3_600_000;

export function describeSmallStores(subject: Subject): void {
  test("a place is known as it was last told, newest first", async () => {
    const { places } = subject.store;
    const place = { place: "place-a", host: "one", url: "http://one:4180", secret: "s1", seenAt: T0 };
    await places.put(place);
    await places.put({ ...place, place: "place-b", seenAt: T0 + 1 });
    await places.put({ ...place, url: "http://one:4181", secret: "s2", seenAt: T0 + 2 });
    expect(await places.list()).toEqual([
      { ...place, url: "http://one:4181", secret: "s2", seenAt: T0 + 2 },
      { ...place, place: "place-b", seenAt: T0 + 1 },
    ]);
  });

  test("a place in the feed is kept under its name, and moved only by whoever knows where it is", async () => {
    const { feedPlaces } = subject.store;
    expect(await feedPlaces.get("notices")).toBeNull();
    expect(await feedPlaces.move("notices", { from: "0001", to: "0002" })).toBe(false);
    // An empty feed has a place, too.
    const first = await Promise.all(["", ""].map((to) => feedPlaces.move("notices", { from: null, to })));
    expect(first.filter(Boolean)).toHaveLength(1);
    expect(await feedPlaces.get("notices")).toBe("");
    const steps = await Promise.all(["0002", "0003"].map((to) => feedPlaces.move("notices", { from: "", to })));
    expect(steps.filter(Boolean)).toHaveLength(1);
    expect(["0002", "0003"]).toContain(await feedPlaces.get("notices"));
    expect(await feedPlaces.get("others")).toBeNull();
  });

  test("what tells of an execution is in the feed as soon as the execution is stored, and not when it is refused", async () => {
    const { jobs, reads } = subject.store;
    const end = await reads.feedEnd();
    const submit = (id: string, requestHash: string) =>
      ({ type: "submit", job: jobRecord({ id, idempotencyKey: "told", requestHash }) }) as const;
    const { results } = await jobs.commit([submit("job_told", "h1"), submit("job_refused", "h2")], T0);
    expect(results.map(({ ok }) => ok)).toEqual([true, false]);
    const told = (await reads.feed(end, 10)).filter(({ event }) => event.type === "job.submitted");
    expect(told.map(({ event }) => event.jobId)).toEqual(["job_told"]);
  });

  test("a queue keeps what it is not told to change, and who paused it first", async () => {
    const { queues } = subject.store;
    expect(await queues.get("mail")).toBeNull();
    const unset = unsetQueue("mail");
    expect(await queues.put("mail", { paused: true, by: "ann" }, T0)).toEqual({
      ...unset,
      paused: true,
      pausedBy: "ann",
      pausedAt: T0,
      revision: 1,
    });
    expect(await queues.put("mail", { concurrencyLimit: 3 }, T0 + 1)).toMatchObject({ paused: true, pausedBy: "ann", concurrencyLimit: 3 });
    expect(await queues.put("mail", { paused: true, by: "bob" }, T0 + 2)).toMatchObject({ pausedBy: "ann", pausedAt: T0, revision: 2 });
    const rates = {
      rateLimit: { limit: 5, perSeconds: 60 },
      keyConcurrencyLimit: 2,
      keyRateLimit: { limit: 1, perSeconds: 1 },
      deadLetters: false,
    };
    expect(await queues.put("mail", { paused: false, concurrencyLimit: null, ...rates }, T0 + 3)).toEqual({
      ...unset,
      ...rates,
      revision: 3,
    });
    const stored = { ...unset, ...rates, revision: 3 };
    expect(await queues.get("mail")).toEqual(stored);
    // What is set as it is stored makes nothing newer; who knows an older queue is refused all the same.
    expect(await queues.put("mail", { paused: false, by: "bob", concurrencyLimit: null, ...structuredClone(rates) }, T0 + 4)).toEqual(
      stored,
    );
    await expect(queues.put("mail", { keyConcurrencyLimit: 2 }, T0 + 5, 2)).rejects.toMatchObject({ code: "revision_mismatch" });
    expect(await queues.put("mail", { keyConcurrencyLimit: 2 }, T0 + 5, 3)).toEqual(stored);
    expect(await queues.get("mail")).toEqual(stored);
  });

  test("a queue is changed only as it is expected to be, and made by one alone", async () => {
    const { queues } = subject.store;
    const refused = expect.objectContaining({ code: "revision_mismatch" });
    await expect(queues.put("mail", { paused: true }, T0, 1)).rejects.toEqual(refused);
    await expect(queues.put("mail", { paused: true }, T0, "any")).rejects.toEqual(refused);
    expect(await queues.get("mail")).toBeNull();
    const made = await Promise.allSettled([1, 2, 3].map((limit) => queues.put("mail", { concurrencyLimit: limit }, T0, 0)));
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await queues.put("mail", { paused: true }, T0, 1)).revision).toBe(2);
    await expect(queues.put("mail", { paused: false }, T0, 1)).rejects.toEqual(refused);
    expect(await queues.put("mail", { paused: false }, T0, "any")).toMatchObject({ paused: false, revision: 3 });
    await expect(queues.remove("mail", 2)).rejects.toEqual(refused);
    expect(await queues.remove("mail", 3)).toBe(true);
    await expect(queues.remove("mail", "any")).rejects.toEqual(refused);
    await queues.put("mail", {}, T0);
    expect([await queues.remove("mail", "any"), await queues.remove("mail")]).toEqual([true, false]);
  });

  test("queues are listed with their figures, also those that only have jobs", async () => {
    const { store } = subject;
    await store.queues.put("empty", {}, T0);
    const ended = await running(store);
    await commitOne(store, settleOf(ended));
    const stopped = await running(store);
    await commitOne(store, {
      type: "stop",
      id: stopped.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    });
    await store.jobs.commit(
      [
        jobRecord({ createdAt: T0 + 5 }),
        jobRecord({ createdAt: T0 + 6 }),
        jobRecord({ notBefore: T0 + 99 }),
        compositeRecord({ queue: "flows" }),
      ].map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    const none = { scheduled: 0, queued: 0, running: 0, waiting: 0, attemptsAlive: 0, oldestQueuedAt: null };
    expect(await store.queues.list()).toEqual([
      { ...unsetQueue("default"), ...none, scheduled: 1, queued: 2, running: 1, attemptsAlive: 1, oldestQueuedAt: T0 + 5 },
      { ...unsetQueue("empty"), ...none, revision: 1 },
      { ...unsetQueue("flows"), ...none, queued: 1, oldestQueuedAt: T0 },
    ]);
  });

  test("a session lives as long as it is extended, and one that was closed stays closed", async () => {
    const { sessions } = subject.store;
    await sessions.open(session);
    await sessions.open({ ...session, id: "ses_b", role: "launcher", place: "here", owner: null, host: null });
    expect(await sessions.beat(["ses_b", "ses_a", "ses_c"], T0 + 20)).toEqual(["ses_b", "ses_a"]);
    await sessions.close("ses_b");
    expect(await sessions.beat(["ses_a", "ses_b"], T0 + 30)).toEqual(["ses_a"]);
    const added = (await sessions.list()).filter((one) => !(OPEN_SESSIONS as readonly string[]).includes(one.id));
    expect(added).toEqual([{ ...session, expiresAt: T0 + 30 }]);
  });

  test("a chore has one leader until its lead runs out or its session is closed", async () => {
    const { sessions } = subject.store;
    await sessions.open(session);
    expect(await sessions.lead("timers", "ses_a", T0, T0 + 10)).toBe(true);
    expect(await sessions.lead("timers", "ses_b", T0 + 9, T0 + 19)).toBe(false);
    expect(await sessions.lead("timers", "ses_a", T0 + 9, T0 + 19)).toBe(true);
    expect(await sessions.lead("timers", "ses_b", T0 + 18, T0 + 28)).toBe(false);
    expect(await sessions.lead("timers", "ses_b", T0 + 19, T0 + 29)).toBe(true);
    expect(await sessions.lead("timers", "ses_a", T0 + 19 - HOUR, T0 + 29 - HOUR), "taken by a clock that was ahead").toBe(true);
    expect(await sessions.lead("feed", "ses_a", T0, T0 + 10)).toBe(true);
    await sessions.close("ses_a");
    expect(await sessions.lead("feed", "ses_b", T0 + 1, T0 + 10)).toBe(true);
  });

  test("a definition gets a new version only when it changed", async () => {
    const { definitions } = subject.store;
    const key = { workspace: "default", type: "workflow", name: "nightly" };
    expect(await definitions.get(key)).toBeNull();
    expect(await definitions.put(definition)).toEqual({ definition: { ...definition, version: 1 }, created: true });
    expect(await definitions.put({ ...definition, id: "wfv_2" })).toEqual({ definition: { ...definition, version: 1 }, created: false });
    const second = { ...definition, id: "wfv_3", hash: "h2", body: "text" };
    expect(await definitions.put(second)).toEqual({ definition: { ...second, version: 2 }, created: true });
    // Back to what it was: a version of its own, for the newest is another.
    expect(await definitions.put({ ...definition, id: "wfv_4" })).toMatchObject({ definition: { version: 3 }, created: true });
    await definitions.put({ ...definition, id: "wfv_5", name: "hourly" });
    expect(await definitions.get({ ...key, version: 2 })).toEqual({ ...second, version: 2 });
    expect(await definitions.get(key)).toMatchObject({ id: "wfv_4", version: 3 });
    expect(await definitions.get({ ...key, version: 9 })).toBeNull();
    expect(await definitions.byId("wfv_3")).toEqual({ ...second, version: 2 });
    expect(await definitions.byId("wfv_2")).toBeNull();
    expect((await definitions.list("default", "workflow")).map((one) => [one.name, one.version])).toEqual([
      ["hourly", 1],
      ["nightly", 3],
    ]);
    expect(await definitions.list("default", "release")).toEqual([]);
  });

  test("a definition is changed and removed only as it is expected to be", async () => {
    const { definitions } = subject.store;
    const key = { workspace: "default", type: "workflow", name: "nightly" };
    const refused = expect.objectContaining({ code: "revision_mismatch" });
    await expect(definitions.put(definition, 1)).rejects.toEqual(refused);
    await expect(definitions.put(definition, "any")).rejects.toEqual(refused);
    await definitions.put(definition, 0);
    await expect(definitions.put({ ...definition, id: "wfv_2", hash: "h2" }, 0)).rejects.toEqual(refused);
    expect((await definitions.put({ ...definition, id: "wfv_2", hash: "h2" }, 1)).definition.version).toBe(2);
    await definitions.put({ ...definition, id: "wfv_3", hash: "h3" }, "any");
    await definitions.put({ ...definition, id: "wfv_4", name: "hourly" });
    const numbers = async (before: number | null, limit: number): Promise<number[]> =>
      (await definitions.versions(key, { before, limit })).map((one) => one.version);
    expect([await numbers(null, 2), await numbers(2, 2)]).toEqual([[3, 2], [1]]);
    await expect(definitions.remove(key, 2)).rejects.toEqual(refused);
    expect(await definitions.remove(key, 3)).toBe(3);
    expect([await definitions.remove(key), await definitions.get(key)]).toEqual([0, null]);
    expect(await definitions.list("default", "workflow")).toHaveLength(1);
  });

  test("a definition is disabled once, by name, until it is enabled or removed; one that is not there is not", async () => {
    const { definitions, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    const key = { workspace: "default", type: "workflow", name: "nightly" };
    const mark = { ...key, disabledBy: "ann", disabledAt: T0, reason: null };
    expect([await definitions.disable(mark), await definitions.disabled([key]), await definitions.enable(key)]).toEqual([null, [], false]);
    await definitions.put(definition);
    await definitions.put({ ...definition, id: "wfv_2", workspace: "acme" });
    expect(await definitions.disable(mark)).toEqual(mark);
    expect(await definitions.disable({ ...mark, disabledBy: "bob", reason: "too loud" })).toEqual(mark);
    const all = [key, { ...key, workspace: "acme" }, { ...key, name: "hourly" }, { ...key, type: "release" }];
    expect(await definitions.disabled(all)).toEqual([mark]);
    expect([await definitions.enable(key), await definitions.enable(key), await definitions.disabled(all)]).toEqual([true, false, []]);
    await definitions.disable({ ...mark, reason: "too loud" });
    expect(await definitions.disabled([key])).toEqual([{ ...mark, reason: "too loud" }]);
    await definitions.remove(key);
    await definitions.put(definition);
    expect([await definitions.disabled([key]), await definitions.disabled([])]).toEqual([[], []]);
  });

  test("nothing new is made of a definition that is disabled; what was made of it under a key is the answer", async () => {
    const { definitions, jobs } = subject.store;
    const key = { workspace: "default", type: "workflow", name: "nightly" };
    await definitions.put(definition);
    const submit = (idempotencyKey: string | null, ...names: readonly string[]) =>
      ({
        type: "submit",
        job: compositeRecord({ kind: "workflow", name: "nightly", idempotencyKey, requestHash: idempotencyKey }),
        definitions: names,
      }) as const;
    const before = submit("k", "nightly");
    expect(await commitOne(subject.store, before)).toMatchObject({ ok: true, created: true });
    await definitions.disable({ ...key, disabledBy: "ann", disabledAt: T0, reason: null });
    const refused = { ok: false, refusal: { code: "workflow_disabled" } };
    expect(await commitOne(subject.store, submit("k", "nightly"))).toEqual({ ok: true, id: before.job.id, created: false });
    expect(await commitOne(subject.store, submit(null, "nightly"))).toMatchObject(refused);
    const many = [submit("new", "other", "nightly"), submit(null, "other"), submit(null), submit("k", "nightly")];
    // Enough to go as rows that are alike, where there are such.
    const more = Array.from({ length: 8 }, () => submit(null, "nightly"));
    const { results } = await jobs.commit([...many, ...more], T0);
    expect(results).toMatchObject([
      refused,
      { created: true },
      { created: true },
      { id: before.job.id, created: false },
      ...more.map(() => refused),
    ]);
    await definitions.enable(key);
    expect(await commitOne(subject.store, submit("new", "nightly"))).toMatchObject({ ok: true, created: true });
  });

  test("a decision to replace a job counts only while what comes in its place is enabled", async () => {
    const { definitions, schedules } = subject.store;
    const [nightly, hourly] = [
      { workspace: "default", type: "workflow", name: "nightly" },
      { workspace: "default", type: "workflow", name: "hourly" },
    ] as const;
    const decided = (scheduleId: string, revision: number, replacedBy: Dispatch["replacedBy"] = []): Dispatch => ({
      ...{ scheduleId, revision, replacedBy, wakes: 0, added: [], settled: [], changes: [] },
      cursor: { at: T0, nextAt: T0 + 1, running: [], waiting: [], failing: null },
    });
    for (const id of ["sch_1", "sch_2"])
      await schedules.put(scheduleOf({ id, name: id.replace("_", "-") }), { expected: 0, dispatch: decided(id, 0), now: T0 });
    await definitions.put(definition);
    await definitions.disable({ ...nightly, disabledBy: "ann", disabledAt: T0, reason: null });
    const decisions = [decided("sch_1", 1, [hourly, nightly]), decided("sch_2", 1, [hourly])];
    expect((await schedules.dispatch(decisions, T0)).counted).toEqual([false, true]);
    await definitions.enable(nightly);
    expect((await schedules.dispatch(decisions, T0)).counted).toEqual([true, false]);
  });

  test("a claim says that nothing is left only when nothing is ready and nothing held back", async () => {
    const { store } = subject;
    await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 + 60_000 });
    const claim = (): Promise<Claimed> =>
      store.jobs.claim({ executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 1, now: T0 });
    await store.jobs.commit(
      [jobRecord(), jobRecord(), jobRecord()].map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    expect(await claim()).toMatchObject({ jobs: [{}], nothingLeft: false });
    await store.queues.put("default", { paused: true }, T0);
    expect(await claim()).toMatchObject({ jobs: [], nothingLeft: false });
    await store.queues.put("default", { paused: false, concurrencyLimit: 1 }, T0);
    expect(await claim()).toMatchObject({ jobs: [], nothingLeft: false });
    await store.queues.put("default", { concurrencyLimit: null }, T0);
    expect((await claim()).nothingLeft).toBe(false);
    expect((await claim()).nothingLeft).toBe(false);
    expect(await claim()).toMatchObject({ jobs: [], nothingLeft: true });
  });

  test("a store that keeps calls in order gives a job to the claim that follows its submit", async () => {
    const { store } = subject;
    if (!store.inOrder) return;
    await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 + 60_000 });
    const job = jobRecord();
    const submitted = store.jobs.commit([{ type: "submit", job }], T0);
    const claimed = store.jobs.claim({ executor: job.executor, session: "ses_1", place: null, limit: 1, now: T0 });
    const settled = store.jobs.commit(
      [{ type: "stop", id: job.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "t", graceMs: 1 }],
      T0,
    );
    expect((await submitted).results).toMatchObject([{ ok: true }]);
    expect((await claimed).jobs.map(({ live }) => live.id)).toEqual([job.id]);
    expect((await settled).results).toMatchObject([{ ok: true }]);
    expect((await store.reads.get(job.id))?.state).toBe("stopping");
  });

  test("a store answers while it is open, and is closed once for all who ask", async () => {
    const { store } = subject;
    await store.ping();
    expect(await store.timeOffset()).toBeTypeOf("number");
    const last = store.jobs.commit([{ type: "submit", job: jobRecord() }], T0);
    await Promise.all([store.close(), store.close()]);
    expect((await last).results).toMatchObject([{ ok: true }]);
    await expect(store.jobs.nextDue()).rejects.toMatchObject({ code: "shutting_down" });
  });
}
