/** Trees of jobs go together, and one that cannot go keeps no other. */
import { describe, expect, test } from "vitest";
import { jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("retention", () => {
  const opened = testStores(postgres);

  test("removes what can go although a tree among it cannot, which is told when nothing else was asked for", async () => {
    const { store, pool } = opened;
    const jobs = Array.from({ length: 20 }, () => jobRecord());
    await store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job }) as const),
      T0,
    );
    const { jobs: claimed } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 20, now: T0 });
    await store.jobs.commit(
      claimed.map(({ live }) => settleOf(live)),
      T0 + 1,
    );
    const ids = jobs.map(({ id }) => id);
    const stuck = ids[7] ?? "";
    await pool.query(
      `CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN IF OLD.id = '${stuck}' THEN RAISE EXCEPTION 'it stays'; END IF; RETURN OLD; END $$ LANGUAGE plpgsql`,
    );
    await pool.query("CREATE TRIGGER refuse BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION refuse()");
    const others = ids.filter((id) => id !== stuck);
    expect((await store.retention.remove(ids)).toSorted()).toEqual(others);
    expect((await store.reads.feed("", 100)).map(({ event }) => event.jobId)).toEqual([stuck, stuck, stuck]);
    await expect(store.retention.remove([stuck])).rejects.toThrow("it stays");
    expect((await store.reads.events(stuck, 0, 10)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});
