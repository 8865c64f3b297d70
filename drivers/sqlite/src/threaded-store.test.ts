import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasCode } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { jobRecord, settleOf, T0 } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { Database } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "windlass-sqlite-"));
  store = await openSqliteStore({ path: join(folder, "windlass.db"), clock: fakeClock() });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

test("commits that wait together are answered each with its own results", async () => {
  const jobs = Array.from({ length: 60 }, () => jobRecord());
  const committed = await Promise.all(jobs.map((job) => store.jobs.commit([{ type: "submit", job }], T0)));
  expect(committed.map(({ results }) => results[0]?.id)).toEqual(jobs.map((job) => job.id));
  expect((await store.reads.feed("", 100)).map(({ event }) => event.jobId)).toEqual(jobs.map((job) => job.id));
});

test("large commits, claims and ends that wait for each other are answered in order, each with what it brought about", async () => {
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
  const batches = Array.from({ length: 6 }, (_, i) => Array.from({ length: 200 }, (__, n) => jobRecord({ input: { batch: i, n } })));
  const answered: number[] = [];
  const claim = { executor: "handler", session: "ses_1", place: null, limit: 300, now: T0 + 1 } as const;
  const committed = batches.map((jobs, i) =>
    store.jobs
      .commit(
        jobs.map((job) => ({ type: "submit", job })),
        T0,
      )
      .finally(() => answered.push(i)),
  );
  const claimed = await Promise.all(Array.from({ length: 4 }, () => store.jobs.claim(claim)));
  const all = batches.flat();
  expect(answered).toEqual([0, 1, 2, 3, 4, 5]);
  expect((await Promise.all(committed)).flatMap(({ results }) => results)).toEqual(all.map(({ id }) => ({ ok: true, id, created: true })));
  const running = claimed.flatMap(({ jobs }) => jobs);
  expect(running.map(({ record }) => record)).toEqual(all);
  const { results } = await store.jobs.commit(
    running.map(({ live }) => settleOf(live)),
    T0 + 2,
  );
  expect(results).toEqual(all.map(({ id }) => ({ ok: true, id })));
  expect(await store.reads.get(all.at(-1)?.id ?? "")).toMatchObject({ state: "succeeded", record: { input: { batch: 5, n: 199 } } });
});

test("a commit that cannot be stored fails alone, whoever shared its transaction", async () => {
  const twice = jobRecord();
  const answers = await Promise.allSettled(
    [jobRecord(), twice, twice, jobRecord()].map((job) => store.jobs.commit([{ type: "submit", job }], T0)),
  );
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(answers[2]).toMatchObject({ reason: { code: "conflict", message: expect.stringContaining("UNIQUE") } });
  expect(await store.reads.list({ workspace: "default", limit: 10 })).toHaveLength(3);
});

test("what was acknowledged is seen by whoever looks next, and in the feed in that order", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 40; i++) {
    const job = jobRecord();
    ids.push(job.id);
    await store.jobs.commit([{ type: "submit", job }], T0);
    if (i % 7 === 0) expect((await store.reads.get(job.id))?.record).toEqual(job);
    if (i % 11 === 0) expect(await store.jobs.records([job.id])).toEqual([job]);
  }
  expect((await store.reads.feed("", 100)).map(({ event }) => event.jobId)).toEqual(ids);
});

test("what was taken in lies in its tables when nobody asks for it, too", async () => {
  const path = join(folder, "windlass.db");
  for (let i = 0; i < 100; i++) await store.jobs.commit([{ type: "submit", job: jobRecord() }], T0);
  const beside = new Database(path, { readOnly: true });
  const count = (table: string): unknown => beside.get(`SELECT count(*) FROM ${table}`)?.[0];
  // Nothing but its own time and its own room has put them there.
  await expect.poll(() => count("jobs")).toBe(100);
  expect(count("intake")).toBe(0);
  beside.close();
});

test(
  "while another process writes, who looks is answered: what no job stands in at once, jobs with what is the matter",
  { timeout: 60_000 },
  async () => {
    await store.ping();
    const beside = new Database(join(folder, "windlass.db"));
    await store.jobs.commit([{ type: "submit", job: jobRecord() }], T0);
    // As a shell does that was left open within a transaction.
    beside.run("BEGIN IMMEDIATE");
    await Promise.all([store.workspaces.list(), store.sessions.list()]);
    const list = await store.reads.list({ workspace: "default", limit: 10 }).catch((error: unknown) => error);
    beside.run("ROLLBACK");
    expect(Array.isArray(list) ? list.length : list).toSatisfy((seen: unknown) => seen === 1 || hasCode(seen, "unavailable"));
    expect(await store.reads.list({ workspace: "default", limit: 10 })).toHaveLength(1);
    beside.close();
  },
);

test("a session is extended by the thread, and its owner hears when it was given up", async () => {
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: 1 });
  const { promise: lost, resolve } = Promise.withResolvers<void>();
  await store.heartbeats.keep("ses_1", { intervalMs: 5, ttlMs: 60_000, onLost: resolve });
  await expect.poll(async () => (await store.sessions.list())[0]?.expiresAt).toBeGreaterThan(1);
  await store.sessions.close("ses_1");
  await lost;
  expect(await store.sessions.list()).toEqual([]);
});

test("a store that was closed is one file: nothing is left in a log beside it", async () => {
  const job = jobRecord();
  // From the second call of the thread on, a single job is taken in.
  await store.ping();
  await store.jobs.commit([{ type: "submit", job }], T0);
  // The reader is still busy when the store is closed.
  const lists = Array.from({ length: 20 }, () => store.reads.list({ workspace: "default", limit: 10 }));
  await Promise.all([store.close(), ...lists]);
  expect(await readdir(folder)).toEqual(["windlass.db"]);
  const db = new Database(join(folder, "windlass.db"));
  expect([db.all("SELECT id FROM jobs"), db.all("SELECT * FROM intake")]).toEqual([[[job.id]], []]);
  db.close();
});

test("a file that is no database is refused", async () => {
  await expect(openSqliteStore({ path: folder, clock: fakeClock() })).rejects.toMatchObject({ code: "unavailable" });
});

test("figures of queues are of one moment: a job that goes to and fro meanwhile is counted once", async () => {
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
  // A look at these lies between the look at what waits in the first queue and the one at what runs.
  const jobs = [jobRecord({ queue: "a" }), ...Array.from({ length: 1_500 }, (_, i) => jobRecord({ queue: `b${i}` }))];
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  let looks = 20;
  const toAndFro = async (): Promise<void> => {
    const claim = { executor: "handler", queues: ["a"], session: "ses_1", place: null, limit: 1, now: T0 } as const;
    while (looks > 0) {
      const claimed = await store.jobs.claim(claim);
      await store.jobs.commit(
        claimed.jobs.map(({ live: { id, token } }) => ({ type: "release", id, token })),
        T0,
      );
    }
  };
  const going = toAndFro();
  const seen = new Set<number>();
  for (; looks > 0; looks--) {
    const first = (await store.queues.list()).find(({ name }) => name === "a");
    seen.add((first?.queued ?? 0) + (first?.running ?? 0));
  }
  await going;
  expect([...seen]).toEqual([1]);
});
