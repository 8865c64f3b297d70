/** The store when the server goes away or says no: migrations, lost connections, heartbeats, texts that it cannot store. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { migrations } from "@windlass/sql";
import { failed, jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { connectionConfig, openPool } from "./connection.ts";
import { migrate } from "./migrate.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { WAITING } from "./stores-fixture.ts";
import { inTransaction } from "./transaction.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("a store on PostgreSQL", () => {
  let url: string;
  let store: Store;
  let admin: pg.Client;

  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.schema();
    store = await openPostgresStore({ url, clock: fakeClock() });
    admin = new pg.Client(connectionConfig(url));
    await admin.connect();
    await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: 1 });
  });
  afterEach(async () => {
    await store.close();
    await admin.end();
  });

  /** All but its own. They are gone when it resolves, and not only told to go: one that still answered would be lost later in the test. */
  const killConnections = (): Promise<unknown> =>
    admin.query(
      "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );

  test("several processes that start at once migrate once", async () => {
    const fresh = await postgres.schema();
    const stores = await Promise.all([1, 2, 3, 4].map(() => openPostgresStore({ url: fresh, clock: fakeClock() })));
    await Promise.all(stores.map((one) => one.close()));
    const pool = openPool(fresh);
    expect((await pool.query("SELECT number FROM windlass_schema")).rows).toEqual(migrations.map((_, index) => ({ number: index + 1 })));
    await pool.end();
  });

  test("a schema of a newer Windlass is refused, and a migration that fails leaves the old one", async () => {
    const pool = openPool(url);
    await expect(migrate(pool, [...migrations, () => ["CREATE TABLE half (id BIGINT)", "CREATE TABLE half (id BIGINT)"]])).rejects.toThrow(
      /half/u,
    );
    expect((await pool.query("SELECT to_regclass('half') AS half")).rows).toEqual([{ half: null }]);
    await migrate(pool, [...migrations, () => ["CREATE TABLE of_the_future (id BIGINT)"]]);
    await pool.end();
    await expect(openPostgresStore({ url, clock: fakeClock() })).rejects.toMatchObject({ code: "schema_newer" });
  });

  test("a server that cannot be reached is unavailable", async () => {
    await expect(openPostgresStore({ url: "postgres://windlass@/postgres?host=/nowhere", clock: fakeClock() })).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  test("lost connections are replaced", async () => {
    await killConnections();
    await expect
      .poll(() =>
        store.ping().then(
          () => "answers",
          () => "fails",
        ),
      )
      .toBe("answers");
    const job = jobRecord();
    expect((await store.jobs.commit([{ type: "submit", job }], T0)).results).toMatchObject([{ ok: true }]);
  });

  test("a commit whose connection is lost while it waits fails, and the next one is stored", async () => {
    const job = jobRecord();
    await store.jobs.commit([{ type: "submit", job }], T0);
    await admin.query("BEGIN");
    await admin.query("SELECT 1 FROM jobs_live FOR UPDATE");
    const stop = {
      type: "stop",
      id: job.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    } as const;
    const waiting = store.jobs.commit([stop], T0).then(
      () => "stored",
      (error: unknown) => error,
    );
    await expect.poll(async () => (await admin.query(WAITING)).rowCount).toBe(1);
    await killConnections();
    expect(await waiting).toMatchObject({ code: "unavailable" });
    await admin.query("ROLLBACK");
    expect((await store.reads.get(job.id))?.state).toBe("queued");
    expect((await store.jobs.commit([stop], T0)).results).toMatchObject([{ ok: true }]);
  });

  test("a process that is frozen in the middle of a transaction does not keep the others waiting for ever", async () => {
    const job = jobRecord();
    await store.jobs.commit([{ type: "submit", job }], T0);
    const pool = openPool(url);
    const locked = Promise.withResolvers<void>();
    const thaw = Promise.withResolvers<void>();
    const frozen = inTransaction(pool, async (db) => {
      await db.rows("SELECT 1 FROM jobs_live FOR UPDATE");
      locked.resolve();
      await thaw.promise;
    }).catch((error: unknown) => error);
    await locked.promise;
    const expire = {
      type: "stop",
      id: job.id,
      stopFor: "cancelled",
      reason: "cancel_requested",
      message: null,
      by: "test",
      graceMs: 1,
    } as const;
    expect((await store.jobs.commit([expire], T0)).results).toMatchObject([{ ok: true }]);
    thaw.resolve();
    expect(await frozen).toMatchObject({ code: "unavailable" });
    await pool.end();
  });

  test("what is no position of the feed does not fail its reading", async () => {
    expect(await store.reads.feed("00000000000000000000-99999999999999999999", 1)).toEqual([]);
  });

  test("a session is extended by the database's clock, also after a lost connection, and its owner hears of its end", async () => {
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    await store.heartbeats.keep("ses_1", { intervalMs: 5, ttlMs: 60_000, onLost: resolve });
    const expiry = async (): Promise<number> =>
      (await admin.query<{ at: number }>("SELECT expires_at AS at FROM sessions")).rows[0]?.at ?? 0;
    const clock = async (): Promise<number> =>
      (await admin.query<{ at: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at")).rows[0]?.at ?? 0;
    await expect.poll(expiry).toBeGreaterThan((await clock()) + 30_000);
    await killConnections();
    const before = await expiry();
    await expect.poll(expiry).toBeGreaterThan(before);
    await admin.query("DELETE FROM sessions");
    await lost;
  });

  test("a session whose report gets no answer is lost when it has run out, not when the answer is given up", async () => {
    await admin.query("BEGIN");
    await admin.query("SELECT 1 FROM sessions FOR UPDATE");
    const began = performance.now();
    await new Promise<void>((resolve) => void store.heartbeats.keep("ses_1", { intervalMs: 100, ttlMs: 1_000, onLost: resolve }));
    expect(performance.now() - began).toBeLessThan(20_000);
    await admin.query("ROLLBACK");
  });

  test("a message that PostgreSQL cannot store is stored as near as it can be", async () => {
    await store.jobs.commit([{ type: "submit", job: jobRecord() }], T0);
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    const [job] = jobs;
    if (job === undefined) throw new Error("the job was not claimed");
    await store.jobs.commit([settleOf(job.live, { ...failed, message: "a\u0000b", output: "c\u0000d" })], T0);
    expect((await store.reads.get(job.record.id))?.final).toMatchObject({ message: "a\uFFFDb", output: "c\u0000d" });
  });

  test("the store's clock is sampled against the one that is handed in", async () => {
    const { rows } = await admin.query<{ at: number }>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at");
    const offset = await store.timeOffset();
    expect(Math.abs(fakeClock().now() + offset - (rows[0]?.at ?? 0))).toBeLessThan(10_000);
  });
});
