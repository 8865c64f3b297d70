/** An end by what a claim left counts only while the row is as the claim left it, whoever has changed it. */
import { beforeEach, describe, expect, test } from "vitest";
import type { ClaimedJob, Store } from "@windlass/ports";
import { failed, jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { querierOf } from "./connection.ts";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("what a claim left", () => {
  const opened = testStores(postgres, 2);
  let here: Store;
  let elsewhere: Store;
  beforeEach(() => {
    [here, elsewhere] = opened.stores as [Store, Store];
  });
  const claimed = async (count: number): Promise<readonly ClaimedJob[]> => {
    await here.jobs.commit(
      Array.from({ length: count }, () => ({ type: "submit", job: jobRecord() }) as const),
      T0,
    );
    return (await here.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: count, now: T0 })).jobs;
  };
  const endAll = async (jobs: readonly ClaimedJob[]): Promise<readonly boolean[]> =>
    (
      await here.jobs.commit(
        jobs.map(({ live }) => settleOf(live)),
        T0 + 1,
      )
    ).results.map(({ ok }) => ok);
  const stateOf = async (job: ClaimedJob | undefined): Promise<string | undefined> =>
    (await elsewhere.reads.get(job?.live.id ?? ""))?.state;
  test("is ended once", async () => {
    const jobs = await claimed(3);
    expect(await endAll(jobs)).toEqual([true, true, true]);
    expect(await endAll(jobs)).toEqual([false, false, false]);
    for (const job of jobs) {
      expect(await stateOf(job)).toBe("succeeded");
      expect((await here.reads.events(job.live.id, 0, 10)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    }
  });

  test("is read anew when another process has changed it, with all that was to end beside it", async () => {
    const jobs = await claimed(3);
    const [first, second] = jobs as readonly [ClaimedJob, ClaimedJob];
    const stop = { stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 } as const;
    await elsewhere.jobs.commit([{ type: "stop", id: first.live.id, ...stop }], T0);
    await elsewhere.jobs.commit(
      [{ type: "progress", id: second.live.id, token: second.live.token, progress: { fraction: 0.5, text: null } }],
      T0,
    );
    expect(await endAll(jobs)).toEqual([true, true, true]);
    expect((await elsewhere.reads.get(second.live.id))?.final?.progress).toEqual({ fraction: 0.5, text: null });
    const events = await here.reads.events(first.live.id, 0, 10);
    expect(
      events.map(({ seq }) => seq),
      "the end is behind the stop",
    ).toEqual([1, 2, 3, 4]);
  });

  test("is not ended by a token that is stale since somebody else has claimed the job", async () => {
    const [job] = await claimed(1);
    if (job === undefined) throw new Error("it was claimed");
    await elsewhere.jobs.commit([{ type: "release", id: job.live.id, token: job.live.token }], T0);
    const again = await elsewhere.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    expect(again.jobs).toHaveLength(1);
    expect(await endAll([job])).toEqual([false]);
    expect(await stateOf(job)).toBe("running");
    expect((await elsewhere.jobs.commit([settleOf(again.jobs[0]?.live as never)], T0)).results[0]?.ok).toBe(true);
  });

  test("is read anew when its row was changed and nothing else shows it", async () => {
    const jobs = await claimed(2);
    const halfway = JSON.stringify({ fraction: 0.5, text: null });
    expect(await querierOf(opened.pool).count("UPDATE jobs_live SET progress = $1 WHERE id = $2", [halfway, jobs[1]?.live.id ?? ""])).toBe(
      1,
    );
    expect(await endAll(jobs)).toEqual([true, true]);
    expect((await here.reads.get(jobs[1]?.live.id ?? ""))?.final?.progress).toEqual({ fraction: 0.5, text: null });
  });

  test("that goes on after its end, and what is refused, is decided by what is stored", async () => {
    const retry = { limit: 3, on: ["failed"], backoff: { initial: 10, factor: 2, max: 100, jitter: 0 } } as never;
    await here.jobs.commit([{ type: "submit", job: jobRecord({ retry }) }], T0);
    const claim = { executor: "handler", session: "ses_1", place: null, limit: 1 } as const;
    const [first] = (await here.jobs.claim({ ...claim, now: T0 })).jobs;
    const { results } = await here.jobs.commit([settleOf(first?.live as never, failed)], T0);
    expect(results[0]?.ok).toBe(true);
    expect(await stateOf(first)).toBe("scheduled");
    const [other] = await claimed(1);
    const stale = settleOf({ id: other?.live.id ?? "", attempt: 1, token: 0 });
    expect((await here.jobs.commit([stale], T0)).results[0]).toMatchObject({ ok: false, refusal: { code: "token_stale" } });
    expect(await stateOf(other)).toBe("running");
  });

  test("ends together with new jobs, and with ends of jobs that another process has claimed", async () => {
    const [mine, theirs] = await claimed(2);
    await elsewhere.jobs.commit([{ type: "release", id: theirs?.live.id ?? "", token: theirs?.live.token ?? 0 }], T0);
    const [again] = (await elsewhere.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 })).jobs;
    const job = jobRecord();
    const changes = [settleOf(mine?.live as never), { type: "submit", job } as const, settleOf(again?.live as never)];
    expect((await here.jobs.commit(changes, T0)).results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(await Promise.all([mine, again].map(stateOf))).toEqual(["succeeded", "succeeded"]);
    const more = await claimed(1);
    expect(
      (await here.jobs.commit([...more.map(({ live }) => settleOf(live)), { type: "submit", job: jobRecord() }], T0)).results,
    ).toMatchObject([{ ok: true }, { ok: true, created: true }]);
  });
});
