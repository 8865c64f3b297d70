/** A claim that does not read what this process has submitted sees the same, whoever has changed it meanwhile. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();
const COUNT = 20;

describe.skipIf(postgres.missing)("what was submitted together", () => {
  const opened = testStores(postgres, 2);
  let here: Store;
  let elsewhere: Store;
  beforeEach(() => {
    [here, elsewhere] = opened.stores as [Store, Store];
  });
  const submit = async (priority?: number): Promise<string[]> => {
    const jobs = Array.from({ length: COUNT }, () => jobRecord(priority === undefined ? {} : { priority }));
    await here.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    return jobs.map(({ id }) => id);
  };
  const claim = async (store: Store, limit: number): ReturnType<Store["jobs"]["claim"]> =>
    store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit, now: T0 + 1 });

  test("is claimed as another process would read it", async () => {
    const ids = await submit();
    const { jobs } = await claim(here, COUNT);
    expect(jobs.map(({ live }) => live.id)).toEqual(ids);
    for (const { live, record } of jobs) expect(await elsewhere.reads.get(live.id)).toMatchObject({ live, record });
  });

  test("is read where somebody else has changed it, and keeps its turn", async () => {
    const ids = await submit();
    const taken = await claim(elsewhere, 5);
    await elsewhere.jobs.commit(
      taken.jobs.map(({ live }) => ({ type: "release", id: live.id, token: live.token }) as const),
      T0 + 2,
    );
    const { jobs } = await claim(here, COUNT);
    expect(jobs.map(({ live }) => live.id)).toEqual(ids);
    const ends = await here.jobs.commit(
      jobs.map(({ live }) => settleOf(live)),
      T0 + 3,
    );
    expect(ends.results.every(({ ok }) => ok)).toBe(true);
    const seqs = async (id = ""): Promise<number[]> => (await elsewhere.reads.events(id, 0, 10)).map(({ seq }) => seq);
    expect([await seqs(ids[0]), await seqs(ids.at(-1))]).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3],
    ]);
  });

  test("stands in the order of all that is ready, beside what others have submitted", async () => {
    const low = await submit();
    const foreign = jobRecord({ priority: 5 });
    await elsewhere.jobs.commit([{ type: "submit", job: foreign }], T0);
    const high = await submit(5);
    const { jobs } = await claim(here, 3 * COUNT);
    expect(jobs.map(({ live }) => live.id)).toEqual([foreign.id, ...high, ...low]);
  });

  test("keeps to the limit of a key that is stored as another text", async () => {
    const concurrency = { key: "default/a\0b", limit: 1 };
    const jobs = Array.from({ length: COUNT }, () => jobRecord({ concurrency }));
    await here.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    expect((await claim(here, COUNT)).jobs).toHaveLength(1);
  });

  test("is read whole once most of it came from elsewhere, and by heart again when it did not", async () => {
    for (const store of [elsewhere, here, here]) {
      const jobs = Array.from({ length: COUNT }, () => jobRecord());
      await store.jobs.commit(
        jobs.map((job) => ({ type: "submit", job }) as const),
        T0,
      );
      const claimed = await claim(here, COUNT);
      expect(claimed.jobs.map(({ live }) => live.id)).toEqual(jobs.map(({ id }) => id));
      for (const { live } of claimed.jobs) expect(await elsewhere.reads.get(live.id)).toMatchObject({ live });
    }
  });
});
