/** Contract: decisions of composites, the facts that wake them, and what else the services look for. */
import { expect, test } from "vitest";
import { assert, CLOSING_KEY, OUTPUT_LENGTH_MAX, OUTPUT_PASSED_ON_MAX, type LiveJob } from "@windlass/kernel";
import type { Store, WokenJob } from "@windlass/ports";
import { advanceOf, childRecord, compositeRecord, jobRecord, settleOf, succeeded, T0 } from "./factories.ts";
import { commitOne, running } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

async function wokenOne(store: Store): Promise<WokenJob> {
  const [job] = await store.jobs.woken(10);
  assert(job !== undefined, "a job is woken");
  return job;
}

async function liveOf(store: Store, id: string): Promise<LiveJob> {
  const live = (await store.reads.get(id))?.live;
  assert(live !== null && live !== undefined, "the job is alive");
  return live;
}

export function describeDecisions(subject: Subject): void {
  test("facts reach a decision in the order in which they happened, with the end of each child", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const started = await wokenOne(store);
    expect(started).toMatchObject({ live: { id: parent.id }, facts: [{ type: "started" }], seen: 1 });
    const children = [childRecord(parent, "a"), childRecord(parent, "b")];
    expect(await commitOne(store, advanceOf(started.live, { children, cursor: { open: 2, plan: ["a", "b"] } }))).toMatchObject({
      ok: true,
    });
    expect(await store.jobs.woken(10)).toEqual([]);
    expect(await store.jobs.cursor(parent.id)).toEqual({ open: 2, plan: ["a", "b"] });
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 10, now: T0 + 2 });
    for (const job of jobs.toReversed()) await commitOne(store, settleOf(job.live, { ...succeeded, output: job.record.childKey }));
    const woken = await wokenOne(store);
    expect(woken.facts).toMatchObject([
      { type: "child", key: "b", output: "b", outcome: "succeeded" },
      { type: "child", key: "a", output: "a" },
    ]);
    expect([woken.seen, woken.live.wakes, woken.live.openChildren]).toEqual([3, 3, 0]);
  });

  test("a job is stopped only while nothing of it has begun, when that is asked for", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const children = ["a", "b"].map((key) => childRecord(parent, key));
    const ids = children.map(({ id }) => id);
    await commitOne(store, advanceOf((await wokenOne(store)).live, { children }));
    const stop = {
      type: "stop",
      id: parent.id,
      stopFor: "cancelled",
      reason: "workflow_disabled",
      message: null,
      by: "ann",
      graceMs: 1,
    } as const;
    const refused = { ok: false, refusal: { code: "conflict" } };
    expect(await commitOne(store, { ...stop, unbegun: ids.slice(1) }), "there is another one").toMatchObject(refused);
    const claim = { executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 + 2 } as const;
    const [claimed] = (await store.jobs.claim(claim)).jobs;
    assert(claimed !== undefined, "a child begins");
    expect(await commitOne(store, { ...stop, unbegun: ids })).toMatchObject(refused);
    await commitOne(store, { type: "release", id: claimed.live.id, token: claimed.live.token });
    expect(await commitOne(store, { ...stop, unbegun: ids }), "given back").toMatchObject({ ok: true });
    expect((await liveOf(store, parent.id)).state).toBe("stopping");
  });

  test("of a large output a decision is told where it stands, and there it is whole; the longest one allowed can be stored", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const children = ["a", "b", "c"].map((key) => childRecord(parent, key));
    await commitOne(store, advanceOf((await wokenOne(store)).live, { children }));
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 10, now: T0 + 2 });
    const lengths = [OUTPUT_PASSED_ON_MAX, OUTPUT_PASSED_ON_MAX + 1, OUTPUT_LENGTH_MAX];
    const outputs = lengths.map((length) => `${"€".repeat(length - 3)}x`);
    for (const [index, job] of jobs.entries()) await commitOne(store, settleOf(job.live, { ...succeeded, output: outputs[index] }));
    const [of, ofLarger] = [jobs[1]?.live.id, jobs[2]?.live.id];
    expect((await wokenOne(store)).facts).toMatchObject([
      { key: "a", output: outputs[0] },
      { key: "b", output: null, outputRef: { of, length: lengths[1] } },
      { key: "c", output: null, outputRef: { of: ofLarger, length: lengths[2] } },
    ]);
    for (const [index, job] of jobs.entries()) expect((await store.reads.get(job.live.id))?.final?.output).toBe(outputs[index]);
    // A list holds hundreds of jobs, so it leaves out what is large.
    const listed = await store.reads.list({ workspace: "default", parentId: parent.id, limit: 10, states: ["succeeded"] });
    expect(listed.map(({ final }) => final?.output)).toEqual([null, null, null]);
  });

  test("a job that was not started is not woken; what happened meanwhile waits for it", async () => {
    const { store } = subject;
    const parent = compositeRecord();
    await commitOne(store, { type: "submit", job: parent });
    await commitOne(store, { type: "submit", job: childRecord(await liveOf(store, parent.id), "a") });
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    for (const job of jobs) await commitOne(store, settleOf(job.live));
    expect((await liveOf(store, parent.id)).wakes).toBe(1);
    expect(await store.jobs.woken(10)).toEqual([]);
    await store.jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 1, now: T0 });
    expect((await wokenOne(store)).facts).toMatchObject([{ type: "child", key: "a" }, { type: "started" }]);
  });

  test("a job that is stopping makes no child but the one that cleans up, which is no orphan", async () => {
    const { store } = subject;
    await running(store, compositeRecord());
    const { live } = await wokenOne(store);
    await commitOne(store, advanceOf(live, { children: [childRecord(live, "a")] }));
    const stop = {
      type: "stop",
      id: live.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    } as const;
    await commitOne(store, stop);
    const stopping = (await wokenOne(store)).live;
    const child = (key: string): ReturnType<typeof advanceOf> => advanceOf(stopping, { children: [childRecord(live, key)] });
    expect(await commitOne(store, child("b"))).toMatchObject({ ok: false, refusal: { code: "parent_closed" } });
    expect(await commitOne(store, child(CLOSING_KEY))).toMatchObject({ ok: true });
    expect((await store.jobs.live({ orphaned: true }, 10)).map((one) => one.childKey)).toEqual(["a"]);
  });

  test("of two decisions about the same facts the second is refused", async () => {
    const { store } = subject;
    await running(store, compositeRecord());
    const { live } = await wokenOne(store);
    const child = (key: string): ReturnType<typeof advanceOf> => advanceOf(live, { children: [childRecord(live, key)] });
    expect(await commitOne(store, child("a"))).toMatchObject({ ok: true });
    expect(await commitOne(store, child("b"))).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    expect((await store.jobs.live({ parentId: live.id }, 10)).map((one) => one.childKey)).toEqual(["a"]);
  });

  test("a decision may not end a job while there is a fact that it has not seen, or a child that is open", async () => {
    const { store } = subject;
    await running(store, compositeRecord());
    const first = await wokenOne(store);
    await commitOne(store, advanceOf(first.live, { children: [childRecord(first.live, "a")], cursor: { open: 1 } }));
    const waiting = await liveOf(store, first.live.id);
    expect(await commitOne(store, advanceOf(waiting, { finish: succeeded }))).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    await commitOne(store, settleOf(jobs[0]?.live as LiveJob));
    expect(await commitOne(store, advanceOf(waiting, { finish: succeeded }))).toMatchObject({
      ok: false,
      refusal: { code: "token_stale" },
    });
    const { live } = await wokenOne(store);
    expect(await commitOne(store, advanceOf(live, { finish: { ...succeeded, output: 1 } }))).toMatchObject({ ok: true });
    expect(await store.reads.get(live.id)).toMatchObject({ state: "succeeded", live: null, final: { output: 1 } });
    expect(await store.jobs.cursor(live.id)).toEqual({});
    expect(await store.jobs.woken(10)).toEqual([]);
  });

  test("entries of a cursor are changed and removed one by one, and facts beyond those seen stay", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const { live } = await wokenOne(store);
    await commitOne(store, advanceOf(live, { cursor: { a: 1, b: { c: [2] } }, waitUntil: T0 + 50 }), T0 + 1);
    expect(await liveOf(store, parent.id)).toMatchObject({ state: "waiting", dueAt: T0 + 50 });
    expect(await commitOne(store, { type: "due", id: parent.id }, T0 + 50)).toMatchObject({ ok: true });
    await commitOne(store, advanceOf((await wokenOne(store)).live, { waitUntil: T0 + 90 }), T0 + 50);
    await commitOne(
      store,
      { type: "stop", id: parent.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 },
      T0 + 51,
    );
    // Nothing carries it, and there is nothing that it has not seen, so it ended at once: nothing is left of it.
    expect((await store.reads.get(parent.id))?.state).toBe("cancelled");
    const other = await running(store, compositeRecord());
    const one = await wokenOne(store);
    await commitOne(store, advanceOf(one.live, { cursor: { a: 1, b: { c: [2] } }, children: [childRecord(other, "x")] }));
    await commitOne(store, {
      type: "stop",
      id: other.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    });
    const stopping = await wokenOne(store);
    expect(stopping.facts).toEqual([{ type: "stopping" }]);
    await commitOne(store, advanceOf(stopping.live, { seen: stopping.live.decided, cursor: { a: null, b: 3 } }));
    expect(await store.jobs.cursor(other.id)).toEqual({ b: 3 });
    expect((await wokenOne(store)).facts).toEqual([{ type: "stopping" }]);
  });

  test("a decision stops its children, those that wait at once and those that run politely", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const { live } = await wokenOne(store);
    const [a, b] = [childRecord(parent, "a"), childRecord(parent, "b")];
    await commitOne(store, advanceOf(live, { children: [a, b] }));
    await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    const now = await liveOf(store, parent.id);
    const stops = [a, b].map((child) => ({ id: child.id, reason: "fail_fast", message: null }) as const);
    const { signals } = await store.jobs.commit([advanceOf(now, { stops })], T0 + 3);
    expect([...signals.stopping]).toEqual(["ses_1"]);
    expect([(await store.reads.get(a.id))?.state, (await store.reads.get(b.id))?.state]).toEqual(["stopping", "cancelled"]);
    expect((await wokenOne(store)).facts).toMatchObject([{ type: "child", key: "b", outcome: "cancelled", reason: "fail_fast" }]);
  });

  test("what is due comes earliest first, and the next time is known", async () => {
    const { store } = subject;
    expect(await store.jobs.nextDue()).toBeNull();
    const [late, soon, deadline] = [
      jobRecord({ notBefore: T0 + 30 }),
      jobRecord({ notBefore: T0 + 10 }),
      jobRecord({ startDeadline: T0 + 20 }),
    ];
    await store.jobs.commit(
      [late, soon, deadline, jobRecord()].map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    expect(await store.jobs.nextDue()).toBe(T0 + 10);
    expect((await store.jobs.due(T0 + 30, 10)).map((live) => live.id)).toEqual([soon.id, deadline.id, late.id]);
    expect((await store.jobs.due(T0 + 29, 1)).map((live) => live.id)).toEqual([soon.id]);
    await store.jobs.commit(
      [
        { type: "due", id: soon.id },
        { type: "expire", id: deadline.id },
      ],
      T0 + 20,
    );
    expect((await store.reads.get(deadline.id))?.state).toBe("expired");
    expect(await store.jobs.nextDue()).toBe(T0 + 30);
  });

  test("live jobs are found by session, place, state, executor and parent, in the order of ids", async () => {
    const { store } = subject;
    const held = await running(store);
    const placed = await running(store, { executor: "process" });
    const parent = await running(store, compositeRecord());
    const child = childRecord(parent, "a");
    await commitOne(store, { type: "submit", job: child });
    const ids = async (filter: Parameters<Store["jobs"]["live"]>[0], limit = 10): Promise<string[]> =>
      (await store.jobs.live(filter, limit)).map((live) => live.id);
    expect(await ids({})).toEqual([held.id, placed.id, parent.id, child.id].toSorted());
    expect(await ids({ after: held.id }, 1)).toEqual([placed.id]);
    expect(await ids({ session: "ses_1" })).toEqual([held.id, placed.id]);
    expect(await ids({ place: "here" })).toEqual([placed.id]);
    expect(await ids({ states: ["queued"] })).toEqual([child.id]);
    expect(await ids({ states: [] })).toEqual([]);
    expect(await ids({ executor: "none", states: ["running", "queued"] })).toEqual([parent.id]);
    expect(await ids({ parentId: parent.id })).toEqual([child.id]);
    expect(await ids({ orphaned: true })).toEqual([]);
    await commitOne(store, {
      type: "stop",
      id: parent.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    });
    expect(await ids({ orphaned: true })).toEqual([child.id]);
  });
}
