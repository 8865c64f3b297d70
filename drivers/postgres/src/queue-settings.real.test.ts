/** Settings of queues that are changed while claims are under way, by other processes: no claim starts more than they allow. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { JobRecord, QueueSettings } from "@windlass/kernel";
import type { ClaimRequest, Store } from "@windlass/ports";
import { jobRecord, T0, testPostgres } from "@windlass/testkit";
import { SESSION, testStores, WAITING } from "./stores-fixture.ts";

const postgres = testPostgres();
const request: ClaimRequest = { executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 3, now: T0 };

describe.skipIf(postgres.missing)("settings of a queue that are changed while it is claimed from", () => {
  const opened = testStores(postgres, 2);
  let here: Store;
  let elsewhere: Store;
  beforeEach(async () => {
    [here, elsewhere] = opened.stores as [Store, Store];
    await elsewhere.sessions.open({ ...SESSION, id: "ses_2" });
  });

  const submit = (store: Store, jobs: readonly JobRecord[]) =>
    store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    );
  const alike = (count: number, given: Partial<JobRecord> = {}): JobRecord[] => Array.from({ length: count }, () => jobRecord(given));
  const waiting = async (): Promise<number> => (await opened.pool.query(WAITING)).rowCount ?? 0;
  const held = new Set<() => Promise<void>>();
  afterEach(() => Promise.all([...held].map((letGo) => letGo())));
  /** Holds what the statement locks until the returned function is called. */
  const hold = async (lock: string): Promise<() => Promise<void>> => {
    const client = await opened.pool.connect();
    await client.query("BEGIN");
    await client.query(lock);
    const letGo = async (): Promise<void> => {
      if (!held.delete(letGo)) return;
      await client.query("ROLLBACK");
      client.release();
    };
    held.add(letGo);
    return letGo;
  };
  /** Whether so many wait for a lock, or the work is done all the same. */
  const untilHeldUp = async (count: number, work: Promise<unknown>): Promise<void> => {
    let isDone = false;
    work.then(
      () => (isDone = true),
      () => (isDone = true),
    );
    await expect.poll(async () => isDone || (await waiting()) >= count).toBe(true);
  };

  const changes: readonly [string, Partial<QueueSettings> & { readonly by?: string }][] = [
    ["paused", { paused: true, by: "ada" }],
    ["limited", { concurrencyLimit: 1 }],
    ["slowed down", { rateLimit: { limit: 1, perSeconds: 60 } }],
    ["limited for each key", { keyConcurrencyLimit: 1 }],
    ["slowed down for each key", { keyRateLimit: { limit: 1, perSeconds: 60 } }],
  ];
  test.each(changes)("what is submitted behind it is not started by a claim that has read them before: %s", async (_, settings) => {
    await here.queues.put("limited", { concurrencyLimit: 1 }, T0);
    // It has read the settings of both, and has not looked into either.
    const letGo = await hold("SELECT 1 FROM queues WHERE name = 'limited' FOR UPDATE");
    const claiming = here.jobs.claim({ ...request, queues: ["default", "limited"] });
    await expect.poll(waiting).toBe(1);
    const changed = elsewhere.queues.put("default", settings, T0).then(() => submit(elsewhere, alike(3, { fairnessKey: "ada" })));
    await untilHeldUp(2, changed);
    await letGo();
    expect((await claiming).jobs).toEqual([]);
    await changed;
    expect((await here.jobs.claim(request)).jobs).toHaveLength(settings.paused === true ? 0 : 1);
  });

  test("what a claim starts that has looked and is not stored is counted by those behind the change", async () => {
    await submit(here, alike(6));
    // What a claim writes last.
    const letGo = await hold("LOCK TABLE events IN EXCLUSIVE MODE");
    const claiming = here.jobs.claim(request);
    await expect.poll(waiting).toBe(1);
    const changed = elsewhere.queues
      .put("default", { concurrencyLimit: 1 }, T0)
      .then(() => elsewhere.jobs.claim({ ...request, session: "ses_2" }));
    await untilHeldUp(2, changed);
    await letGo();
    expect((await claiming).jobs).toHaveLength(3);
    expect((await changed).jobs).toEqual([]);
  });

  // The first goes as one statement, which has seen all that it will see when it waits; the others as a transaction.
  test.each([
    [1, "SELECT 1 FROM sessions WHERE id = 'ses_1' FOR UPDATE", null],
    [3, "INSERT INTO idempotency_keys (workspace, idempotency_key, job_id) VALUES ('default', 'k', 'none')", "k"],
  ])("so is what a claim was given that shares the transaction of %i submits", async (count, lock, idempotencyKey) => {
    expect(await here.jobs.claim(request)).toMatchObject({ jobs: [], nothingLeft: true });
    const letGo = await hold(lock);
    const jobs = [jobRecord({ idempotencyKey }), ...alike(count - 1)];
    const claiming = Promise.all([submit(here, jobs), here.jobs.claim(request)]);
    await expect.poll(waiting).toBe(1);
    const changed = elsewhere.queues.put("default", { concurrencyLimit: 1 }, T0).then(async () => {
      await submit(elsewhere, alike(1));
      return elsewhere.jobs.claim({ ...request, session: "ses_2" });
    });
    await untilHeldUp(2, changed);
    await letGo();
    expect((await claiming)[1].jobs).toHaveLength(count);
    expect((await changed).jobs).toEqual([]);
  });

  test("claims that come behind a change that waits go on when it is stored", async () => {
    await submit(here, alike(4));
    const letGo = await hold("LOCK TABLE events IN EXCLUSIVE MODE");
    const first = here.jobs.claim({ ...request, limit: 1 });
    await expect.poll(waiting).toBe(1);
    const changed = elsewhere.queues.put("default", { concurrencyLimit: 2 }, T0);
    await untilHeldUp(2, changed);
    const second = elsewhere.jobs.claim({ ...request, session: "ses_2" });
    await expect.poll(waiting).toBe(3);
    await letGo();
    expect((await first).jobs).toHaveLength(1);
    expect((await changed).concurrencyLimit).toBe(2);
    expect((await second).jobs).toHaveLength(1);
  });
});
