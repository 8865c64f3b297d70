/** Contract: dead letters, jobs that are moved to another queue, and what is tidied away. */
import { expect, test } from "vitest";
import { NO_RETRY, type Change, type DeadLetter, type JobRecord } from "@windlass/kernel";
import type { ClaimRequest, DeadLetterFilter, Store } from "@windlass/ports";
import { childRecord, compositeRecord, failed, jobRecord, settleOf, T0 } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const request: ClaimRequest = { executor: "handler", session: "ses_1", place: null, limit: 100, now: T0 };
const DEFAULT = "default";
const HOUR = 3_600_000;
const once = { retry: NO_RETRY } as const;

/** Submits jobs, runs them, and lets each fail; returns their ids. */
async function die(store: Store, ...given: Partial<JobRecord>[]): Promise<string[]> {
  const records = given.map((one) => jobRecord({ ...once, ...one }));
  await store.jobs.commit(
    records.map((job) => ({ type: "submit", job })),
    T0,
  );
  for (const executor of new Set(records.map((record) => record.executor))) {
    const { jobs } = await store.jobs.claim({ ...request, executor, place: executor === "handler" ? null : "here" });
    await store.jobs.commit(
      jobs.map(({ live }) => settleOf(live, failed)),
      T0 + 5,
    );
  }
  return records.map(({ id }) => id);
}

async function lettersOf(store: Store, filter: Partial<DeadLetterFilter> = {}): Promise<readonly DeadLetter[]> {
  return store.deadLetters.list({ workspace: DEFAULT, limit: 100, ...filter });
}

/** Returns how many calls it took. */
async function tidyAll(store: Store, now: number): Promise<number> {
  let calls = 1;
  for (let after = await store.jobs.tidy("", now); after !== ""; after = await store.jobs.tidy(after, now)) calls++;
  return calls;
}

const idsOf = (letters: readonly DeadLetter[]): string[] => letters.map(({ jobId }) => jobId);

