/** Where events stand in the feed: their numbers come in blocks, one for each statement. */
import { migrations, POSITIONS_OF_BLOCK } from "@windlass/sql";
import { jobRecord, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, querierOf } from "./connection.ts";
import { migrate } from "./migrate.ts";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();
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
  afterAll(() => postgres.stop());
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
    expect((await inOrder()).map(([id]) => id)).toEqual(ids);
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
});

const alike = (id: string): string[] => [id, id, id];
