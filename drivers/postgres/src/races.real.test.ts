/** Races between processes, each with a store of its own on one database. */
import pg from "pg";
import { describe, expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { advanceOf, childRecord, compositeRecord, jobRecord, settleOf, succeeded, T0, testPostgres } from "@windlass/testkit";
import { connectionConfig } from "./connection.ts";
import { testStores, WAITING } from "./stores-fixture.ts";

const postgres = testPostgres();
const PROCESSES = 4;

describe.skipIf(postgres.missing)("several processes on one database", () => {
  const opened = testStores(postgres, PROCESSES);
  const store = (index: number): Store => opened.stores[index % PROCESSES] as Store;

  test("a reader of the feed misses no event of four writers, and sees those of each job in order", async () => {
    const rounds = 60;
    let writing = true;
    const read = async (): Promise<Map<string, number[]>> => {
      const seen = new Map<string, number[]>();
      for (let after = "", idle = false; ;) {
        const ended = !writing;
        const entries = await store(0).reads.feed(after, 50);
        for (const { position, event } of entries) {
          expect(position > after).toBe(true);
          after = position;
          seen.set(event.jobId, [...(seen.get(event.jobId) ?? []), event.seq]);
        }
        idle = entries.length === 0 && ended;
        if (idle) return seen;
      }
    };
    const ids: string[] = [];
    // Jobs of different writers share their parents, so that transactions wait for each other in the middle.
    const parents = [compositeRecord(), compositeRecord()];
    await store(0).jobs.commit(
      parents.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    await store(0).jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 10, now: T0 });
    const write = async (writer: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const jobs = parents.map((parent, index) => childRecord(parent, `${writer}-${round}-${index}`));
        ids.push(...jobs.map((job) => job.id));
        await store(writer).jobs.commit(
          jobs.map((job) => ({ type: "submit", job }) as const),
          T0,
        );
        const { jobs: claimed } = await store(writer).jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 3, now: T0 });
        await store(writer).jobs.commit(
          claimed.map((job) => settleOf(job.live)),
          T0,
        );
      }
    };
    const reading = read();
    await Promise.all(Array.from({ length: PROCESSES }, (_, writer) => write(writer)));
    writing = false;
    const seen = await reading;
    for (const id of ids) {
      const stored = (await store(0).reads.events(id, 0, 100)).map((event) => event.seq);
      expect(seen.get(id)).toEqual(stored);
    }
  });

  test("of decisions made at once about the same facts one counts, and no wake of a child is lost", async () => {
    for (let round = 0; round < 15; round++) {
      const parent = compositeRecord({ queue: `r${round}` });
      await store(0).jobs.commit([{ type: "submit", job: parent }], T0);
      await store(0).jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 10, now: T0 });
      const [woken] = (await store(0).jobs.woken(100)).filter((job) => job.live.id === parent.id);
      if (woken === undefined) throw new Error("the parent is woken");
      const children = Array.from({ length: PROCESSES }, (_, index) => childRecord(parent, `c${index}`, { queue: `r${round}` }));
      const decisions = await Promise.all(opened.stores.map((one) => one.jobs.commit([advanceOf(woken.live, { children })], T0)));
      expect(decisions.filter(({ results }) => results[0]?.ok === true)).toHaveLength(1);
      const { jobs } = await store(1).jobs.claim({
        executor: "handler",
        queues: [`r${round}`],
        session: "ses_1",
        place: null,
        limit: 10,
        now: T0,
      });
      // All children end at once, while somebody decides.
      const before = (await store(0).reads.get(parent.id))?.live;
      const ends = jobs.map((job, index) => store(index).jobs.commit([settleOf(job.live)], T0));
      await Promise.all([...ends, before ? store(0).jobs.commit([advanceOf(before)], T0) : undefined]);
      const after = (await store(0).reads.get(parent.id))?.live;
      expect(after).toMatchObject({ openChildren: 0, wakes: 1 + PROCESSES });
      const live = (await store(2).jobs.woken(100)).find((job) => job.live.id === parent.id);
      expect(live?.facts).toHaveLength(PROCESSES - ((after?.decided ?? 1) - 1));
      const finished = await Promise.all(
        opened.stores.map((one) => one.jobs.commit([advanceOf(after as never, { finish: succeeded })], T0)),
      );
      expect(finished.filter(({ results }) => results[0]?.ok === true)).toHaveLength(1);
    }
  });

  test("a key and a queue are never taken by more than their limits while all claim at once", async () => {
    await store(0).queues.put("narrow", { concurrencyLimit: 2 }, T0);
    const keyed = Array.from({ length: 24 }, () => jobRecord({ concurrency: { key: "db", limit: 1 } }));
    const narrow = Array.from({ length: 24 }, () => jobRecord({ queue: "narrow" }));
    await store(0).jobs.commit(
      [...keyed, ...narrow].map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    const work = async (one: Store): Promise<number> => {
      let done = 0;
      for (let idle = 0; idle < 30;) {
        const { jobs } = await one.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 3, now: T0 });
        idle = jobs.length === 0 ? idle + 1 : 0;
        const running = await one.jobs.live({ states: ["running"] }, 100);
        expect(running.filter((live) => live.concurrencyKey !== null).length).toBeLessThanOrEqual(1);
        expect(running.filter((live) => live.queue === "narrow").length).toBeLessThanOrEqual(2);
        await one.jobs.commit(
          jobs.map((job) => settleOf(job.live)),
          T0,
        );
        done += jobs.length;
      }
      return done;
    };
    const done = await Promise.all(opened.stores.map(work));
    expect(done.reduce((sum, count) => sum + count, 0)).toBe(keyed.length + narrow.length);
    expect(await store(0).reads.keyHolders("db")).toEqual({ limit: 1, holders: [] });
  });

  test("of claims made at once one takes a key or the last place of a queue", async () => {
    await store(0).queues.put("narrow", { concurrencyLimit: 1 }, T0);
    for (let round = 0; round < 25; round++) {
      const concurrency = { key: `key-${round}`, limit: 1 };
      const jobs = Array.from({ length: 12 }, (_, index) =>
        index % 2 === 0 ? jobRecord({ concurrency }) : jobRecord({ queue: "narrow" }),
      );
      await store(0).jobs.commit(
        jobs.map((job) => ({ type: "submit", job }) as const),
        T0,
      );
      const claims = await Promise.all(
        opened.stores.map((one, index) =>
          one.jobs.claim({
            executor: "handler",
            queues: [index % 2 === 0 ? "default" : "narrow"],
            session: "ses_1",
            place: null,
            limit: 1,
            now: T0,
          }),
        ),
      );
      const more = await Promise.all(
        opened.stores.map((one, index) =>
          one.jobs.claim({
            executor: "handler",
            queues: [index % 2 === 1 ? "default" : "narrow"],
            session: "ses_1",
            place: null,
            limit: 1,
            now: T0,
          }),
        ),
      );
      const claimed = [...claims, ...more].flatMap((claim) => claim.jobs);
      expect(claimed.map((job) => job.record.queue).toSorted()).toEqual(["default", "narrow"]);
      const rest = [...claimed.map((job) => job.live.id), ...jobs.map((job) => job.id)];
      await store(0).jobs.commit(
        claimed.map((job) => settleOf(job.live)),
        T0,
      );
      await store(0).jobs.commit(
        rest.map(
          (id) => ({ type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }) as const,
        ),
        T0,
      );
    }
  });

  test("the feed keeps the order of a job's events when the transaction that began first writes last", async () => {
    const [first, middle, last] = [jobRecord(), jobRecord(), jobRecord()];
    await store(0).jobs.commit(
      [first, middle, last].map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    const { jobs } = await store(0).jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 3, now: T0 });
    const progress = jobs.map(
      ({ live }) => ({ type: "progress", id: live.id, token: live.token, progress: { fraction: 0, text: null } }) as const,
    );
    const blocker = new pg.Client(connectionConfig(opened.url));
    await blocker.connect();
    try {
      await blocker.query("BEGIN");
      await blocker.query("SELECT 1 FROM jobs_live WHERE id = $1 FOR UPDATE", [middle.id]);
      const late = store(1).jobs.commit(progress, T0);
      await expect.poll(async () => (await blocker.query(WAITING)).rowCount).toBe(1);
      await store(2).jobs.commit(
        progress.filter((change) => change.id === last.id),
        T0,
      );
      await blocker.query("ROLLBACK");
      await late;
    } finally {
      await blocker.end();
    }
    const events = (await store(0).reads.feed("", 100)).filter(({ event }) => event.jobId === last.id);
    expect(events.map(({ event }) => event.seq)).toEqual([1, 2, 3, 4]);
  });

  test("a job that ends while it is counted is counted as one that ended", async () => {
    await store(0).jobs.commit([{ type: "submit", job: jobRecord() }], T0);
    const { jobs } = await store(0).jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    const blocker = new pg.Client(connectionConfig(opened.url));
    await blocker.connect();
    try {
      // Who counts what runs waits for it, and nobody else.
      await blocker.query("BEGIN");
      await blocker.query("LOCK TABLE claim_groups IN ACCESS EXCLUSIVE MODE");
      const waiting = async () => (await blocker.query(WAITING)).rowCount;
      const counted = store(1).reads.tally({ workspace: "default", states: ["running", "succeeded"], limit: 10 }, "state");
      await expect.poll(waiting).toBe(1);
      // Time for who counts what has ended, if he does not wait for that.
      for (let looks = 0; looks < 50; looks++) await waiting();
      await store(0).jobs.commit(
        jobs.map(({ live }) => settleOf(live)),
        T0,
      );
      await blocker.query("ROLLBACK");
      expect(await counted).toEqual({ counts: { succeeded: 1 }, capped: false });
    } finally {
      await blocker.end();
    }
  });

  test("a parent that is stopped while children are made has no child that it does not know of", async () => {
    for (let round = 0; round < 20; round++) {
      const parent = compositeRecord();
      await store(0).jobs.commit([{ type: "submit", job: parent }], T0);
      await store(0).jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 10, now: T0 });
      const children = Array.from({ length: 6 }, (_, index) => childRecord(parent, `c${index}`));
      const stop = store(3).jobs.commit(
        [{ type: "stop", id: parent.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }],
        T0,
      );
      const inserts = children.map((job, index) => store(index).jobs.commit([{ type: "submit", job }], T0));
      const made = (await Promise.all(inserts)).filter(({ results }) => results[0]?.ok === true).length;
      await stop;
      const view = await store(0).reads.get(parent.id);
      const live = await store(0).jobs.live({ parentId: parent.id }, 100);
      expect(live).toHaveLength(made);
      if (view?.live) expect(view.live).toMatchObject({ state: "stopping", openChildren: made });
      else expect(made).toBe(0);
    }
  });

  test("one request under one idempotency key makes one job, however many ask at once", async () => {
    const jobs = Array.from({ length: 12 }, () => jobRecord({ idempotencyKey: "once", requestHash: "h" }));
    const answers = await Promise.all(jobs.map((job, index) => store(index).jobs.commit([{ type: "submit", job }], T0)));
    expect(new Set(answers.map(({ results }) => results[0]?.id)).size).toBe(1);
    expect(answers.filter(({ results }) => results[0]?.ok === true && results[0].created === true)).toHaveLength(1);
  });

  test("who disables a workflow finds all that was taken of it, and nothing is taken of it afterwards", async () => {
    const key = { workspace: "default", type: "workflow", name: "report" };
    await store(0).definitions.put({ ...key, id: "wfv_1", hash: "h", body: {}, labels: {}, createdAt: T0 });
    const parent = compositeRecord();
    await store(0).jobs.commit([{ type: "submit", job: parent }], T0);
    const submit = () => ({ type: "submit", job: compositeRecord({ name: "report" }), definitions: ["report"] }) as const;
    const blocker = new pg.Client(connectionConfig(opened.url));
    await blocker.connect();
    const locked = (count: number) => expect.poll(async () => (await blocker.query(WAITING)).rowCount).toBe(count);
    try {
      // The first has looked, and waits to be stored; the one who disables waits for it, and the last for him.
      await blocker.query("BEGIN");
      await blocker.query("LOCK TABLE jobs IN EXCLUSIVE MODE");
      const [before, after] = [submit(), submit()];
      const taken = store(1).jobs.commit([before], T0);
      await locked(1);
      const disabled = store(2).definitions.disable({ ...key, disabledBy: "ann", disabledAt: T0, reason: null });
      const found = disabled.then(() => store(2).reads.get(before.job.id));
      await locked(2);
      const late = store(3).jobs.commit([after], T0);
      await locked(3);
      await blocker.query("ROLLBACK");
      expect((await taken).results).toMatchObject([{ ok: true, created: true }]);
      expect(await found).toMatchObject({ state: "queued" });
      expect((await late).results).toMatchObject([{ ok: false, refusal: { code: "workflow_disabled" } }]);
    } finally {
      await blocker.end();
    }
  });

  test("a commit that hangs holds up who disables a workflow, but none that submits one behind him", async () => {
    const hanging = new pg.Client(connectionConfig(opened.url));
    await hanging.connect();
    try {
      await hanging.query("BEGIN");
      await hanging.query("SELECT pg_advisory_xact_lock_shared(7461003)");
      const key = { workspace: "default", type: "workflow", name: "nightly" };
      await store(0).definitions.put({ ...key, id: "wfv_1", hash: "h", body: {}, labels: {}, createdAt: T0 });
      let isDisabled = false;
      const disabling = store(1)
        .definitions.disable({ ...key, disabledBy: "ann", disabledAt: T0, reason: null })
        .then((kept) => {
          isDisabled = true;
          return kept;
        });
      await expect.poll(async () => (await hanging.query(WAITING)).rowCount).toBe(1);
      const behind = { type: "submit", job: compositeRecord({ name: "nightly" }), definitions: ["nightly"] } as const;
      expect((await store(2).jobs.commit([behind], T0)).results).toMatchObject([{ ok: true, created: true }]);
      expect(isDisabled).toBe(false);
      await hanging.query("ROLLBACK");
      expect(await disabling).toMatchObject({ name: "nightly" });
    } finally {
      await hanging.end();
    }
  });
});
