/** What turns.test.ts says, in real time: on PostgreSQL, and on SQLite with a writer thread. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "@windlass/ports";
import { openPostgresStore } from "@windlass/postgres";
import { openSqliteStore } from "@windlass/sqlite";
import { testPostgres } from "@windlass/testkit";
import { seededRandom } from "@windlass/testkit/fakes";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";
import { OTHERS_FIRST_MAX, othersFirst } from "./turns-fixture.ts";

const postgres = testPostgres();
const WAIT_MS = 60_000;

async function mostFirst(store: Store): Promise<number> {
  const until = (done: () => boolean): Promise<void> => expect.poll(done, { timeout: WAIT_MS }).toBe(true);
  const others = await othersFirst({ store, clock: systemClock, random: seededRandom(1), until });
  await store.close();
  return Math.max(...others);
}

describe.skipIf(postgres.missing)("on a real server", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("before the job of a new tenant no more begin than lie with the worker, on PostgreSQL", async () => {
    const store = await openPostgresStore({ url: await postgres.schema(), clock: systemClock });
    expect(await mostFirst(store)).toBeLessThanOrEqual(OTHERS_FIRST_MAX);
  });
});

test("the same on SQLite in a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-turns-"));
  try {
    const store = await openSqliteStore({ path: join(folder, "store.db"), clock: systemClock });
    expect(await mostFirst(store)).toBeLessThanOrEqual(OTHERS_FIRST_MAX);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
