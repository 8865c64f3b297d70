/** A claim of a queue that is used up, and an end that is on its way: how long it waits for that, and where it does not. */
import { beforeEach, describe, expect, test } from "vitest";
import type pg from "pg";
import type { LiveJob, QueueSettings } from "@windlass/kernel";
import type { Claimed, ClaimRequest, Committed } from "@windlass/ports";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPostgresStore } from "./postgres-store.ts";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();
const LIMIT = 3;

describe.skipIf(postgres.missing)("a claim of a queue with a limit", () => {
  const at = testStores(postgres, 2);
  let clock = fakeClock();
  let store = at.store;
  beforeEach(async () => {
    clock = fakeClock();
    store = await openPostgresStore({ url: at.url, clock });
    return () => store.close();
  });

  const claim = (given: Partial<ClaimRequest> = {}, from = store): Promise<Claimed> =>
    from.jobs.claim({ executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 10, ahead: 10, now: T0, ...given });
  const submit = (queue: string, count: number, fairnessKey = ""): Promise<Committed> =>
    store.jobs.commit(
      Array.from({ length: count }, () => ({ type: "submit", job: jobRecord({ queue, fairnessKey }) })),
      T0,
    );
  const started = ({ jobs }: Claimed): LiveJob[] => jobs.map(({ live }) => live);
  /** All places are used, and another claim has seen so: what a process remembers of a queue begins with the first that it makes. */
  const usedUp = async (settings: Partial<QueueSettings> = { concurrencyLimit: LIMIT }, fairnessKey = ""): Promise<LiveJob[]> => {
    await store.queues.put("default", settings, T0);
    await submit("default", 8, fairnessKey);
    const running = started(await claim());
    expect(running).toHaveLength(LIMIT);
    expect(started(await claim())).toEqual([]);
    return running;
  };
  /** Stores the end of the first, which waits for a row that somebody holds until `work` is over. */
  const whileEnding = async (running: readonly LiveJob[], work: (ending: Promise<Committed>) => Promise<void>): Promise<void> => {
    const [live] = running as [LiveJob];
    const client: pg.PoolClient = await at.pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT 1 FROM jobs_live WHERE id = $1 FOR UPDATE", [live.id]);
    const ending = store.jobs.commit([settleOf(live)], T0);
    try {
      await work(ending);
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
    expect((await ending).results).toMatchObject([{ ok: true }]);
  };

  test.each([
    ["the queue", { concurrencyLimit: LIMIT }, ""],
    ["its key", { keyConcurrencyLimit: LIMIT }, "a"],
  ])("has the place that an end leaves, where that of %s is used up", async (_, settings, fairnessKey) => {
    const running = await usedUp(settings, fairnessKey);
    let claiming: Promise<Claimed> | undefined;
    await whileEnding(running, async () => {
      claiming = claim();
      // It has the time to look: others do.
      for (let looks = 0; looks < 10; looks++) expect(started(await claim({}, at.stores[1]))).toEqual([]);
    });
    expect(started((await claiming) as Claimed)).toHaveLength(1);
    expect(started(await claim())).toEqual([]);
  });

  test("waits no longer than a moment for an end that is not stored", async () => {
    await whileEnding(await usedUp(), async () => {
      const claiming = claim();
      await clock.advance(49);
      const isWaiting = clock.pending > 0;
      await clock.advance(1);
      expect([isWaiting, started(await claiming)]).toEqual([true, []]);
    });
    expect(started(await claim())).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test("waits for nothing where another of its queues has something", async () => {
    const running = await usedUp();
    await submit("other", 1);
    await whileEnding(running, async () => {
      expect(started(await claim({ queues: ["default", "other"] })).map(({ queue }) => queue)).toEqual(["other"]);
    });
  });

  test("waits for nothing where a place is left, and where one is free since somebody has looked", async () => {
    const [first, ...others] = await usedUp();
    await store.jobs.commit([settleOf(first as LiveJob)], T0);
    await whileEnding(others, async () => {
      const [next] = started(await claim({ limit: 1, ahead: 0 }));
      expect(next?.state).toBe("running");
    });
    // Two run, which is more than half: nothing is read ahead, and a place is left.
    expect(started(await claim({ limit: 0, ahead: 10 }))).toEqual([]);
    await whileEnding(others.slice(1), async () => {
      expect(started(await claim())).toHaveLength(1);
    });
  });

  test("finds a limit gone after a moment at most, and waits for nothing from then on", async () => {
    const running = await usedUp();
    await at.stores[1]?.queues.put("default", { concurrencyLimit: null }, T0);
    await whileEnding(running, async () => {
      const claiming = claim({ limit: 2, ahead: 0 });
      await clock.advance(50);
      expect(started(await claiming)).toHaveLength(2);
      expect(started(await claim())).toHaveLength(3);
    });
  });
});
