import { afterEach, beforeEach, expect, test } from "vitest";
import type { JobRecord, LiveJob } from "@windlass/kernel";
import { jobRecord, T0 } from "@windlass/testkit";
import { rowsOf } from "./alike-rows.ts";
import { claim } from "./claim-jobs.ts";
import { commit } from "./commit-jobs.ts";
import { Database } from "./database.ts";
import { openSession } from "./small-stores.ts";

let db: Database;

beforeEach(() => {
  db = new Database(":memory:");
  db.migrate();
  openSession(db, { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
});
afterEach(() => db.close());

function submit(count: number, given: Partial<JobRecord>): string[] {
  const jobs = Array.from({ length: count }, () => jobRecord(given));
  commit(
    db,
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  return jobs.map(({ id }) => id);
}

function claimed(limit: number, ahead = 0): { readonly ids: readonly unknown[]; readonly ready: readonly string[] } {
  const { jobs, signals } = claim(db, { executor: "handler", session: "ses_1", place: null, limit, ahead, now: T0 + 1 });
  return { ids: Array.from(rowsOf(jobs), ([id]) => id), ready: [...signals.ready] };
}

test("a claim gives no more than goes to another thread as one text, and says that there is more", () => {
  const ids = submit(5, { input: "x".repeat(12_000_000) });
  expect(claimed(1, 10)).toEqual({ ids: ids.slice(0, 2), ready: ["handler/default"] });
  expect(claimed(10)).toEqual({ ids: ids.slice(2, 4), ready: ["handler/default"] });
  expect(claimed(10)).toEqual({ ids: ids.slice(4), ready: [] });
});

test("one that is larger than that is claimed alone", () => {
  const [large, small] = [...submit(1, { input: "x".repeat(33_000_000) }), ...submit(1, {})];
  expect(claimed(10)).toEqual({ ids: [large], ready: ["handler/default"] });
  expect(claimed(10)).toEqual({ ids: [small], ready: [] });
});

test("a job whose record is missing is named, and nothing is claimed with it", () => {
  const [first, second] = submit(2, {}) as [string, string];
  db.hot.forget();
  db.run("PRAGMA foreign_keys = OFF");
  db.run("DELETE FROM jobs WHERE id = ?", [second]);
  expect(() => db.transaction(() => claimed(10))).toThrow(second);
  const states = db.all("SELECT id, state FROM jobs_live ORDER BY id") as unknown as [LiveJob["id"], LiveJob["state"]][];
  expect(states.map((row) => [...row])).toEqual([
    [first, "queued"],
    [second, "queued"],
  ]);
});
