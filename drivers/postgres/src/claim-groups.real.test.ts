/** A claim that is one row looks to everybody as if each of its jobs had one, and loses what anybody changes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Change } from "@windlass/kernel";
import type { ClaimedJob, Store } from "@windlass/ports";
import { failed, jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPool, querierOf } from "./connection.ts";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();
const session = { id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER } as const;

describe.skipIf(postgres.missing)("what was claimed together", () => {
  let stores: Store[] = [];
  let here: Store;
  let elsewhere: Store;
  let pool: ReturnType<typeof openPool>;
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    const url = await postgres.schema();
    stores = await Promise.all([0, 1].map(() => openPostgresStore({ url, clock: fakeClock() })));
    [here, elsewhere] = stores as [Store, Store];
    pool = openPool(url);
    await here.sessions.open(session);
  });
  afterEach(() => Promise.all([...stores.map((store) => store.close()), pool.end()]));

  const claimed = async (count: number, job: Parameters<typeof jobRecord>[0] = {}): Promise<readonly ClaimedJob[]> => {
    const submits = Array.from({ length: count }, () => ({ type: "submit", job: jobRecord(job) }) as const);
    await here.jobs.commit(submits, T0);
    return (await here.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: count, now: T0 })).jobs;
  };
  /** The lengths of the groups, and how many live jobs have a row of their own. */
  const stored = async (): Promise<{ groups: number[]; rows: number }> => {
    const db = querierOf(pool);
    const groups = (await db.rows("SELECT size, cardinality(job_ids) FROM claim_groups ORDER BY size")).map(([size, ids]) => {
      expect(size).toBe(ids);
      return size as number;
    });
    return { groups, rows: (await db.rows("SELECT count(*) FROM jobs_live"))[0]?.[0] as number };
  };
  const okOf = async (store: Store, changes: readonly Change[]): Promise<readonly boolean[]> =>
    (await store.jobs.commit(changes, T0 + 1)).results.map(({ ok }) => ok);
  const statesIn = async (jobs: readonly ClaimedJob[]): Promise<readonly (string | undefined)[]> =>
    Promise.all(jobs.map(async ({ live: { id } }) => (await elsewhere.reads.get(id))?.state));
  const idsOf = (jobs: readonly ClaimedJob[]): string[] => jobs.map(({ live: { id } }) => id).toSorted();

  test("is running for everybody, and nothing of it is queued", async () => {
    const jobs = await claimed(20, { timeoutMs: 500 });
    expect(jobs).toHaveLength(20);
    expect(await stored()).toEqual({ groups: [20], rows: 0 });
    const [first] = jobs as readonly [ClaimedJob];
    expect((await elsewhere.reads.get(first.live.id))?.live).toEqual(first.live);
    const list = await elsewhere.reads.list({ workspace: "default", states: ["running"], limit: 100 });
    expect(list.map(({ record }) => record.id).toSorted()).toEqual(idsOf(jobs));
    expect(await elsewhere.reads.list({ workspace: "default", states: ["queued"], limit: 100 })).toEqual([]);
    const all = await elsewhere.reads.list({ workspace: "default", limit: 100 });
    expect(all.map(({ record, live }) => `${record.id} ${live?.state}`).toSorted()).toEqual(idsOf(jobs).map((id) => `${id} running`));
    expect(await elsewhere.reads.tally({ workspace: "default", limit: 100 }, "state")).toMatchObject({ counts: { running: 20 } });
    expect(await elsewhere.reads.tally({ workspace: "default", states: ["running"], limit: 100 }, "state")).toMatchObject({
      counts: { running: 20 },
    });
    expect(await elsewhere.reads.counts("default", 100)).toMatchObject({ running: 20, queued: 0 });
    expect(await elsewhere.queues.list()).toMatchObject([{ running: 20, queued: 0, attemptsAlive: 20 }]);
    expect(await elsewhere.reads.attempts(first.live.id)).toMatchObject([{ number: 1, session: "ses_1", endedAt: null }]);
    expect((await elsewhere.reads.events(first.live.id, 0, 10)).map(({ type }) => type)).toEqual(["job.submitted", "job.started"]);
    expect((await elsewhere.jobs.live({ session: "ses_1" }, 100)).map(({ id }) => id)).toEqual(idsOf(jobs));
    expect(await elsewhere.jobs.nextDue()).toBe(T0 + 500);
    expect((await elsewhere.jobs.due(T0 + 500, 7)).map(({ id }) => id)).toEqual(idsOf(jobs).slice(0, 7));
    expect(await elsewhere.retention.remove([first.live.id]), "it lives").toEqual([]);
    expect((await elsewhere.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 9, now: T0 })).jobs).toEqual([]);
  });

  test("counts for the limit of its queue", async () => {
    await here.queues.put("default/default", { concurrencyLimit: 20 }, T0);
    const jobs = await claimed(25, { queue: "default/default" });
    expect(jobs).toHaveLength(20);
    expect((await stored()).groups).toEqual([20]);
    const claim = { executor: "handler", session: "ses_1", place: null, limit: 9, now: T0 } as const;
    expect((await elsewhere.jobs.claim(claim)).jobs).toEqual([]);
    expect(
      await okOf(
        here,
        jobs.slice(0, 3).map(({ live }) => settleOf(live)),
      ),
    ).toEqual([true, true, true]);
    expect((await elsewhere.jobs.claim(claim)).jobs).toHaveLength(3);
  });

  test("ends part by part, in any order, without a row of its own", async () => {
    const jobs = await claimed(20);
    const parts = [jobs.slice(15, 16), jobs.slice(0, 9), [...jobs.slice(9, 15), ...jobs.slice(16, 19)], jobs.slice(19)];
    const left: number[][] = [];
    for (const part of parts) {
      expect(
        await okOf(
          here,
          part.map(({ live }) => settleOf(live)),
        ),
      ).toEqual(part.map(() => true));
      const { groups, rows } = await stored();
      expect(rows).toBe(0);
      left.push(groups);
    }
    expect(left).toEqual([[19], [10], [1], []]);
    expect(new Set(await statesIn(jobs))).toEqual(new Set(["succeeded"]));
  });

  test("loses what is changed elsewhere, which the ends here then see", async () => {
    const jobs = await claimed(20);
    const [one, two, ...others] = jobs as readonly [ClaimedJob, ClaimedJob, ...ClaimedJob[]];
    const progress = { type: "progress", id: one.live.id, token: one.live.token, progress: { fraction: 0.5, text: null } } as const;
    expect(await okOf(elsewhere, [progress, { type: "release", id: two.live.id, token: two.live.token }])).toEqual([true, true]);
    expect(await stored(), "only what is changed").toEqual({ groups: [18], rows: 2 });
    expect(
      await okOf(
        here,
        jobs.map(({ live }) => settleOf(live)),
      ),
    ).toEqual([true, false, ...others.map(() => true)]);
    expect((await elsewhere.reads.get(one.live.id))?.final?.progress).toEqual({ fraction: 0.5, text: null });
    expect(await statesIn([two])).toEqual(["queued"]);
    expect(await stored()).toEqual({ groups: [], rows: 1 });
  });

  test("goes on behind one that failed here", async () => {
    const retry = { limit: 3, on: ["failed"], backoff: { initial: 10, factor: 2, max: 100, jitter: 0 } } as never;
    const [one, ...others] = (await claimed(20, { retry })) as readonly [ClaimedJob, ...ClaimedJob[]];
    expect(await okOf(here, [settleOf(one.live, failed), settleOf((others[0] as ClaimedJob).live)])).toEqual([true, true]);
    expect(await stored()).toEqual({ groups: [18], rows: 1 });
    expect(await statesIn([one])).toEqual(["scheduled"]);
    expect(
      await okOf(
        here,
        others.slice(1).map(({ live }) => settleOf(live)),
      ),
    ).toEqual(others.slice(1).map(() => true));
    expect(await stored()).toEqual({ groups: [], rows: 1 });
  });

  test("keeps a job whose end was not stored, whatever was changed elsewhere meanwhile", async () => {
    const jobs = await claimed(20);
    const [a, b, ...others] = jobs as readonly [ClaimedJob, ClaimedJob, ...ClaimedJob[]];
    // PostgreSQL refuses to store it, and the whole transaction.
    const outOfRange = settleOf(a.live, { outcome: "succeeded", output: null, exitCode: 2 ** 70 } as never);
    await expect(here.jobs.commit([outOfRange], T0)).rejects.toMatchObject({ code: expect.any(String) as string });
    expect(await okOf(elsewhere, [{ type: "release", id: b.live.id, token: b.live.token }])).toEqual([true]);
    expect(
      await okOf(
        here,
        others.map(({ live }) => settleOf(live)),
      ),
    ).toEqual(others.map(() => true));
    expect(await statesIn([a, b])).toEqual(["running", "queued"]);
    expect(await okOf(here, [settleOf(a.live)])).toEqual([true]);
  });

  test("gets no job twice when many ends and stops meet, from two processes", async () => {
    const jobs = await claimed(64);
    const stop = { type: "stop", stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 } as const;
    const ends = Array.from({ length: 8 }, (_, i) =>
      okOf(
        here,
        jobs.slice(i * 8, i * 8 + 8).map(({ live }) => settleOf(live)),
      ),
    );
    const stops = [60, 33, 7].map((i) => okOf(elsewhere, [{ ...stop, id: (jobs[i] as ClaimedJob).live.id }]));
    const results = await Promise.all([...ends, ...stops]);
    expect(results.slice(0, 8).flat(), "an end counts, with or without a stop before it").toEqual(jobs.map(() => true));
    expect(await stored()).toEqual({ groups: [], rows: 0 });
    for (const { live } of jobs) {
      const types = (await elsewhere.reads.events(live.id, 0, 10)).map(({ type }) => type);
      expect(types.filter((type) => type === "job.finished")).toHaveLength(1);
    }
  });

  test("is a group for each kind of job, and what differs otherwise has rows", async () => {
    const submits = Array.from({ length: 60 }, (_, i) => {
      const differs = i % 3 === 2 ? { timeoutMs: 1_000 + i } : {};
      return { type: "submit", job: jobRecord({ name: `kind${i % 3}`, ...differs }) } as const;
    });
    await here.jobs.commit(submits, T0);
    const { jobs } = await here.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 60, now: T0 });
    expect(await stored()).toEqual({ groups: [20, 20], rows: 20 });
    expect(new Set(await statesIn(jobs))).toEqual(new Set(["running"]));
    expect(
      await okOf(
        here,
        jobs.map(({ live }) => settleOf(live)),
      ),
    ).toEqual(jobs.map(() => true));
    expect(await stored()).toEqual({ groups: [], rows: 0 });
  });

  test("keeps when each job became ready", async () => {
    const submits = Array.from({ length: 20 }, () => ({ type: "submit", job: jobRecord() }) as const);
    await here.jobs.commit(submits.slice(0, 9), T0);
    await here.jobs.commit(submits.slice(9), T0 + 5);
    const { jobs } = await here.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 20, now: T0 + 9 });
    expect((await stored()).groups).toEqual([20]);
    const readyAts = new Map(jobs.map(({ live }) => [live.id, live.readyAt]));
    expect(new Set(readyAts.values())).toEqual(new Set([T0, T0 + 5]));
    const readAts = async (): Promise<Map<string, number | null>> =>
      new Map((await elsewhere.jobs.live({ session: "ses_1" }, 100)).map(({ id, readyAt }) => [id, readyAt]));
    expect(await readAts()).toEqual(readyAts);
    await okOf(
      here,
      jobs.slice(0, 9).map(({ live }) => settleOf(live)),
    );
    const rest = new Map([...readyAts].filter(([id]) => jobs.slice(9).some(({ live }) => live.id === id)));
    expect(await readAts(), "what is left of it").toEqual(rest);
  });
});
