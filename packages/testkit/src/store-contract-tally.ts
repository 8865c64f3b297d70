/** Contract: what a commit or a claim says that it did, in numbers; and the trace that a job is part of. */
import { expect, test } from "vitest";
import { addTally, tallyOf, type QueueTally, type Tally } from "@windlass/kernel";
import { failed, jobRecord, settleOf, succeeded, T0 } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const none: Pick<QueueTally, "submitted" | "started" | "retried" | "died"> = { submitted: 0, started: 0, retried: 0, died: 0 };

export function describeTallies(subject: Subject): void {
  test("a job keeps the trace that it is part of, also where it is claimed", async () => {
    const { store } = subject;
    const job = jobRecord({ traceparent: TRACEPARENT });
    await store.jobs.commit([{ type: "submit", job }], T0);
    expect((await store.reads.get(job.id))?.record.traceparent).toBe(TRACEPARENT);
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    expect(jobs[0]?.record.traceparent).toBe(TRACEPARENT);
  });

  test("commits and claims tell what they did for each queue; what was refused is not counted", async () => {
    const { store } = subject;
    const retry = { limit: 1, on: ["failed"], backoff: { initial: 1_000, factor: 1, max: 1_000, jitter: 0 } as never } as const;
    const [a, b] = [jobRecord({ queue: "a", retry }), jobRecord({ queue: "b", notBefore: T0 + 500 })];
    const submits = [a, b].map((job) => ({ type: "submit", job }) as const);
    const submitted = await store.jobs.commit([...submits, { type: "due", id: "job_none" }], T0);
    expect([...submitted.tally]).toMatchObject([
      ["a", { ...none, submitted: 1 }],
      ["b", { ...none, submitted: 1 }],
    ]);
    // Its wait begins when it is due, however late that is noticed.
    expect((await store.jobs.commit([{ type: "due", id: b.id }], T0 + 600)).tally.size).toBe(0);
    const { jobs, tally } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 5, now: T0 + 700 });
    expect(Object.fromEntries(tally)).toMatchObject({
      a: { ...none, started: 1, waits: { sumMs: 700 } },
      b: { ...none, started: 1, waits: { sumMs: 200 } },
    });
    const [liveA, liveB] = ["a", "b"].map((queue) => jobs.find(({ live }) => live.queue === queue)?.live as never);
    const ended = await store.jobs.commit([settleOf(liveA as never, failed), settleOf(liveB as never, succeeded)], T0 + 1_000);
    expect(Object.fromEntries(ended.tally)).toMatchObject({
      a: { ...none, retried: 1, runs: { failed: { sumMs: 300 } }, finished: {} },
      b: { ...none, runs: { succeeded: { sumMs: 300 } }, finished: { succeeded: 1 } },
    });
    // The wait of the second attempt begins with the end of the back-off.
    await store.jobs.commit([{ type: "due", id: a.id }], T0 + 2_100);
    const again = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 5, now: T0 + 2_250 });
    expect(again.tally.get("a")).toMatchObject({ started: 1, waits: { sumMs: 250 } });
    const dead = await store.jobs.commit([settleOf(again.jobs[0]?.live as never, failed)], T0 + 2_300);
    expect(dead.tally.get("a")).toMatchObject({ ...none, died: 1, finished: { failed: 1 } });
  });

  test("an attempt that goes on after it was parked did not start again", async () => {
    const { store } = subject;
    const job = jobRecord({ queue: "parked" });
    await store.jobs.commit([{ type: "submit", job }], T0);
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    const held = { id: job.id, token: jobs[0]?.live.token ?? 0 };
    const wait = { for: "completion", tokenHash: "h" } as const;
    await store.jobs.commit([{ type: "wait", ...held, wait, until: null }], T0 + 1);
    await store.jobs.commit([{ type: "resume", id: job.id }], T0 + 2);
    const resumed = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 + 3 });
    expect([resumed.jobs.length, resumed.tally.size]).toEqual([1, 0]);
  });

  test("of commits that come together each job is counted once", async () => {
    const { store } = subject;
    const jobs = Array.from({ length: 20 }, () => jobRecord({ queue: "many" }));
    const all = await Promise.all(jobs.map((job) => store.jobs.commit([{ type: "submit", job }], T0)));
    const sum: Tally = new Map();
    for (const { tally } of all) addTally(sum, tally);
    expect(tallyOf(sum, "many").submitted).toBe(20);
  });
}