export function describeLetters(subject: Subject): void {
  test("a handler job that failed for good is a dead letter of its queue; what succeeded, was cancelled or will be tried again is none", async () => {
    const { store } = subject;
    const [dead] = await die(store, { name: "mail", queue: "out" });
    const backoff = { initial: 1, factor: 1, max: 1, jitter: 0 };
    const [again, stopped] = [jobRecord({ retry: { limit: 1, on: ["failed"], backoff } as never }), jobRecord()];
    await store.jobs.commit(
      [again, stopped].map((job) => ({ type: "submit", job })),
      T0,
    );
    const { jobs } = await store.jobs.claim({ ...request, limit: 1 });
    await store.jobs.commit(
      [
        settleOf(jobs[0]?.live as never, failed),
        { type: "stop", id: stopped.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 },
      ],
      T0 + 1,
    );
    expect(await lettersOf(store)).toEqual([
      {
        jobId: dead,
        workspace: DEFAULT,
        queue: "out",
        name: "mail",
        outcome: "failed",
        reason: "exit_code",
        message: failed.message,
        attempts: 1,
        diedAt: T0 + 5,
        redrives: 0,
        redrivenAt: null,
        redrivenBy: null,
        redrivenAs: null,
      },
    ]);
  });

  test("whoever submits a job may say whether it is one; then its queue does; steps and executions are none", async () => {
    const { store } = subject;
    await store.queues.put("quiet", { deadLetters: false }, T0);
    const wanted = await die(
      store,
      { queue: "quiet", deadLetter: true },
      { queue: "quiet" },
      { deadLetter: false },
      { executor: "process" },
      { executor: "process", deadLetter: true },
    );
    expect(idsOf(await lettersOf(store))).toEqual([wanted[4], wanted[0]]);
    const late = jobRecord({ startDeadline: T0, deadLetter: true });
    const unsaid = jobRecord({ startDeadline: T0 });
    const root = compositeRecord();
    await store.jobs.commit(
      [late, unsaid, root].flatMap((job) => [{ type: "submit", job }, ...(job === root ? [] : [{ type: "expire", id: job.id } as const])]),
      T0,
    );
    await store.jobs.claim({ ...request, executor: "none" });
    await commitOne(store, { type: "submit", job: childRecord(root, "a", { ...once, deadLetter: true }) });
    const { jobs } = await store.jobs.claim(request);
    await store.jobs.commit([settleOf(jobs[0]?.live as never, failed)], T0 + 6);
    expect(idsOf(await lettersOf(store))).toEqual([late.id, wanted[4], wanted[0]]);
  });

  test("letters are found by queue, reason, name and time, marked once for each redrive, and go when they are struck off or their job is removed", async () => {
    const { store } = subject;
    const [a, b, c] = await die(store, { queue: "x", name: "one" }, { queue: "x", name: "two" }, { queue: "y", name: "one" });
    expect(idsOf(await lettersOf(store, { queue: "x" }))).toEqual([b, a]);
    expect(idsOf(await lettersOf(store, { name: "one" }))).toEqual([c, a]);
    expect(idsOf(await lettersOf(store, { reason: "worker_lost" }))).toEqual([]);
    expect(idsOf(await lettersOf(store, { since: T0 + 6 }))).toEqual([]);
    expect(idsOf(await lettersOf(store, { until: T0 + 6, limit: 1 }))).toEqual([c]);
    expect(idsOf(await lettersOf(store, { after: c as string }))).toEqual([b, a]);
    expect(idsOf(await lettersOf(store, { workspace: "other" }))).toEqual([]);
    const mark = { jobId: a as string, redrives: 0, as: "job_new" };
    await store.deadLetters.redriven([mark], { by: "ann", at: T0 + 7 });
    await store.deadLetters.redriven([{ ...mark, as: "job_other" }], { by: "bob", at: T0 + 8 });
    expect(await lettersOf(store, { redriven: true })).toMatchObject([
      { jobId: a, redrives: 1, redrivenAt: T0 + 7, redrivenBy: "ann", redrivenAs: "job_new" },
    ]);
    expect(idsOf(await lettersOf(store, { redriven: false }))).toEqual([c, b]);
    expect(await store.deadLetters.remove([a as string, "job_none"])).toBe(1);
    expect((await store.reads.get(a as string))?.final?.state).toBe("failed");
    await store.retention.remove([b as string]);
    expect(idsOf(await lettersOf(store, { ids: [a as string, b as string, c as string] }))).toEqual([c]);
  });

  test("a job that waits is moved to another queue, with all that is read of it, and is claimed there; one that runs is not", async () => {
    const { store } = subject;
    const [job, other] = [jobRecord({ queue: "from" }), jobRecord({ queue: "from", priority: 1 })];
    await store.jobs.commit(
      [job, other].map((one) => ({ type: "submit", job: one })),
      T0,
    );
    const { jobs } = await store.jobs.claim({ ...request, limit: 1 });
    expect(jobs[0]?.record.id).toBe(other.id);
    const move = { type: "move", from: "from", to: "to", by: "ann" } as const;
    const { results, signals } = await store.jobs.commit(
      [
        { ...move, id: job.id },
        { ...move, id: other.id },
      ],
      T0,
    );
    expect(results).toMatchObject([{ ok: true }, { ok: false, refusal: { code: "conflict" } }]);
    expect([...signals.ready]).toEqual(["handler/to"]);
    expect((await store.jobs.commit([{ ...move, id: job.id }], T0)).results).toMatchObject([{ ok: true }]);
    expect((await store.reads.events(job.id, 1, 9)).map(({ type, data }) => [type, data])).toEqual([
      ["job.moved", { from: "from", to: "to", by: "ann" }],
    ]);
    expect((await store.reads.list({ workspace: DEFAULT, queue: "to", limit: 9 })).map(({ record }) => record.id)).toEqual([job.id]);
    expect((await store.jobs.claim({ ...request, queues: ["from"] })).jobs).toEqual([]);
    const claimed = await store.jobs.claim({ ...request, queues: ["to"] });
    expect(claimed.jobs).toMatchObject([{ record: { id: job.id, queue: "to" }, live: { queue: "to" } }]);
    expect((await store.jobs.live({ queue: "from" }, 9)).map(({ id }) => id)).toEqual([other.id]);
  });

  test("a key that nobody uses is forgotten, one that a job holds or will ask for is not", async () => {
    const { store } = subject;
    const concurrency = (key: string) => ({ concurrency: { key, limit: 2 } });
    const [ended, later] = [jobRecord(concurrency("ended")), jobRecord({ ...concurrency("later"), notBefore: T0 + 9_999 })];
    await store.jobs.commit(
      [ended, jobRecord(concurrency("held")), later].map((job) => ({ type: "submit", job })),
      T0,
    );
    const { jobs } = await store.jobs.claim(request);
    await commitOne(store, settleOf(jobs.find(({ record }) => record.id === ended.id)?.live as never));
    await tidyAll(store, T0);
    const limits = await Promise.all(["ended", "held", "later"].map((key) => store.reads.keyHolders(key)));
    // A key that is not there has the limit 1.
    expect(limits.map(({ limit, holders }) => [limit, holders.length])).toEqual([
      [1, 0],
      [2, 1],
      [2, 0],
    ]);
  });

  test("a bucket that is full again is forgotten, and the settings of a queue when they are deleted", async () => {
    const { store } = subject;
    await store.queues.put(DEFAULT, { rateLimit: { limit: 1, perSeconds: 1 } }, T0);
    await commitOne(store, { type: "submit", job: jobRecord() });
    await store.jobs.claim(request);
    await tidyAll(store, T0 + 999);
    expect((await store.queues.state(DEFAULT, "")).spentUntil).toBe((T0 + 1_000) * 1_000);
    await tidyAll(store, T0 + 1_000);
    expect((await store.queues.state(DEFAULT, "")).spentUntil).toBe(0);
    expect([await store.queues.remove(DEFAULT), await store.queues.remove(DEFAULT)]).toEqual([true, false]);
    expect(await store.queues.get(DEFAULT)).toBeNull();
  });

  test("a job whose handler nobody knows is a dead letter after a day of claims", async () => {
    const { store } = subject;
    const job = jobRecord({ queue: "mail" });
    await commitOne(store, { type: "submit", job });
    let claims = 0;
    for (let now = T0; claims < 200; now += HOUR) {
      const [claimed] = (await store.jobs.claim({ ...request, now })).jobs;
      if (claimed === undefined) break;
      claims++;
      const { id, token } = claimed.live;
      await store.jobs.commit([{ type: "defer", id, token, until: now + 1, reason: "handler_unknown" }], now);
      if ((await store.jobs.due(now + 1, 9)).length > 0) await store.jobs.commit([{ type: "due", id }], now + 1);
    }
    expect(claims).toBe(101);
    const died = { jobId: job.id, queue: "mail", outcome: "failed_config", reason: "handler_unknown", attempts: 1 };
    expect(await lettersOf(store)).toMatchObject([died]);
  });

  test("buckets are tidied a thousand at a time, and what is not full again stays", async () => {
    const { store } = subject;
    await store.queues.put(DEFAULT, { keyRateLimit: { limit: 1, perSeconds: 1 } }, T0);
    const keys = Array.from({ length: 1_050 }, (_, i) => `k${String(i).padStart(4, "0")}`);
    for (let from = 0; from < keys.length; from += 350) {
      const page = keys.slice(from, from + 350).map((fairnessKey): Change => ({ type: "submit", job: jobRecord({ fairnessKey }) }));
      await store.jobs.commit(page, T0);
      const now = from === 0 ? T0 + 500 : T0;
      expect((await store.jobs.claim({ ...request, limit: 350, now })).jobs).toHaveLength(350);
    }
    const spent = async (): Promise<boolean[]> =>
      Promise.all(
        [0, 349, 350, 999, 1_049].map(async (i) => {
          const key = keys[i] ?? "";
          return ((await store.queues.state(DEFAULT, key)).fairness.get(key)?.spentUntil ?? 0) > 0;
        }),
      );
    expect(await spent()).toEqual([true, true, true, true, true]);
    expect(await tidyAll(store, T0 + 1_000)).toBe(3);
    expect(await spent()).toEqual([true, true, false, false, false]);
  });
}
