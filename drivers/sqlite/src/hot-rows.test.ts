import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveJob } from "@windlass/kernel";
import type { Claimed } from "@windlass/ports";
import { jobsTable } from "@windlass/sql";
import { jobRecord, T0 } from "@windlass/testkit";
import { claim as claimRows } from "./claim-jobs.ts";
import { claimedOf } from "./claimed-rows.ts";
import { commit, liveRows } from "./commit-jobs.ts";
import { Database } from "./database.ts";
import { HotRows } from "./hot-rows.ts";
import { openSession } from "./small-stores.ts";

let folder: string;
let db: Database;
const path = (): string => join(folder, "windlass.db");
const request = { executor: "handler", session: "ses_1", place: null, limit: 10, now: T0 } as const;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "windlass-hot-"));
  db = new Database(path());
  db.migrate();
  openSession(db, { id: "ses_1", role: "worker", place: null, serves: [], startedAt: T0, expiresAt: T0 });
});
afterEach(async () => {
  db.close();
  await rm(folder, { recursive: true });
});

const claim = (...given: Parameters<typeof claimRows>): Claimed => claimedOf(claimRows(...given));
const submit = (...given: Parameters<typeof jobRecord>[0][]): string[] => {
  const jobs = given.map((one) => jobRecord(one));
  db.transaction(() =>
    commit(
      db,
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    ),
  );
  return jobs.map((job) => job.id);
};
const stored = (id: string): LiveJob | undefined => {
  db.hot.forget();
  return liveRows(db, [id])[0];
};

test("what a claim gives is what is stored, whether it was known or had to be read", () => {
  const [a = "", b = ""] = submit({ input: { n: 1 } }, { input: "x".repeat(5_000), labels: { team: "data" } });
  expect([a, b].map((id) => db.hot.records.of({ id, queue: "default" }) === undefined)).toEqual([false, true]);
  const known = db.transaction(() => claim(db, { ...request, limit: 1 })).jobs;
  db.hot.forget();
  const read = db.transaction(() => claim(db, request)).jobs;
  expect([known[0]?.record.input, read[0]?.record.labels]).toEqual([{ n: 1 }, { team: "data" }]);
  for (const { live } of [...known, ...read]) expect(stored(live.id)).toEqual(live);
});

test("a transaction that fails leaves nothing behind", () => {
  const [id = ""] = submit({});
  const failed = (): unknown =>
    db.transaction(() => {
      expect(claim(db, request).jobs).toHaveLength(1);
      throw new Error("disk full");
    });
  expect(failed).toThrow("disk full");
  expect(liveRows(db, [id])).toMatchObject([{ state: "queued", attempt: 0 }]);
  expect(db.transaction(() => claim(db, request)).jobs).toMatchObject([{ live: { id, attempt: 1 } }]);
});

test("what another connection has written is seen", () => {
  const [id = ""] = submit({});
  const other = new Database(path());
  other.run("UPDATE jobs_live SET token = 7 WHERE id = ?", [id]);
  other.close();
  expect(db.transaction(() => claim(db, request)).jobs).toMatchObject([{ live: { id, token: 8 } }]);
});

test("what has ended is forgotten, and with a full store of rows the others are read", () => {
  const ids = submit(...Array.from({ length: 20_100 }, () => ({})));
  expect(ids.filter((id) => db.hot.live(id) !== undefined)).toHaveLength(20_000);
  const last = ids.at(-1) ?? "";
  expect(liveRows(db, [last])).toMatchObject([{ id: last, state: "queued" }]);
  const { jobs } = db.transaction(() => claim(db, request));
  const [first] = jobs;
  if (first === undefined) throw new Error("a job is ready");
  db.transaction(() =>
    commit(db, [{ type: "stop", id: last, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }], T0),
  );
  expect(liveRows(db, [last])).toEqual([]);
  expect(db.hot.live(first.live.id)).toMatchObject({ state: "running" });
});

test("what waits for long keeps the rows and records of others out only for a while", () => {
  const hot = new HotRows();
  const [queued] = liveRows(db, submit({}));
  if (queued === undefined) throw new Error("a job is ready");
  const put = (id: string): void => {
    hot.putLive({ ...queued, id });
    hot.records.put(jobsTable.encode(jobRecord({ id })));
  };
  const known = (id: string): readonly boolean[] => [hot.live(id) !== undefined, hot.records.of({ id, queue: "default" }) !== undefined];
  for (let i = 0; i < 20_000; i++) put(`old_${i}`);
  put("new");
  expect([known("old_0"), known("new")]).toEqual([
    [true, true],
    [false, false],
  ]);
  for (let i = 0; i < 20_000; i++) put(`new_${i}`);
  expect([known("old_0"), known("new_19999")]).toEqual([
    [false, false],
    [true, true],
  ]);
});
