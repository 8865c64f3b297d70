/** What callers are told when the connection is cut behind their commit: whether it was stored, one by one, or that nobody knows. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ClaimedJob, Store } from "@windlass/ports";
import { commitThief, compositeRecord, jobRecord, settleOf, T0, testPostgres, type CommitThief } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPostgresStore } from "./postgres-store.ts";
import { SESSION, testStores, WAITING } from "./stores-fixture.ts";

const postgres = testPostgres();
const REQUEST = { executor: "handler", queues: ["default"], session: SESSION.id, place: null, limit: 1, now: T0 } as const;

describe.skipIf(postgres.missing)("a commit without an answer", () => {
  const direct = testStores(postgres);
  let thief: CommitThief;
  let store: Store;
  beforeEach(async () => {
    thief = await commitThief(direct.url);
    store = await openPostgresStore({ url: thief.url, clock: fakeClock() });
  });
  afterEach(async () => {
    await store.close();
    await thief.close();
  });
  const submits = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ type: "submit", job: jobRecord({ name: `job-${i}` }) }) as const);
  const committed = (changes: ReturnType<typeof submits>) => Promise.allSettled(changes.map((change) => store.jobs.commit([change], T0)));
  const jobsStored = async (): Promise<number> => (await direct.pool.query("SELECT 1 FROM jobs")).rowCount ?? 0;

  // Up to two are one statement, without a COMMIT: it has their names.
  test.each([
    [1, "its name", false],
    [1, "its name", true],
    [2, "its name", false],
    [2, "its name", true],
    [5, "COMMIT", false],
    [5, "COMMIT", true],
  ])("of %i submits at once tells each that it is stored, once (cut at %s; before it arrives: %s)", async (count, where, unsent) => {
    const changes = submits(count);
    thief.steal(1, where === "COMMIT" ? { unsent } : { text: "job-0", unsent });
    const answers = await committed(changes);
    expect(thief.left).toBe(0);
    expect(answers).toEqual(
      changes.map(({ job }) => ({
        status: "fulfilled",
        value: expect.objectContaining({ results: [{ ok: true, id: job.id, created: true }] }) as unknown,
      })),
    );
    expect(await jobsStored()).toBe(count);
    expect((await direct.pool.query("SELECT 1 FROM jobs_live")).rowCount).toBe(count);
  });

  test("fails for all of them when it is cut again and again before it arrives, and stores nothing", async () => {
    thief.steal(2, { unsent: true });
    const answers = await committed(submits(5));
    expect(answers.map(codeOf)).toEqual(Array<string>(5).fill("unavailable"));
    expect(thief.left).toBe(0);
    expect(await jobsStored()).toBe(0);
  });

  test("gives a claim that shares it what is stored with it", async () => {
    expect((await store.jobs.claim(REQUEST)).nothingLeft).toBe(true);
    thief.steal(1, { text: "job-0" });
    const [change] = submits(1);
    const [{ results }, { jobs }] = await Promise.all([
      store.jobs.commit(change === undefined ? [] : [change], T0),
      store.jobs.claim(REQUEST),
    ]);
    expect(thief.left).toBe(0);
    expect([results.map(({ id }) => id), jobs.map(({ live }) => live.state)]).toEqual([[change?.job.id], ["running"]]);
    const [running] = jobs;
    if (running !== undefined) expect((await store.jobs.commit([settleOf(running.live)], T0)).results).toMatchObject([{ ok: true }]);
  });

  const stopOf = (id: string) =>
    ({ type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }) as const;

  test.each([[false], [true]])("of what only changes jobs tells each that it is stored, once (before it arrives: %s)", async (unsent) => {
    const executions = [compositeRecord(), compositeRecord(), compositeRecord()];
    await direct.store.jobs.commit(
      executions.map((job) => ({ type: "submit", job })),
      T0,
    );
    thief.steal(1, { unsent });
    const answers = await Promise.all(
      executions.map(({ id }, i) =>
        store.jobs.commit([i === 0 ? stopOf(id) : { type: "signal", id, name: "go", data: null, by: "test" }], T0),
      ),
    );
    expect(thief.left).toBe(0);
    expect(answers.map(({ results }) => results)).toEqual(executions.map(({ id }) => [{ ok: true, id }]));
    const events = await Promise.all(executions.map(({ id }) => direct.store.reads.events(id, 1, 9)));
    expect(events.map((all) => all.map(({ type }) => type))).toEqual([["job.finished"], ["job.signalled"], ["job.signalled"]]);
  });

  test("of what changes a job beside one that it makes under a key changes it once, also when it arrives only while that is found out", async () => {
    const execution = compositeRecord();
    await direct.store.jobs.commit([{ type: "submit", job: execution }], T0);
    const arrives = Promise.withResolvers<void>();
    thief.steal(1, { late: arrives.promise });
    const job = jobRecord({ idempotencyKey: "once", requestHash: "a" });
    const committing = store.jobs.commit(
      [
        { type: "submit", job },
        { type: "signal", id: execution.id, name: "go", data: null, by: "test" },
      ],
      T0,
    );
    // Whoever finds out, or tries it again, waits for the one that is on its way.
    await expect.poll(async () => (await direct.pool.query(WAITING)).rowCount).toBe(1);
    arrives.resolve();
    expect((await committing).results).toEqual([
      { ok: true, id: job.id, created: true },
      { ok: true, id: execution.id },
    ]);
    expect(thief.left).toBe(0);
    expect((await direct.store.reads.events(execution.id, 1, 9)).map(({ type }) => type)).toEqual(["job.signalled"]);
  });

  test.each([[false], [true]])("of a change of a queue tells that it is stored, once (before it arrives: %s)", async (unsent) => {
    thief.steal(1, { unsent });
    const paused = await store.queues.put("mail", { paused: true, by: "ada" }, T0, 0);
    expect([paused, thief.left]).toEqual([expect.objectContaining({ paused: true, revision: 1 }), 0]);
    expect(await direct.store.queues.get("mail")).toEqual(paused);
    thief.steal(1, { unsent });
    expect([await store.queues.remove("mail", 1), thief.left]).toEqual([true, 0]);
    expect(await direct.store.queues.get("mail")).toBeNull();
  });

  test.each([[false], [true]])(
    "of settings of a queue that are stored already is not done again (before it arrives: %s)",
    async (unsent) => {
      const settings = { concurrencyLimit: 3, rateLimit: { limit: 5, perSeconds: 60 } };
      const stored = await direct.store.queues.put("mail", settings, T0);
      // It would take the second, too.
      thief.steal(2, { unsent });
      expect([await store.queues.put("mail", structuredClone(settings), T0 + 1, 1), thief.left]).toEqual([stored, 1]);
      expect(await direct.store.queues.get("mail")).toEqual(stored);
    },
  );

  test.each([[false], [true]])("of many ends at once tells each that it is stored, once (before it arrives: %s)", async (unsent) => {
    const jobs = Array.from({ length: 40 }, () => jobRecord());
    await direct.store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    );
    thief.steal(1, { unsent });
    // Their events are one row.
    const answers = await Promise.allSettled(jobs.map(({ id }) => store.jobs.commit([stopOf(id)], T0)));
    expect(thief.left).toBe(0);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["fulfilled"]));
    expect((await direct.pool.query("SELECT 1 FROM job_ends")).rowCount).toBe(40);
  });

  test("of an end that was stored without reading is not carried out twice: nobody knows, and who asked may ask again", async () => {
    await store.jobs.commit(submits(1), T0);
    const [running] = (await store.jobs.claim(REQUEST)).jobs;
    const settle = settleOf((running as ClaimedJob).live);
    thief.steal(1, { text: settle.id });
    expect((await Promise.allSettled([store.jobs.commit([settle], T0)])).map(codeOf)).toEqual(["unavailable"]);
    expect((await store.jobs.commit([settle], T0)).results).toMatchObject([{ refusal: { code: "job_finished" } }]);
  });
});

function codeOf(answer: PromiseSettledResult<unknown>): unknown {
  return answer.status === "rejected" ? (answer.reason as { readonly code?: string }).code : answer.status;
}
