/** SQLite and PostgreSQL come to the same for the same walk, whom they claim and when included. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgresStore } from "@windlass/postgres";
import { openSqliteStore } from "@windlass/sqlite";
import { storeWalk, testPostgres, walkStore } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";

const postgres = testPostgres();
const RUNS = 10;

describe.skipIf(postgres.missing)("the stores agree", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("the same walk comes to the same on SQLite and on PostgreSQL", async () => {
    const clock = fakeClock();
    for (const walk of fc.sample(storeWalk, { numRuns: RUNS, seed: 7 })) {
      const stores = [
        await openSqliteStore({ path: ":memory:", clock }),
        await openPostgresStore({ url: await postgres.schema(), clock }),
      ] as const;
      try {
        for (const store of stores)
          await store.sessions.open({
            id: "ses_1",
            role: "worker",
            place: null,
            serves: [],
            startedAt: 0,
            expiresAt: Number.MAX_SAFE_INTEGER,
          });
        const [sqlite, onPostgres] = [await walkStore(stores[0], walk), await walkStore(stores[1], walk)];
        expect(onPostgres).toEqual(sqlite);
      } finally {
        for (const store of stores) await store.close();
      }
    }
  });
});
