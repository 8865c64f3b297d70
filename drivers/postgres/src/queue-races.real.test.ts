/** Races for what queues limit: several processes claim at once, and nothing is counted twice. */
import { describe, expect, test } from "vitest";
import type { QueueSettings } from "@windlass/kernel";
import type { ClaimedJob, Store } from "@windlass/ports";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { testStores, WAITING } from "./stores-fixture.ts";

const postgres = testPostgres();
const PROCESSES = 4;

describe.skipIf(postgres.missing)("several processes and one queue", () => {
  const opened = testStores(postgres, PROCESSES);
  const store = (index: number): Store => opened.stores[index % PROCESSES] as Store;

  async function prepare(settings: Partial<QueueSettings>, keys: readonly string[]): Promise<void> {
    await store(0).queues.put("default", settings, T0);
    await store(0).jobs.commit(
      keys.map((fairnessKey) => ({ type: "submit", job: jobRecord({ fairnessKey }) })),
      T0,
    );
  }

  /** Each process claims three times, all at once. */
  async function claimAtOnce(now: number, { limit = 3, ahead = 0 } = {}): Promise<ClaimedJob[]> {
    const claims = Array.from({ length: PROCESSES * 3 }, (_, i) =>
      store(i).jobs.claim({ executor: "handler", session: "ses_1", place: null, limit, ahead, now }),
    );
    return (await Promise.all(claims)).flatMap(({ jobs }) => jobs);
  }

  test("a rate lets as many start as it says, whoever asks", async () => {
    await prepare(
      { rateLimit: { limit: 5, perSeconds: 1 } },
      Array.from({ length: 40 }, () => ""),
    );
    expect(await claimAtOnce(T0)).toHaveLength(5);
    expect(await claimAtOnce(T0 + 199)).toHaveLength(0);
    expect(await claimAtOnce(T0 + 400)).toHaveLength(2);
  });

  test("a claim that has looked at more than it takes leaves what is behind it to the next one", async () => {
    await prepare({}, "abcdefgh".repeat(4).split(""));
    const client = await opened.pool.connect();
    await client.query("BEGIN");
    // What a claim writes last: it has looked, and is not stored.
    await client.query("LOCK TABLE events IN EXCLUSIVE MODE");
    const waiting = async () => (await client.query(WAITING)).rowCount;
    const claims = [5, 6].map((limit) => store(0).jobs.claim({ executor: "handler", session: "ses_1", place: null, limit, now: T0 }));
    await expect.poll(waiting).toBeGreaterThan(0);
    // Time for the second one to look, if it did.
    for (let looks = 0; looks < 50; looks++) await waiting();
    await client.query("COMMIT");
    client.release();
    const served = (await Promise.all(claims)).map(({ jobs }) => jobs.map(({ live }) => live.fairnessKey).join(""));
    expect(served).toEqual(["abcde", "fghabc"]);
  });

  test("a key never runs more than its limit, and every key has its turn", async () => {
    const keys = ["a", "b", "c"];
    await prepare({ keyConcurrencyLimit: 1 }, [...Array.from({ length: 20 }, () => "a"), "b", "b", "c"]);
    const first = await claimAtOnce(T0);
    expect(first.map(({ live }) => live.fairnessKey).toSorted()).toEqual(keys);
    await store(0).jobs.commit(
      first.map(({ live }) => settleOf(live)),
      T0,
    );
    expect((await claimAtOnce(T0)).map(({ live }) => live.fairnessKey).toSorted()).toEqual(["a", "b"]);
  });

  test("half of the places of a limit are read ahead and no more, whoever asks, and all of them are used", async () => {
    const keys = "abcd".repeat(20).split("");
    for (const [settings, places] of [
      [{ concurrencyLimit: 20 }, 20],
      [{ concurrencyLimit: null, keyConcurrencyLimit: 6 }, 24],
    ] as const) {
      await prepare(settings, keys);
      const ahead = await claimAtOnce(T0, { limit: 0, ahead: 30 });
      expect(ahead).toHaveLength(places / 2);
      const slots = await claimAtOnce(T0, { limit: 5, ahead: 30 });
      expect(slots).toHaveLength(places / 2);
      await store(0).jobs.commit(
        [...ahead, ...slots].map(({ live }) => settleOf(live)),
        T0,
      );
    }
  });

  test("a key that is forgotten while somebody submits a job with it is there for that job", async () => {
    const concurrency = { key: "db", limit: 1 };
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        store(0).jobs.tidy("", T0),
        store(1).jobs.commit([{ type: "submit", job: jobRecord({ concurrency }) }], T0),
        store(2).jobs.commit([{ type: "submit", job: jobRecord({ concurrency }) }], T0),
        store(3).jobs.tidy("", T0),
      ]);
      const claimed = await claimAtOnce(T0);
      expect(claimed).toHaveLength(1);
      await store(0).jobs.commit(
        claimed.map(({ live }) => settleOf(live)),
        T0,
      );
      const second = await claimAtOnce(T0);
      expect(second).toHaveLength(1);
      await store(0).jobs.commit(
        second.map(({ live }) => settleOf(live)),
        T0,
      );
    }
  });
});
