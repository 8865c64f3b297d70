/** Dead letters when PostgreSQL ends a transaction in favour of another. */
import { describe, expect, test } from "vitest";
import { NO_RETRY } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { failed, jobRecord, settleOf, T0, testPostgres } from "@windlass/testkit";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("dead letters", () => {
  const opened = testStores(postgres);

  async function die(store: Store): Promise<string> {
    const job = jobRecord({ retry: NO_RETRY });
    await store.jobs.commit([{ type: "submit", job }], T0);
    const { jobs } = await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 1, now: T0 });
    await store.jobs.commit(
      jobs.map(({ live }) => settleOf(live, failed)),
      T0,
    );
    return job.id;
  }

  test.each(["40001", "40P01"])("are marked and removed by the next try, when one failed with %s", async (code) => {
    const { store, pool } = opened;
    const id = await die(store);
    // What a sequence has given is not taken back with the transaction.
    await pool.query("CREATE SEQUENCE tries");
    await pool.query(
      `CREATE FUNCTION lose() RETURNS trigger AS $$ BEGIN
         IF nextval('tries') % 2 = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '${code}'; END IF; RETURN NULL; END $$ LANGUAGE plpgsql`,
    );
    await pool.query("CREATE TRIGGER lose AFTER UPDATE OR DELETE ON dead_letters FOR EACH STATEMENT EXECUTE FUNCTION lose()");
    await store.deadLetters.redriven([{ jobId: id, redrives: 0, as: "job_new" }], { by: "test", at: T0 + 1 });
    expect(await store.deadLetters.list({ workspace: "default", limit: 10 })).toMatchObject([{ jobId: id, redrives: 1 }]);
    expect(await store.deadLetters.remove([id])).toBe(1);
    expect(await store.deadLetters.list({ workspace: "default", limit: 10 })).toEqual([]);
  });
});
