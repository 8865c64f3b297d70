/** Claims that share the transaction of a submit: what is given is what any claim would give, and stored with it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JobRecord } from "@windlass/kernel";
import type { Claimed, ClaimedJob, ClaimRequest, Committed, Store } from "@windlass/ports";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPool, querierOf } from "./connection.ts";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();
const request: ClaimRequest = { executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 10, now: T0 + 1 };

describe.skipIf(postgres.missing)("a claim that is asked for with a submit", () => {
  let stores: Store[] = [];
  let here: Store;
  let elsewhere: Store;
  let url = "";
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.schema();
    stores = [];
    for (let i = 0; i < 4; i++) stores.push(await openPostgresStore({ url, clock: fakeClock() }));
    [here, elsewhere] = stores as [Store, Store];
    for (const id of ["ses_1", "ses_2"])
      await here.sessions.open({ id, role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
  });
  afterEach(() => Promise.all(stores.map((store) => store.close())));

  const submit = (store: Store, jobs: readonly JobRecord[]): Promise<Committed> =>
    store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    );
  /** Behind a claim that has left nothing. */
  const together = async (jobs: readonly JobRecord[], given: Partial<ClaimRequest> = {}): Promise<[Committed, Claimed]> => {
    expect(await here.jobs.claim(request)).toMatchObject({ jobs: [], nothingLeft: true });
    return Promise.all([submit(here, jobs), here.jobs.claim({ ...request, ...given })]);
  };
  const idsOf = ({ jobs }: Claimed): string[] => jobs.map(({ record }) => record.id);
  const transactions = async (ids: readonly string[]): Promise<number> => {
    const pool = openPool(url);
    const sql = "SELECT xmin::text FROM jobs WHERE id = ANY($1::text[]) UNION SELECT xmin::text FROM jobs_live WHERE id = ANY($1::text[])";
    const rows = await querierOf(pool).rows(sql, [ids]);
    await pool.end();
    return rows.length;
  };

  test("shares its transaction, and nobody else hears of what it was given", async () => {
    const job = jobRecord({ input: { list: [3, 1] }, labels: { team: "web" } });
    const [{ results, signals, tally }, claimed] = await together([job]);
    expect(results).toMatchObject([{ ok: true, created: true }]);
    expect(claimed).toMatchObject({
      jobs: [{ record: job, live: { state: "running", attempt: 1, session: "ses_1", token: 1 } }],
      nothingLeft: true,
    });
    expect([...signals.ready]).toEqual([]);
    expect(tally.size).toBeGreaterThan(0);
    expect(await transactions([job.id])).toBe(1);
    expect((await elsewhere.reads.get(job.id))?.live).toEqual(claimed.jobs[0]?.live);
    expect((await elsewhere.reads.events(job.id, 0, 10)).map(({ type }) => type)).toEqual(["job.submitted", "job.started"]);
    expect((await here.jobs.commit([settleOf(claimed.jobs[0]?.live as never)], T0 + 2)).results).toMatchObject([{ ok: true }]);
    expect((await elsewhere.reads.get(job.id))?.state).toBe("succeeded");
  });

  test("is given as much as it asks for, in the order of any claim, and others hear of the rest", async () => {
    const jobs = [{}, { priority: 5 }, {}, { timeoutMs: 1_000 }, {}].map((one) => jobRecord(one));
    const [{ signals }, claimed] = await together(jobs, { limit: 2, ahead: 2 });
    const ids = jobs.map(({ id }) => id);
    expect(idsOf(claimed)).toEqual([ids[1], ids[0], ids[2]]);
    expect(claimed.nothingLeft).toBe(false);
    expect([...signals.ready]).toEqual(["handler/default"]);
    expect(idsOf(await here.jobs.claim(request))).toEqual([ids[3], ids[4]]);
  });

  test("is given what stands behind a job that may not start any more, whole", async () => {
    const jobs = [jobRecord({ startDeadline: T0 - 1 }), jobRecord({ input: { n: 2 } })];
    const [, claimed] = await together(jobs, { limit: 1 });
    expect(claimed.jobs).toMatchObject([{ record: jobs[1], live: { id: jobs[1]?.id } }]);
  });

  test("takes fairness keys in turn", async () => {
    const keys = ["b", "b", "b", "a", "a"];
    const jobs = keys.map((fairnessKey) => jobRecord({ fairnessKey }));
    const [, claimed] = await together(jobs, { limit: 4 });
    expect(claimed.jobs.map(({ record }) => record.fairnessKey)).toEqual(["a", "b", "a", "b"]);
    expect(await transactions(idsOf(claimed))).toBe(1);
  });

  test("has what is handed to it for itself", async () => {
    const job = jobRecord({ input: { list: [1] } });
    const [, claimed] = await together([job]);
    const [own] = claimed.jobs as [ClaimedJob];
    (own.record.input as { list: number[] }).list.push(2);
    expect(job.input).toEqual({ list: [1] });
  });

  test("gives what others have submitted first", async () => {
    expect((await here.jobs.claim(request)).nothingLeft).toBe(true);
    const first = jobRecord();
    await submit(elsewhere, [first]);
    const second = jobRecord();
    const [, claimed] = await Promise.all([submit(here, [second]), here.jobs.claim({ ...request, limit: 1 })]);
    expect(idsOf(claimed)).toEqual([first.id]);
    expect(idsOf(await here.jobs.claim(request))).toEqual([second.id]);
  });

  test.each([
    ["paused", { paused: true, by: "test" }],
    ["limited", { concurrencyLimit: 1 }],
    ["limited for each key", { keyConcurrencyLimit: 1 }],
    ["slowed down", { rateLimit: { limit: 1, perSeconds: 60 } }],
    ["slowed down for each key", { keyRateLimit: { limit: 1, perSeconds: 60 } }],
  ] as const)("gives nothing of a queue that was %s meanwhile, by whomever, and tells who claims then", async (_, settings) => {
    expect((await here.jobs.claim(request)).nothingLeft).toBe(true);
    await elsewhere.queues.put("default", settings, T0);
    const [{ signals }, claimed] = await Promise.all([submit(here, [jobRecord(), jobRecord()]), here.jobs.claim(request)]);
    expect(claimed).toMatchObject({ jobs: [], nothingLeft: false });
    expect([...signals.ready]).toEqual(["handler/default"]);
    // Fairness keys have limits, and these jobs have none.
    expect(idsOf(await here.jobs.claim(request))).toHaveLength(
      "paused" in settings ? 0 : Object.keys(settings)[0]?.startsWith("key") ? 2 : 1,
    );
  });

  test("gives nothing to a session that is closed", async () => {
    await here.sessions.close("ses_2");
    const [{ signals }, claimed] = await together([jobRecord()], { session: "ses_2" });
    expect(claimed.jobs).toEqual([]);
    expect([...signals.ready]).toEqual(["handler/default"]);
  });

  test("keeps the limit of a key", async () => {
    const concurrency = { key: "one", limit: 1 };
    const jobs = [jobRecord({ concurrency }), jobRecord({ concurrency }), jobRecord()];
    const [{ signals }, claimed] = await together(jobs);
    const ids = jobs.map(({ id }) => id);
    const later = [...signals.ready].length === 0 ? [] : idsOf(await here.jobs.claim(request));
    expect([...idsOf(claimed), ...later].toSorted()).toEqual([ids[0], ids[2]]);
  });

  test("finds nothing where the submit is refused, alone or with others", async () => {
    const job = jobRecord({ idempotencyKey: "k", requestHash: "h" });
    await submit(here, [job]);
    await here.jobs.claim(request);
    const [{ results }, claimed] = await together([jobRecord({ idempotencyKey: "k", requestHash: "other" })]);
    expect(results).toMatchObject([{ ok: false, refusal: { code: "idempotency_mismatch" } }]);
    expect(claimed.jobs).toEqual([]);
    const [, again] = await together([jobRecord({ idempotencyKey: "k", requestHash: "h" }), jobRecord()]);
    expect(again.jobs).toHaveLength(1);
  });

  test("has its job also where a submit beside it cannot be stored", async () => {
    expect((await here.jobs.claim(request)).nothingLeft).toBe(true);
    const [good, taken] = [jobRecord(), jobRecord()];
    await submit(elsewhere, [taken]);
    await elsewhere.jobs.claim(request);
    const [stored, failing, claimed] = await Promise.all([
      submit(here, [good]),
      submit(here, [taken]).catch((error: unknown) => error),
      here.jobs.claim(request),
    ]);
    expect(failing).toMatchObject({ code: "conflict" });
    const later = stored.signals.ready.size === 0 ? [] : idsOf(await here.jobs.claim(request));
    expect([...idsOf(claimed), ...later]).toEqual([good.id]);
  });

  test("and any other does not say that nothing is left while somebody holds a ready job locked", async () => {
    const [locked, free] = [jobRecord(), jobRecord()];
    await submit(here, [locked, free]);
    const pool = openPool(url);
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT 1 FROM jobs_live WHERE id = $1 FOR UPDATE", [locked.id]);
    const claimed = await here.jobs.claim(request);
    expect([idsOf(claimed), claimed.nothingLeft]).toEqual([[free.id], false]);
    expect(await here.jobs.claim(request)).toMatchObject({ jobs: [], nothingLeft: false });
    await client.query("ROLLBACK");
    client.release();
    await pool.end();
    const last = await here.jobs.claim(request);
    expect([idsOf(last), last.nothingLeft]).toEqual([[locked.id], true]);
  });

  test("and claims of other processes never have the same job, and none is forgotten", async () => {
    const sessions = ["ses_1", "ses_2"];
    const [taken, made] = [[] as string[], [] as string[]];
    let writing = 2;
    const write = async (store: Store): Promise<void> => {
      for (let round = 0; round < 60; round++) {
        const jobs = Array.from({ length: 1 + (round % 3) }, () => jobRecord());
        made.push(...jobs.map(({ id }) => id));
        const [, claimed] = await Promise.all([
          submit(store, jobs),
          store.jobs.claim({ ...request, limit: 2, session: sessions[round % 2] ?? "" }),
        ]);
        taken.push(...idsOf(claimed));
        await store.jobs.commit(
          claimed.jobs.map(({ live }) => settleOf(live)),
          T0 + 2,
        );
      }
      writing--;
    };
    const claimAll = async (store: Store): Promise<void> => {
      for (let last = 0; last < 2; last += writing === 0 ? 1 : 0) taken.push(...idsOf(await store.jobs.claim({ ...request, limit: 5 })));
    };
    await Promise.all([...stores.slice(0, 2).map(write), ...stores.slice(2).map(claimAll)]);
    taken.push(...idsOf(await here.jobs.claim({ ...request, limit: 1_000 })));
    expect(taken.toSorted()).toEqual(made.toSorted());
  });
});
