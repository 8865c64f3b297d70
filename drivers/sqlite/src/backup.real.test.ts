import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock, Store } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copySqlite, inspectSqlite, settleRestoredSqlite } from "./backup.ts";
import { Database } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};

let folder: string;
const path = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-copy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function withStore<T>(name: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ path: path(name), clock });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const submit = async (store: Store, count: number): Promise<string[]> => {
  const jobs = Array.from({ length: count }, () => jobRecord({ createdAt: T0 }));
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  return jobs.map((job) => job.id);
};

test("a copy of a store that is written to has all that was acknowledged before, of one moment, and ends", async () => {
  await withStore("one.db", async (store) => {
    const before: string[] = [];
    for (let i = 0; i < 4; i++) before.push(...(await submit(store, 3_000)));
    let copying = true;
    let during = 0;
    const writing = (async () => {
      while (copying) during += (await submit(store, 20)).length;
    })();
    const shares: number[] = [];
    const figures = await copySqlite({ from: path("one.db"), to: path("copy.db"), onProgress: (share) => shares.push(share) });
    copying = false;
    await writing;
    expect(during).toBeGreaterThan(0);
    expect(shares.length).toBeGreaterThan(1);
    const jobs = figures.rows["jobs"] ?? 0;
    expect(jobs).toBeGreaterThanOrEqual(before.length);
    expect(figures.rows["jobs_live"]).toBe(jobs);
    expect(figures.rows["events"]).toBe(jobs);
    expect(await inspectSqlite(path("copy.db"))).toEqual(figures);
  });
  await withStore("copy.db", async (store) => expect((await store.jobs.live({}, 1)).length).toBe(1));
});

test("in a restored store no session is open, every place is lost, and the feed goes on far behind", async () => {
  await withStore("one.db", async (store) => {
    await store.sessions.open({ id: "ses_a", role: "launcher", place: "place-a", serves: [], startedAt: T0, expiresAt: T0 + 10 });
    await store.jobs.commit([{ type: "submit", job: jobRecord({ executor: "process" }) }], T0);
    await store.jobs.claim({ executor: "process", session: "ses_a", place: "place-a", limit: 1, now: T0 });
  });
  await settleRestoredSqlite(path("one.db"));
  await withStore("one.db", async (store) => {
    expect(await store.sessions.list()).toMatchObject([{ role: "launcher", place: "place-a", expiresAt: 0 }]);
    const end = await store.reads.feedEnd();
    await submit(store, 1);
    expect(Number(await store.reads.feedEnd()) - Number(end)).toBeGreaterThan(1_000_000);
  });
});

const PAGE_BYTES = 4_096;

/** The page that a table begins with; others may be free, and nobody would miss them. */
function rootOf(file: string, table: string): number {
  const db = new Database(file, { readOnly: true });
  try {
    return db.get("SELECT rootpage FROM sqlite_master WHERE name = ?", [table])?.[0] as number;
  } finally {
    db.close();
  }
}

test("a file that is damaged, cut off or no store is refused", async () => {
  await withStore("one.db", (store) => submit(store, 500));
  const good = readFileSync(path("one.db"));
  writeFileSync(path("whole.db"), good);
  truncateSync(path("one.db"), Math.floor(good.length / 2));
  await expect(inspectSqlite(path("one.db"))).rejects.toMatchObject({ code: "invalid" });
  const altered = Buffer.from(good);
  const root = rootOf(path("whole.db"), "jobs");
  altered.fill(0xff, (root - 1) * PAGE_BYTES, root * PAGE_BYTES);
  writeFileSync(path("two.db"), altered);
  await expect(inspectSqlite(path("two.db"))).rejects.toMatchObject({ code: "invalid" });
  writeFileSync(path("three.db"), "no database at all, just a text that is long enough to be looked at".repeat(100));
  await expect(inspectSqlite(path("three.db"))).rejects.toMatchObject({ code: "invalid" });
});
