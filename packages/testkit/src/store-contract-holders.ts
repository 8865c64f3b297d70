/** Contract: the writes of holders and executors, fenced by tokens, names and references. */
import { expect, test } from "vitest";
import type { Change } from "@windlass/kernel";
import { jobRecord, settleOf, succeeded, T0 } from "./factories.ts";
import { commitOne, running } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const stop = (id: string): Change => ({
  type: "stop",
  id,
  stopFor: "cancelled",
  reason: "cancel_requested",
  message: "enough",
  by: "test",
  graceMs: 7,
});

export function describeHolders(subject: Subject): void {
  test("a launch is recorded once, adopted by its current token only, and ended by a fact from outside", async () => {
    const { store } = subject;
    const live = await running(store, { executor: "process", name: "build", timeoutMs: 1_000 });
    const held = { id: live.id, token: live.token };
    expect(await commitOne(store, { type: "adopt", ...held, session: "ses_2" })).toMatchObject({ ok: true });
    expect(await commitOne(store, { type: "launched", ...held, ref: "pid-1" })).toMatchObject({
      ok: false,
      refusal: { code: "token_stale" },
    });
    const adopted = { id: live.id, token: live.token + 1 };
    expect(await commitOne(store, { type: "launched", ...adopted, ref: "pid-1" }, T0 + 5)).toMatchObject({ ok: true });
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      holder: "external",
      phase: "running",
      session: null,
      place: "here",
      externalRef: "pid-1",
      attemptStartedAt: T0 + 5,
    });
    expect(await store.reads.attempts(live.id)).toMatchObject([
      { number: 1, phase: "running", externalRef: "pid-1", externalName: live.externalName, endedAt: null },
    ]);
    const fact = (ref: string): Change => ({
      ...settleOf(live, { ...succeeded, exitCode: 0 }),
      by: { type: "executor", name: live.externalName ?? "", ref },
    });
    expect(await commitOne(store, fact("pid-2"))).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    expect(await commitOne(store, fact("pid-1"), T0 + 9)).toMatchObject({ ok: true });
    expect(await store.reads.attempts(live.id)).toMatchObject([
      { number: 1, phase: "settled", exitCode: 0, endedAt: T0 + 9, externalRef: "pid-1" },
    ]);
  });

  test("what was made has its reference stored before it begins, once, and by the current token only", async () => {
    const { store } = subject;
    const live = await running(store, { executor: "kubernetes", name: "build" });
    const held = { id: live.id, token: live.token };
    expect(await commitOne(store, { type: "made", ...held, ref: "uid-1" })).toMatchObject({ ok: true });
    expect(await commitOne(store, { type: "made", ...held, ref: "uid-1" })).toMatchObject({ ok: true });
    expect((await store.reads.get(live.id))?.live).toMatchObject({ holder: "lease", phase: "launching", externalRef: "uid-1" });
    // Made again by a launcher that was frozen: what was recorded may have run.
    expect(await commitOne(store, { type: "made", ...held, ref: "uid-2" })).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    expect(await commitOne(store, { type: "launched", ...held, ref: "uid-2" })).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    await commitOne(store, { type: "adopt", ...held, session: "ses_2" });
    expect(await commitOne(store, { type: "made", ...held, ref: "uid-1" })).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    const adopted = { id: live.id, token: live.token + 1 };
    expect(await commitOne(store, { type: "launched", ...adopted, ref: "uid-1" })).toMatchObject({ ok: true });
    expect(await commitOne(store, { type: "made", ...adopted, ref: "uid-1" })).toMatchObject({ ok: false, refusal: { code: "conflict" } });
  });

  test("a job given back or put off counts no attempt", async () => {
    const { store } = subject;
    const live = await running(store);
    await commitOne(store, { type: "defer", id: live.id, token: live.token, until: T0 + 100, reason: "deferred" });
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      state: "scheduled",
      dueAt: T0 + 100,
      dueReason: "deferred",
      attempt: 0,
      session: null,
    });
    expect(await store.reads.attempts(live.id)).toEqual([]);
    await commitOne(store, { type: "due", id: live.id }, T0 + 100);
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_2", place: null, limit: 1, now: T0 + 101 });
    expect(jobs[0]?.live).toMatchObject({ attempt: 1, token: 2, session: "ses_2" });
    await commitOne(store, { type: "release", id: live.id, token: 2 });
    expect((await store.reads.get(live.id))?.live).toMatchObject({ state: "queued", attempt: 0 });
  });

  test("a parked attempt is completed by its token, and the first completion wins", async () => {
    const { store } = subject;
    const live = await running(store);
    const held = { id: live.id, token: live.token };
    await commitOne(store, { type: "expect", ...held, tokenHash: "h1" });
    await commitOne(store, { type: "wait", ...held, wait: { for: "completion", tokenHash: "h1" }, until: T0 + 60 });
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      state: "waiting",
      holder: "none",
      session: null,
      wait: { for: "completion", tokenHash: "h1" },
      dueAt: T0 + 60,
    });
    const complete = (tokenHash: string): Change => ({ ...settleOf(live), by: { type: "completion", tokenHash } });
    expect(await commitOne(store, complete("h2"))).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    const both = await store.jobs.commit([complete("h1"), complete("h1")], T0 + 1);
    expect(both.results).toMatchObject([{ ok: true }, { ok: false, refusal: { code: "job_finished" } }]);
  });

  test("what is stopped knows why; its holder is told, and its end keeps the reason", async () => {
    const { store } = subject;
    const live = await running(store);
    const { signals } = await store.jobs.commit([stop(live.id)], T0 + 3);
    expect([...signals.stopping]).toEqual(["ses_1"]);
    expect((await store.reads.get(live.id))?.live).toMatchObject({
      state: "stopping",
      stop: { stopFor: "cancelled", reason: "cancel_requested", message: "enough", by: "test", at: T0 + 3, graceMs: 7 },
    });
    await commitOne(
      store,
      { ...settleOf(live, { outcome: "failed", reason: "signal", message: null, signal: "SIGTERM" }), stopped: true },
      T0 + 4,
    );
    expect((await store.reads.get(live.id))?.final).toMatchObject({
      state: "cancelled",
      outcome: "cancelled",
      reason: "cancel_requested",
      message: "enough",
    });
    expect(await store.reads.attempts(live.id)).toMatchObject([{ signal: "SIGTERM", outcome: "cancelled" }]);
  });

  test("what is held by a session that is not open any more is found", async () => {
    const { store } = subject;
    const live = await running(store);
    await commitOne(store, { type: "submit", job: jobRecord() });
    expect(await store.jobs.live({ forsaken: true }, 10)).toEqual([]);
    await store.sessions.close("ses_1");
    expect((await store.jobs.live({ forsaken: true }, 10)).map(({ id }) => id)).toEqual([live.id]);
    await commitOne(store, settleOf(live));
    expect(await store.jobs.live({ forsaken: true }, 10)).toEqual([]);
  });

  test("live jobs are read by their ids, and those that have ended are not among them", async () => {
    const { store } = subject;
    const ended = await running(store);
    await commitOne(store, settleOf(ended));
    const jobs = [jobRecord(), jobRecord(), jobRecord()] as const;
    for (const job of jobs) await commitOne(store, { type: "submit", job });
    const found = await store.jobs.live({ ids: [jobs[2].id, ended.id, jobs[0].id, "job_none"] }, 10);
    expect(found.map(({ id }) => id)).toEqual([jobs[0].id, jobs[2].id].toSorted());
  });

  test("work that is lost with its holder is tried again, and the late holder is refused", async () => {
    const { store } = subject;
    const live = await running(store);
    await commitOne(store, { type: "lose", id: live.id, token: live.token, reason: "worker_lost", message: "gone", random: 0 }, T0 + 10);
    expect((await store.reads.get(live.id))?.live).toMatchObject({ state: "scheduled", dueReason: "back_off" });
    expect(
      await commitOne(store, { type: "progress", id: live.id, token: live.token, progress: { fraction: 1, text: null } }),
    ).toMatchObject({ ok: false });
    expect(await commitOne(store, settleOf(live))).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
  });
}
