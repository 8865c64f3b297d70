/** Statements are prepared once: SQLite does so again where a value is bound that its planner has looked at (database.ts). */
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { storeWalk, T0, walkStore } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { Database } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const WALKS = 20;
const SEED = 34;
/** What SQLite asks of a schema whose authorizer says yes to everything. */
const ALLOWED = 0;

afterEach(() => vi.restoreAllMocks());

/** The statements of jobs that wait, run, are looked for and end. */
async function statementsOfWalks(): Promise<readonly string[]> {
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  for (const walk of fc.sample(storeWalk, { numRuns: WALKS, seed: SEED })) {
    const store = await openSqliteStore({ path: ":memory:", clock: fakeClock() });
    await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
    await walkStore(store, walk);
    await store.jobs.due(T0, WALKS);
    await store.close();
  }
  const texts = [...new Set(prepare.mock.calls.map(([sql]) => sql))];
  prepare.mockRestore();
  return texts;
}

test("no statement of a job's life is prepared again when its values are bound", async () => {
  const texts = (await statementsOfWalks()).filter((sql) => /\b(SELECT|INSERT|UPDATE|DELETE)\b/u.test(sql));
  expect(texts.filter((sql) => /LIMIT/u.test(sql)).length).toBeGreaterThan(5);
  expect(await preparedAgain(texts)).toEqual([]);
});

async function preparedAgain(texts: readonly string[]): Promise<readonly string[]> {
  const prepare = vi.spyOn(DatabaseSync.prototype, "prepare");
  const opened = new Database(":memory:");
  opened.migrate();
  const db = prepare.mock.contexts[0] as DatabaseSync;
  let asked = 0;
  db.setAuthorizer(() => {
    asked++;
    return ALLOWED;
  });
  const again = texts.filter((sql) => {
    const statement = db.prepare(sql);
    const values = Array.from({ length: sql.split("?").length - 1 }, (_, i) => i);
    const times = [0, 1].map(() => {
      const before = asked;
      try {
        statement.all(...values);
      } catch {
        // The values are none that the tables take: by then it would have been prepared.
      }
      return asked - before;
    });
    return times.some((count) => count > 0);
  });
  opened.close();
  return again;
}
