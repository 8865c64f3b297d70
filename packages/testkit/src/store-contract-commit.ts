/** Contract: each change on its own merits, durable, numbered (S1 to S3). */
import { expect, test } from "vitest";
import type { Change, ChangeResult, LiveJob } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { childRecord, compositeRecord, failed, jobRecord, settleOf, succeeded, T0 } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

/** Submits and claims one job; returns it as it lives. */
export async function running(store: Store, given: Parameters<typeof jobRecord>[0] = {}): Promise<LiveJob> {
  const record = jobRecord(given);
  await store.jobs.commit([{ type: "submit", job: record }], T0);
  const { jobs } = await store.jobs.claim({
    executor: record.executor,
    queues: [record.queue],
    session: "ses_1",
    place: "here",
    limit: 1,
    now: T0 + 1,
  });
  const live = jobs.find((job) => job.record.id === record.id)?.live;
  if (live === undefined) throw new Error("the job was not claimed");
  return live;
}

export async function commitOne(store: Store, change: Change, now = T0): Promise<ChangeResult> {
  const { results } = await store.jobs.commit([change], now);
  return results[0] as ChangeResult;
}

export function describeChanges(subject: Subject): void {
  test("a submitted job can be read as it was submitted", async () => {
    const { store } = subject;
    const job = jobRecord({
      input: { n: 1, text: "ä\u0000\n" },
      labels: { team: "core", tier: "1" },
      concurrency: { key: "k", limit: 2 },
      retry: { limit: 3, on: ["failed"], backoff: { initial: 10, factor: 2, max: 100, jitter: 0 } as never },
      timeoutMs: 5_000,
      notBefore: T0 + 10,
      startDeadline: T0 + 100,
      priority: -7,
      commit: "abc",
    });
    const { results, signals } = await store.jobs.commit([{ type: "submit", job }], T0);
    expect(results).toEqual([{ ok: true, id: job.id, created: true }]);
    expect(signals.timerAt).toBe(T0 + 10);
    const view = await store.reads.get(job.id);
    expect(view?.record).toEqual(job);
    expect(view?.state).toBe("scheduled");
    expect(await store.jobs.records([job.id, "job_none"])).toEqual([job]);
    expect((await store.reads.events(job.id, 0, 10)).map((event) => event.type)).toEqual(["job.submitted"]);
  });

  test("a job that ended is no longer alive, and tells how it ended", async () => {
    const { store } = subject;
    const live = await running(store);
    const { results } = await store.jobs.commit([settleOf(live, { ...succeeded, output: { sum: 3 }, evidence: { peak: 7 } })], T0 + 5);
    expect(results).toEqual([{ ok: true, id: live.id }]);
    const view = await store.reads.get(live.id);
    expect(view).toMatchObject({
      state: "succeeded",
      live: null,
      final: { outcome: "succeeded", output: { sum: 3 }, attempts: 1, startedAt: T0 + 1, finishedAt: T0 + 5 },
    });
    expect(await store.jobs.live({}, 10)).toEqual([]);
    expect(await store.reads.attempts(live.id)).toMatchObject([
      { number: 1, phase: "settled", outcome: "succeeded", evidence: { peak: 7 }, endedAt: T0 + 5 },
    ]);
    expect((await store.reads.events(live.id, 0, 10)).map((event) => event.seq)).toEqual([1, 2, 3]);
    expect(await commitOne(store, settleOf(live), T0 + 6)).toMatchObject({ ok: false, refusal: { code: "job_finished" } });
  });

  test("what is told of an attempt that goes on outside is kept until it ends, and then with the attempt", async () => {
    const { store } = subject;
    await commitOne(store, { type: "submit", job: jobRecord({ executor: "kubernetes" }) });
    const { jobs } = await store.jobs.claim({ executor: "kubernetes", session: "ses_1", place: "here", limit: 1, now: T0 });
    const live = jobs[0]?.live as LiveJob;
    const by = { type: "executor", name: live.externalName ?? "", ref: null } as const;
    const observed = { state: "pending", reason: "unschedulable", message: "no node", node: "n1" } as const;
    await commitOne(store, { type: "observe", id: live.id, attempt: 1, by, observed });
    expect((await store.reads.get(live.id))?.live?.observed).toMatchObject(observed);
    expect(await store.reads.attempts(live.id)).toMatchObject([{ evidence: { observed } }]);
    await commitOne(store, {
      type: "settle",
      id: live.id,
      attempt: 1,
      by,
      result: succeeded,
      stopped: false,
      told: "succeeded",
      random: 0,
    });
    expect(await store.reads.attempts(live.id)).toMatchObject([{ evidence: { observed, toldState: "succeeded", toldEvent: 4 } }]);
  });

  test("a refused change leaves no trace and does not undo its neighbours (S2)", async () => {
    const { store } = subject;
    const live = await running(store);
    const job = jobRecord();
    const stale = { ...settleOf(live), by: { type: "holder", token: 99 } } as Change;
    const { results } = await store.jobs.commit(
      [
        { type: "submit", job },
        stale,
        { type: "due", id: "job_none" },
        { type: "progress", id: live.id, token: live.token, progress: { fraction: 0.5, text: "half" } },
      ],
      T0 + 2,
    );
    expect(results.map((result) => (result.ok ? "ok" : result.refusal.code))).toEqual(["ok", "token_stale", "not_found", "ok"]);
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      state: "running",
      progress: { fraction: 0.5, text: "half" },
      revision: live.revision + 1,
    });
    expect((await store.reads.events(live.id, 2, 10)).map((event) => [event.seq, event.type])).toEqual([[3, "job.progress"]]);
  });

  test("the same idempotency key makes one job, and is refused for another request", async () => {
    const { store } = subject;
    const first = jobRecord({ idempotencyKey: "once", requestHash: "a" });
    const again = jobRecord({ idempotencyKey: "once", requestHash: "a" });
    const other = jobRecord({ idempotencyKey: "once", requestHash: "b" });
    await store.workspaces.add({ name: "other", createdBy: "ann", createdAt: T0 });
    const elsewhere = jobRecord({ idempotencyKey: "once", requestHash: "b", workspace: "other" });
    const both = await store.jobs.commit(
      [
        { type: "submit", job: first },
        { type: "submit", job: again },
      ],
      T0,
    );
    expect(both.results).toEqual([
      { ok: true, id: first.id, created: true },
      { ok: true, id: first.id, created: false },
    ]);
    expect(await commitOne(store, { type: "submit", job: again })).toEqual({ ok: true, id: first.id, created: false });
    expect(await commitOne(store, { type: "submit", job: other })).toMatchObject({ ok: false, refusal: { code: "idempotency_mismatch" } });
    expect([await store.reads.made(first.workspace, "once"), await store.reads.made(first.workspace, "other")]).toEqual([first.id, null]);
    expect(await commitOne(store, { type: "submit", job: elsewhere })).toMatchObject({ ok: true, created: true });
    expect(await store.reads.get(again.id)).toBeNull();
  });

  test("a child is made once for its key, and never under a parent that is stopping or has ended", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    const child = childRecord(parent, "a");
    expect(await commitOne(store, { type: "submit", job: child })).toMatchObject({ ok: true, created: true });
    expect(await commitOne(store, { type: "submit", job: childRecord(parent, "a") })).toEqual({ ok: true, id: child.id, created: false });
    expect((await store.reads.get(parent.id))?.live).toMatchObject({ openChildren: 1, childrenMade: 1 });
    await commitOne(store, {
      type: "stop",
      id: parent.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    });
    expect(await commitOne(store, { type: "submit", job: childRecord(parent, "b") })).toMatchObject({
      ok: false,
      refusal: { code: "parent_closed" },
    });
    const single = await running(store, { queue: "other" });
    await commitOne(store, settleOf(single));
    expect(await commitOne(store, { type: "submit", job: childRecord(single, "a") })).toMatchObject({
      ok: false,
      refusal: { code: "parent_closed" },
    });
    expect(
      await commitOne(store, { type: "submit", job: childRecord({ id: "job_none", rootId: "job_none", path: "" }, "a") }),
    ).toMatchObject({ ok: false, refusal: { code: "not_found" } });
  });

  test("an attempt that failed is kept when another follows", async () => {
    const { store } = subject;
    const live = await running(store, {
      retry: { limit: 1, on: ["failed"], backoff: { initial: 1_000, factor: 2, max: 5_000, jitter: 0 } as never },
    });
    await commitOne(store, settleOf(live, failed), T0 + 10);
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      state: "scheduled",
      dueAt: T0 + 1_010,
      dueReason: "back_off",
      attempt: 1,
    });
    expect(await commitOne(store, { type: "due", id: live.id }, T0 + 1_010)).toMatchObject({ ok: true });
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_2", place: null, limit: 5, now: T0 + 1_011 });
    expect(await commitOne(store, settleOf(live), T0 + 1_012)).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    expect(await store.reads.attempts(live.id)).toMatchObject([
      { number: 1, phase: "settled", outcome: "failed", exitCode: 1 },
      { number: 2, phase: "running", outcome: null, session: "ses_2" },
    ]);
    await commitOne(store, settleOf(jobs[0]?.live as LiveJob, failed), T0 + 1_020);
    expect((await store.reads.get(live.id))?.final).toMatchObject({ state: "failed", attempts: 2 });
  });
}
