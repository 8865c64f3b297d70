/** The log says the same, whether events have a row each or one for many that are alike. */
import { beforeEach, describe, expect, test } from "vitest";
import type pg from "pg";
import { seconds, type Change, type JobEvent, type LiveJob, type RetryPolicy } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { POSITIONS_OF_BLOCK } from "@windlass/sql";
import { failed, jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock, seededRandom } from "@windlass/testkit/fakes";
import { querierOf } from "./connection.ts";
import { FEED, MANY_MIN, TAKE_OUT } from "./event-groups.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { SESSION, testStores } from "./stores-fixture.ts";

const postgres = testPostgres();
/** More than a store of these tests has events. */
const ALL = 10_000;

describe.skipIf(postgres.missing)("events that are alike", () => {
  const opened = testStores(postgres);
  let store: Store;
  let pool: pg.Pool;
  beforeEach(() => {
    ({ store, pool } = opened);
  });

  const submit = async (count: number, to: Store = store): Promise<string[]> => {
    const jobs = Array.from({ length: count }, () => jobRecord({ retry: RETRY }));
    await to.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    return jobs.map(({ id }) => id);
  };
  const claim = async (limit: number, now: number): Promise<readonly LiveJob[]> =>
    (await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit, now })).jobs.map(({ live }) => live);
  const end = (jobs: readonly LiveJob[], now: number): Promise<unknown> =>
    store.jobs.commit(
      jobs.map((live) => settleOf(live)),
      now,
    );
  const rowsIn = async (table: string): Promise<number> => (await querierOf(pool).rows(`SELECT count(*) FROM ${table}`))[0]?.[0] as number;
  const timeline = async (id: string): Promise<string[]> => (await store.reads.events(id, 0, ALL)).map(({ seq, type }) => `${seq} ${type}`);
  const LIFE = ["1 job.submitted", "2 job.started", "3 job.finished"];

  test("are one row for all jobs that did it together, and each job has its own", async () => {
    const ids = await submit(40);
    await end(await claim(40, T0 + 5), T0 + 9);
    expect([await rowsIn("events"), await rowsIn("event_groups")]).toEqual([0, 3]);
    for (const id of ids) expect(await timeline(id)).toEqual(LIFE);
    expect(await store.reads.events(ids[7] ?? "", 1, 1)).toMatchObject([{ jobId: ids[7], seq: 2, at: T0 + 5, attempt: 1 }]);
    const feed = await store.reads.feed("", ALL);
    expect(feed.map(({ event }) => event.jobId)).toEqual([...ids, ...ids, ...ids]);
    expect(await store.reads.feedEnd()).toBe(feed.at(-1)?.position);
  });

  test("get a row each when there are few", async () => {
    await end(await (await submit(15), claim(15, T0 + 5)), T0 + 9);
    expect([await rowsIn("events"), await rowsIn("event_groups")]).toEqual([45, 0]);
  });

  test("are not alike when they say different things", async () => {
    const jobs = Array.from({ length: 40 }, () => jobRecord());
    await store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    const lives = await claim(40, T0 + 5);
    await store.jobs.commit(
      lives.map((live, n) => settleOf(live, n < 20 ? failed : undefined)),
      T0 + 9,
    );
    expect(await rowsIn("event_groups")).toBe(4);
    const outcomes = (await store.reads.feed("", ALL)).slice(80).map(({ event }) => (event.data as { readonly outcome: string }).outcome);
    expect(outcomes).toEqual([...Array.from({ length: 20 }, () => "failed"), ...Array.from({ length: 20 }, () => "succeeded")]);
  });

  test("are found when the attempt that they began did not count", async () => {
    const [id = ""] = await submit(20);
    const [live] = await claim(20, T0 + 5);
    await store.jobs.commit([{ type: "release", id, token: live?.token ?? 0 }], T0 + 6);
    const expected = ["1 job.submitted", "2 job.started", "3 job.released"];
    expect(await timeline(id)).toEqual(expected);
    await end(await claim(1, T0 + 7), T0 + 8);
    expect(await timeline(id)).toEqual([...expected, "4 job.started", "5 job.finished"]);
    expect(await rowsIn("event_times")).toBe(1);
  });

  test("leave no time behind where none began an attempt together", async () => {
    const ids = await submit(20);
    for (let n = 1; n <= 3; n++) {
      const lives = await claim(MANY_MIN - 1, T0 + n);
      await store.jobs.commit(
        lives.map(({ id, token }) => ({ type: "release", id, token }) as const),
        T0 + n,
      );
    }
    expect(await timeline(ids[0] ?? "")).toEqual([
      "1 job.submitted",
      ...[2, 4, 6].flatMap((n) => [`${n} job.started`, `${n + 1} job.released`]),
    ]);
    expect([await rowsIn("event_groups"), await rowsIn("event_times")]).toEqual([1, 0]);
  });

  test("are told in pages of any size, from any place", async () => {
    await submit(20);
    await submit(3);
    await end((await claim(21, T0 + 5)).slice(1), T0 + 9);
    const whole = await store.reads.feed("", ALL);
    expect(whole).toHaveLength(20 + 3 + 21 + 20);
    for (const limit of [1, 7, 19, 40])
      for (const [at, { position }] of whole.entries())
        expect(await store.reads.feed(position, limit)).toEqual(whole.slice(at + 1, at + 1 + limit));
  });

  test("fill the smallest page although those of the first group behind its place went with their jobs", async () => {
    await submit(20);
    const ended = await claim(20, T0 + 5);
    const [, , , , , , , , , tenth] = await store.reads.feed("", ALL);
    await end(ended.slice(10), T0 + 9);
    await store.retention.remove(ended.slice(10).map(({ id }) => id));
    const page = await store.reads.feed(tenth?.position ?? "", 1);
    expect(page).toMatchObject([{ event: { jobId: ended[0]?.id, type: "job.started" } }]);
  });

  test("are as many in one row as statements number, and those over that have rows when they are few", async () => {
    const ids = await submit(POSITIONS_OF_BLOCK + 3);
    expect([await rowsIn("event_groups"), await rowsIn("events")]).toEqual([1, 3]);
    expect((await store.reads.feed("", ALL)).map(({ event }) => event.jobId)).toEqual(ids);
  });

  test("are told without fetching the list of a group for each of them", async () => {
    await submit(1_000);
    await end(await claim(1_000, T0 + 5), T0 + 9);
    await pool.query("ANALYZE");
    await pool.query("SET plan_cache_mode = force_generic_plan");
    const text = FEED.replaceAll(/\$([123])/gu, (_, n) => String([-1, -1, 500][Number(n) - 1]));
    const explained = await pool.query<{ "QUERY PLAN": [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    );
    const { Plan } = explained.rows[0]?.["QUERY PLAN"][0] ?? { Plan: {} };
    expect((Plan["Shared Hit Blocks"] ?? 0) + (Plan["Shared Read Blocks"] ?? 0)).toBeLessThan(500);
  });

  test("are counted against a set when their jobs are removed, also when the plan is made for these jobs", async () => {
    const explained = await pool.query<{ "QUERY PLAN": string }>(`EXPLAIN (VERBOSE) ${TAKE_OUT.replaceAll("$1", "'{job_a,job_b}'")}`);
    expect(explained.rows.map((row) => row["QUERY PLAN"]).join("\n")).toContain("hashed SubPlan");
  });

  test("are counted once when two remove the same jobs", async () => {
    const ids = await submit(300);
    await end((await claim(300, T0 + 5)).slice(0, 100), T0 + 9);
    const other = await opened.open();
    const gone = ids.slice(0, 80);
    const removed = await Promise.all([store.retention.remove(gone), other.retention.remove(gone.toReversed())]);
    expect(removed.flat().toSorted()).toEqual(gone);
    const left = await querierOf(pool).rows("SELECT size - jobs_left FROM event_groups ORDER BY position");
    expect(left).toEqual([[80], [80], [80]]);
  });

  test("fill a page although most of a group went with their jobs", async () => {
    const ids = await submit(300);
    const ended = await claim(200, T0 + 5);
    await end(ended, T0 + 9);
    await store.retention.remove(ended.map(({ id }) => id));
    const left = ids.slice(200);
    await submit(5);
    const feed = await store.reads.feed("", 104);
    expect(feed.map(({ event }) => event.jobId).slice(0, 100)).toEqual(left);
    expect(feed).toHaveLength(104);
    // Those of started and ended jobs went whole.
    expect(await rowsIn("event_groups")).toBe(1);
  });

  test("become rows of their own, at their places, when few are left of a group", async () => {
    const ids = await submit(40);
    const lives = await claim(40, T0 + 5);
    await end(lives.slice(0, 36), T0 + 9);
    const kept = ids.slice(36);
    const before = (await store.reads.feed("", ALL)).filter(({ event }) => kept.includes(event.jobId));
    await store.retention.remove(ids.slice(0, 34));
    // Two of the 36 that ended are left.
    expect(await rowsIn("event_groups")).toBe(2);
    await store.retention.remove(ids.slice(34));
    expect([await rowsIn("event_groups"), await rowsIn("events"), await rowsIn("event_times")]).toEqual([0, 8, 0]);
    expect(await store.reads.feed("", ALL)).toEqual(before);
    for (const id of kept) expect(await timeline(id)).toEqual(LIFE.slice(0, 2));
    await end(lives.slice(36), T0 + 10);
    for (const id of kept) expect(await timeline(id)).toEqual(LIFE);
  });

  test("are told again from the first of theirs to who had read into them when they were restored into another cluster", async () => {
    const ids = await submit(20);
    await pool.query("UPDATE event_groups SET mark = mark + 9000000000000");
    const { rows } = await pool.query<{ place: string }>(
      "SELECT lpad(mark::text, 19, '0') || '-' || lpad((position - 5)::text, 19, '0') AS place FROM event_groups",
    );
    await store.feedPlaces.move("notices", { from: null, to: rows[0]?.place ?? "" });
    store = await opened.open();
    const [next] = await submit(1);
    const feed = await store.reads.feed((await store.feedPlaces.get("notices")) ?? "", ALL);
    expect(feed.map(({ event }) => event.jobId)).toEqual([...ids, next]);
  });

  test.each([1, 2, 3, 4, 5, 6])("say what rows of their own would have said (%d)", async (seed) => {
    const random = seededRandom(seed);
    const upTo = (most: number): number => random.int(most + 1);
    const single = await openPostgresStore({ url: await postgres.schema(), clock: fakeClock(), manyMin: Number.MAX_SAFE_INTEGER });
    const grouped = await openPostgresStore({ url: await postgres.schema(), clock: fakeClock(), manyMin: 1 + upTo(3) });
    await Promise.all([single, grouped].map((one) => one.sessions.open(SESSION)));
    const both = async <T>(ask: (one: Store) => Promise<T>): Promise<T> => {
      const [expected, found] = [await ask(single), await ask(grouped)];
      expect(found).toEqual(expected);
      return expected;
    };
    const all: string[] = [];
    let held: LiveJob[] = [];
    let now = T0;
    for (let step = 0; step < 40; step++) {
      now += upTo(2);
      const at = now;
      const choice = random.next();
      if (choice < 0.3) {
        const jobs = Array.from({ length: 1 + upTo(12) }, () => jobRecord({ createdAt: at - upTo(1), retry: RETRY }));
        all.push(...jobs.map(({ id }) => id));
        await both(
          async (one) =>
            (
              await one.jobs.commit(
                jobs.map((job) => ({ type: "submit", job }) as const),
                at,
              )
            ).results,
        );
      } else if (choice < 0.6) {
        const limit = 1 + upTo(10);
        const jobs = await both(
          async (one) => (await one.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit, now: at })).jobs,
        );
        held.push(...jobs.map(({ live }) => live));
      } else if (choice < 0.9) {
        const changes = held.filter(() => random.chance(0.7)).map((live) => changeOf(live, random.next(), at));
        const changed = new Set(changes.map((change) => ("id" in change ? change.id : "")));
        held = held.filter(({ id }) => !changed.has(id));
        await both(async (one) => (await one.jobs.commit(changes, at)).results);
      } else {
        const some = all.filter(() => random.chance(0.3));
        await both((one) => one.retention.remove(some));
      }
      const [after, limit] = [upTo(2), 1 + upTo(30)];
      for (const id of all.filter(() => random.chance(0.2))) await both((one) => one.reads.events(id, after, limit));
      await both((one) => eventsOf(one, limit));
    }
    await both((one) => eventsOf(one, ALL));
    await Promise.all([single.close(), grouped.close()]);
  });
});

const RETRY: RetryPolicy = { limit: 2, on: ["failed"], backoff: { initial: seconds(0), factor: 1, max: seconds(0), jitter: 0 } };

/** What becomes of an attempt: mostly it succeeds. */
function changeOf(live: LiveJob, random: number, now: number): Change {
  if (random < 0.15) return { type: "release", id: live.id, token: live.token };
  if (random < 0.25) return { type: "defer", id: live.id, token: live.token, until: now + 1, reason: "handler_unknown" };
  if (random < 0.35) return { type: "progress", id: live.id, token: live.token, progress: { fraction: 0.5, text: null } };
  if (random < 0.5) return settleOf(live, failed);
  return settleOf(live);
}

/** The whole feed, page by page. */
async function eventsOf(store: Store, limit: number): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for (let after = ""; ;) {
    const page = await store.reads.feed(after, limit);
    events.push(...page.map(({ event }) => event));
    if (page.length < limit) return events;
    after = page.at(-1)?.position ?? "";
  }
}
