/** What tests with a PostgreSQL of their own begin with: a new schema for each, stores of it, and the session that claims. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type pg from "pg";
import type { Store } from "@windlass/ports";
import type { TestPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPool } from "./connection.ts";
import { openPostgresStore } from "./postgres-store.ts";

/** Of the test that runs. */
export interface TestStores {
  readonly url: string;
  /** Beside the stores: for what is looked at in the tables, and changed behind their backs. */
  readonly pool: pg.Pool;
  readonly store: Store;
  /** That one and all others, as so many processes have them. */
  readonly stores: readonly Store[];
  /** One more; it is closed with the others. */
  open(): Promise<Store>;
}

/**
 * One row for each who waits for a lock, whoever asks. By pg_stat_activity it would not be so: within a transaction that shows those
 * who were connected at its first look, and nobody who came later.
 */
export const WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted";

export const SESSION = { id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER } as const;

/** Starts the server for the tests around it, and opens so many stores for each. */
export function testStores(postgres: TestPostgres, count = 1): TestStores {
  let url = "";
  let pool: pg.Pool;
  let stores: Store[] = [];
  const open = async (): Promise<Store> => {
    const store = await openPostgresStore({ url, clock: fakeClock() });
    stores.push(store);
    return store;
  };
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    url = await postgres.schema();
    pool = openPool(url);
    stores = [];
    while (stores.length < count) await open();
    await stores[0]?.sessions.open(SESSION);
  });
  afterEach(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await pool.end();
  });
  return {
    open,
    get url() {
      return url;
    },
    get pool() {
      return pool;
    },
    get store() {
      return stores[0] as Store;
    },
    get stores() {
      return stores;
    },
  };
}
