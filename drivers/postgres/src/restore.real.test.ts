import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import pg from "pg";
import { migrations } from "@windlass/sql";
import { jobRecord, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { dumpPostgres } from "./backup.ts";
import { openPool } from "./connection.ts";
import { migrate } from "./migrate.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { forgetRestore, isRestored, restorePostgres } from "./restore.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("a restore of PostgreSQL", () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-restore-"));
  const file = join(folder, "store.dump");
  const environment = process.env;
  const mark = "a back-up";
  let searchPath = "";

  beforeAll(async () => {
    await postgres.start();
    const url = await postgres.database();
    const store = await openPostgresStore({ url, clock: fakeClock() });
    const jobs = Array.from({ length: 300 }, () => jobRecord({ executor: "process" }));
    await store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    );
    await store.sessions.open({ id: "ses_1", role: "launcher", place: "p1", serves: [], startedAt: T0, expiresAt: T0 * 2 });
    await store.jobs.claim({ executor: "process", session: "ses_1", place: "p1", limit: 1, now: T0 });
    const handled = Array.from({ length: 20 }, () => ({ type: "submit", job: jobRecord() }) as const);
    await store.jobs.commit(handled, T0);
    await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 20, now: T0 });
    ({ searchPath } = await dumpPostgres({ url, file, environment }));
    await store.close();
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  async function rowsOf(url: string, sql: string): Promise<readonly object[]> {
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query<object>(sql);
    await client.end();
    return rows;
  }
  const TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";

  test("it is whole: all rows, with sessions that have run out", async () => {
    const url = await postgres.database();
    const figures = await restorePostgres({ url, file, environment, searchPath, mark });
    expect(figures).toMatchObject({ rows: { jobs: 320, jobs_live: 300, claim_groups: 1, sessions: 1 }, underWay: 21, searchPath });
    expect(await rowsOf(url, "SELECT id, expires_at::int FROM sessions")).toEqual([{ id: "ses_before_p1", expires_at: 0 }]);
    await expect(restorePostgres({ url, file, environment, searchPath, mark })).rejects.toMatchObject({ code: "conflict" });
  });

  test("it is known by its mark until it is told that all is there", async () => {
    const url = await postgres.database();
    expect(await isRestored({ url, mark })).toBe(false);
    await restorePostgres({ url, file, environment, searchPath, mark });
    expect([await isRestored({ url, mark }), await isRestored({ url, mark: "another" })]).toEqual([true, false]);
    await forgetRestore(url);
    expect(await isRestored({ url, mark })).toBe(false);
  });

  test("it is not taken for a fresh one any more once somebody works with it", async () => {
    const url = await postgres.database();
    await restorePostgres({ url, file, environment, searchPath, mark });
    const store = await openPostgresStore({ url, clock: fakeClock() });
    expect(await store.jobs.live({ forsaken: true, executor: "handler" }, 100), "nobody carries what was claimed").toHaveLength(20);
    await store.close();
    expect(await isRestored({ url, mark })).toBe(false);
    await expect(restorePostgres({ url, file, environment, searchPath, mark })).rejects.toMatchObject({ code: "conflict" });
  });

  test("rows that are not as they should be leave nothing, and so does a dump that was cut off; the next try is whole", async () => {
    const url = await postgres.database();
    const check = (): never => {
      throw new Error("another number of rows");
    };
    await expect(restorePostgres({ url, file, environment, searchPath, mark, check })).rejects.toThrow("another number of rows");
    expect(await rowsOf(url, TABLES)).toEqual([]);
    const short = join(folder, "short.dump");
    const whole = readFileSync(file);
    writeFileSync(short, whole.subarray(0, whole.length - 2_000));
    await expect(restorePostgres({ url, file: short, environment, searchPath, mark })).rejects.toMatchObject({ code: "unavailable" });
    expect(await rowsOf(url, TABLES)).toEqual([]);
    await restorePostgres({ url, file, environment, searchPath, mark });
    expect(await rowsOf(url, "SELECT count(*)::int AS jobs FROM jobs")).toEqual([{ jobs: 320 }]);
  });

  test.each([12, 19, 24, 25])("a dump of schema %d is restored, and brought up to date when it is opened", async (schema) => {
    const [from, to] = [await postgres.database(), await postgres.database()];
    const pool = openPool(from);
    await migrate(pool, migrations.slice(0, schema));
    await pool.end();
    const older = join(folder, `schema-${schema}.dump`);
    const dumped = await dumpPostgres({ url: from, file: older, environment });
    expect(await restorePostgres({ url: to, file: older, environment, searchPath: dumped.searchPath, mark })).toMatchObject({ schema });
    const store = await openPostgresStore({ url: to, clock: fakeClock() });
    const job = jobRecord();
    await store.jobs.commit([{ type: "submit", job }], T0);
    expect((await store.reads.feed("", 10)).map(({ event }) => event.jobId)).toEqual([job.id]);
    await store.close();
  });

  const FAR = 9_000_000_000_000;
  const place = (mark: number, position: number): string => [mark, position].map((n) => String(n).padStart(19, "0")).join("-");

  test.each(["restored", "restored by hand"])(
    "what happens after it was %s into another cluster is told to who had come far in the log",
    async (how) => {
      const [from, to] = [await postgres.database(), await postgres.database()];
      const before = await openPostgresStore({ url: from, clock: fakeClock() });
      const submit = (store: typeof before): Promise<unknown> => store.jobs.commit([{ type: "submit", job: jobRecord({}) }], T0);
      for (let n = 0; n < 3; n++) await submit(before);
      await rowsOf(from, `UPDATE events SET mark = mark + ${FAR}`);
      const [told, untold] = (await rowsOf(from, "SELECT mark::float8, position::int FROM events ORDER BY mark, position OFFSET 1")) as {
        readonly mark: number;
        readonly position: number;
      }[];
      await before.feedPlaces.move("notices", { from: null, to: place(told?.mark ?? 0, told?.position ?? 0) });
      await before.feedPlaces.move("odd", { from: null, to: "0002" });
      await before.close();
      let url = from;
      if (how === "restored") {
        const other = join(folder, "other.dump");
        const dumped = await dumpPostgres({ url: from, file: other, environment });
        await restorePostgres({ url: to, file: other, environment, searchPath: dumped.searchPath, mark });
        url = to;
      }
      const after = await openPostgresStore({ url, clock: fakeClock() });
      expect(await after.feedPlaces.get("odd")).toBe("0002");
      const reached = (await after.feedPlaces.get("notices")) ?? "";
      await submit(after);
      const feed = await after.reads.feed(reached, 10);
      expect(feed.map(({ position }) => Number(position.slice(20)))).toEqual([untold?.position, expect.any(Number)]);
      await after.close();
      const again = await openPostgresStore({ url, clock: fakeClock() });
      expect(await again.feedPlaces.get("notices")).toBe(reached);
      expect(await again.reads.feed(reached, 10)).toEqual(feed);
      await again.close();
    },
  );
});
