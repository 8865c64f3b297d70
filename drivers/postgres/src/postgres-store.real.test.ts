import { afterAll, beforeAll, describe } from "vitest";
import { storeContract, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("on a real server", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  storeContract("PostgreSQL", async () => {
    const store = await openPostgresStore({ url: await postgres.schema(), clock: fakeClock() });
    return { store, remove: () => store.close() };
  });

  // Few tests have so many jobs at once.
  storeContract("PostgreSQL that takes one for many", async () => {
    const store = await openPostgresStore({ url: await postgres.schema(), clock: fakeClock(), manyMin: 1 });
    return { store, remove: () => store.close() };
  });
});
