/** Where events stand in the feed: their numbers come in blocks, one for each statement. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrations, POSITIONS_OF_BLOCK } from "@windlass/sql";
import { jobRecord, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectionConfig, openPool, querierOf } from "./connection.ts";
import { dumpPostgres } from "./backup.ts";
import { migrate } from "./migrate.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { restorePostgres } from "./restore.ts";

const postgres = testPostgres();
const folder = mkdtempSync(join(tmpdir(), "windlass-positions-"));
/** The schema before numbers came in blocks. */
const BEFORE = migrations.slice(0, 24);
/** More than two blocks have. */
const MANY = 2 * POSITIONS_OF_BLOCK + 10;
/** As who takes a number for each row. */
const ONE_BY_ONE = "INSERT INTO events (job_id, seq, at, type) SELECT $1, n, 0, 'job.submitted' FROM generate_series(1, 3) AS n";

describe.skipIf(postgres.missing)("events", () => {
  let pool: pg.Pool;
  let url = "";
  beforeAll(() => postgres.start());
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    url = await postgres.schema();
    pool = openPool(url);
  });
  afterEach(() => pool.end());
  const inOrder = async (): Promise<[string, number][]> =>
    (await querierOf(pool).rows("SELECT job_id, position FROM events ORDER BY position")) as unknown as [string, number][];

  test("that are written together stand in the feed in their order, however many there are", async () => {
    const store = await openPostgresStore({ url, clock: fakeClock() });
    const submit = async (count: number): Promise<string[]> => {
      const jobs = Array.from({ length: count }, () => jobRecord());
      await store.jobs.commit(
        jobs.map((job) => ({ type: "submit", job }) as const),
        T0,
      );
      return jobs.map(({ id }) => id);
    };
    const ids = [...(await submit(1)), ...(await submit(MANY)), ...(await submit(2))];
    const feed = await store.reads.feed("", ids.length + 1);
    expect(feed.map(({ event }) => event.jobId)).toEqual(ids);
    expect(new Set(feed.map(({ position }) => position)).size).toBe(ids.length);
    await store.close();
  });

  test("stand behind those that were there before numbers came in blocks, and beside those of who takes one for each row", async () => {
    await migrate(pool, BEFORE);
    await querierOf(pool).rows(ONE_BY_ONE, ["job_before"]);
    const store = await openPostgresStore({ url, clock: fakeClock() });
    const jobs = [jobRecord(), jobRecord(), jobRecord()];
    await store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    await querierOf(pool).rows(ONE_BY_ONE, ["job_beside"]);
    const last = jobRecord();
    await store.jobs.commit([{ type: "submit", job: last }], T0);
    const events = await inOrder();
    expect(events.map(([id]) => id)).toEqual([...alike("job_before"), ...jobs.map(({ id }) => id), ...alike("job_beside"), last.id]);
    expect(new Set(events.map(([, position]) => position)).size).toBe(events.length);
    await store.close();
  });

  test("are numbered in blocks while somebody reads them for as long as a dump takes", async () => {
    await migrate(pool, BEFORE);
    const reader = new pg.Client(connectionConfig(url));
    await reader.connect();
    await reader.query("BEGIN");
    await reader.query("LOCK TABLE events IN ACCESS SHARE MODE");
    // Whoever waits behind the reader gives up.
    const upgrading = openPool(`${url}${encodeURIComponent(" -c lock_timeout=2s")}`);
    await migrate(upgrading);
    await upgrading.end();
    const store = await openPostgresStore({ url, clock: fakeClock() });
    for (let n = 0; n < 2; n++) await store.jobs.commit([{ type: "submit", job: jobRecord() }], T0);
    await store.close();
    const [first, second] = (await inOrder()).map(([, position]) => position);
    expect((second ?? 0) - (first ?? 0)).toBe(POSITIONS_OF_BLOCK);
    await reader.end();
  });

  test("stand behind each other, and in blocks, after their table was dumped and restored", async () => {
    const [from, to] = [await postgres.database(), await postgres.database()];
    const ids: string[] = [];
    const submit = async (at: string): Promise<void> => {
      const store = await openPostgresStore({ url: at, clock: fakeClock() });
      const jobs = [jobRecord(), jobRecord()];
      await store.jobs.commit(
        jobs.map((job) => ({ type: "submit", job }) as const),
        T0,
      );
      ids.push(...jobs.map(({ id }) => id));
      await store.close();
    };
    await submit(from);
    const file = join(folder, "events.dump");
    const { searchPath } = await dumpPostgres({ url: from, file, environment: process.env });
    await restorePostgres({ url: to, file, environment: process.env, searchPath, mark: "a back-up" });
    await submit(to);
    const restored = openPool(to);
    await querierOf(restored).rows(ONE_BY_ONE, ["job_beside"]);
    const events = (await querierOf(restored).rows("SELECT job_id, position FROM events ORDER BY position")) as unknown as [
      string,
      number,
    ][];
    await restored.end();
    expect(events.map(([id]) => id)).toEqual([...ids, ...alike("job_beside")]);
    const B = POSITIONS_OF_BLOCK;
    const [first = 0] = events.map(([, position]) => position);
    expect(events.map(([, position]) => position - first)).toEqual([0, 1, B, B + 1, 2 * B, 3 * B, 4 * B]);
  });

  test("cannot be written by a role without the right to number them, which is told so at once, with what gives it", async () => {
    await (await openPostgresStore({ url, clock: fakeClock() })).close();
    const schema = String((await pool.query<{ name: string }>("SELECT current_schema() AS name")).rows[0]?.name);
    const role = `only_tables_of_${schema}`;
    await pool.query(`CREATE ROLE ${role} LOGIN`);
    await pool.query(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${role}`);
    await pool.query(`GRANT ALL ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    const its = { url: url.replace("windlass@", `${role}@`), clock: fakeClock() };
    const grant = `GRANT USAGE ON SEQUENCE ${schema}.events_position_seq TO ${role}`;
    await expect(openPostgresStore(its)).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining(grant) as string });
    await pool.query(grant);
    const store = await openPostgresStore(its);
    const job = jobRecord();
    await store.jobs.commit([{ type: "submit", job }], T0);
    expect((await inOrder()).map(([id]) => id)).toEqual([job.id]);
    await store.close();
  });
});

const alike = (id: string): string[] => [id, id, id];
