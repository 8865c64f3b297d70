/** What callers are told when the connection is cut behind their commit: whether it was stored, one by one, or that nobody knows. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { commitThief, compositeRecord, jobRecord, settleOf, T0, testPostgres, type CommitThief } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPostgresStore } from "./postgres-store.ts";
import { SESSION, testStores } from "./stores-fixture.ts";

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

  test("that makes no job is not carried out twice: nobody knows, and who asked may ask again", async () => {
    const executions = [compositeRecord(), compositeRecord()];
    await direct.store.jobs.commit(
      executions.map((job) => ({ type: "submit", job })),
      T0,
    );
    thief.steal(1);
    const answers = await Promise.allSettled(
      executions.map(({ id }) => store.jobs.commit([{ type: "signal", id, name: "go", data: null, by: "test" }], T0)),
    );
    expect(answers.map(codeOf)).toEqual(["unavailable", "unavailable"]);
    const events = await Promise.all(executions.map(({ id }) => direct.store.reads.events(id, 0, 9)));
    expect(events.flat().filter(({ type }) => type === "job.signalled")).toHaveLength(2);
  });
});

function codeOf(answer: PromiseSettledResult<unknown>): unknown {
  return answer.status === "rejected" ? (answer.reason as { readonly code?: string }).code : answer.status;
}
