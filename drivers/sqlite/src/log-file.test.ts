import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Database } from "./database.ts";
import { IdleGrowth } from "./idle-growth.ts";
import { LogFile, type Disk } from "./log-file.ts";

let folder: string;
let db: Database;
const path = (name = "windlass.db"): string => join(folder, name);
const size = (): number => statSync(path("windlass.db-wal")).size;
const MIB = 1_048_576;
/** What a commit of one small row adds: a page and its frame. */
const SMALL = 4_120;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-log-"));
  db = new Database(path());
  db.run("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT)");
  db.leaveFlushing();
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

/** One commit of about so many bytes, and zeros behind it when it is time. */
const write = (log: LogFile, bytes: number): void => {
  db.transaction(() => {
    db.run("INSERT INTO t (text) VALUES (?)", ["x".repeat(bytes)]);
    log.committed();
  });
  if (log.isShort()) db.transaction(() => log.growAhead("short"));
};
const rows = (on: Database): unknown => on.get("SELECT count(*) FROM t")?.[0];

test("the log is the one that SQLite writes, for as long as it is open", async () => {
  const log = new LogFile(path());
  log.flushNow();
  const { promise, resolve } = Promise.withResolvers<Error | null>();
  log.flush(resolve);
  expect(await promise).toBeNull();
  log.close();
  db.close();
  expect(() => new LogFile(path())).toThrow(/ENOENT/u);
});

test("it grows a megabyte ahead, and again when little of that is left", () => {
  const log = new LogFile(path());
  const before = size() + SMALL;
  write(log, 10);
  expect(size()).toBe(before + MIB);
  for (let i = 0; i < 14; i++) write(log, 50_000);
  expect(size()).toBe(before + MIB);
  for (let i = 0; i < 10; i++) write(log, 50_000);
  expect(size()).toBe(before + 2 * MIB);
  log.close();
});

test("the longer it is, the more it grows at once, up to four megabytes", () => {
  const log = new LogFile(path());
  const grown = new Set<number>();
  for (let i = 0, before = size(); i < 600; i++, before = size()) {
    write(log, 50_000);
    if (size() - before > MIB / 2) grown.add(Math.floor((size() - before) / MIB));
  }
  expect([...grown]).toEqual([1, 2, 3, 4]);
  expect(rows(db)).toBe(600);
  log.close();
});

test("it is asked for zeros once behind each commit", () => {
  const log = new LogFile(path());
  for (let i = 0; i < 20; i++) write(log, 10);
  const shell = new Database(path());
  while (size() < 2 * MIB) shell.run("INSERT INTO t (text) VALUES (?)", ["x".repeat(100_000)]);
  shell.close();
  expect(log.isShort()).toBe(false);
  log.committed();
  expect([log.isShort(), log.isShort()]).toEqual([true, false]);
  log.close();
});

test("while nobody waits it grows to twice its length, and never beyond where SQLite begins it anew", () => {
  const log = new LogFile(path());
  const rest = (): number => {
    while (log.wantsMore()) db.transaction(() => log.growAhead("idle"));
    return size();
  };
  for (let i = 0; i < 12; i++) write(log, 100_000);
  const written = size();
  expect(rest()).toBeGreaterThanOrEqual(2 * written - MIB);
  expect(rest()).toBeLessThanOrEqual(2 * written + MIB);
  expect(rows(db)).toBe(12);
  while (size() < 33_000_000 + SMALL) write(log, 2_000_000);
  expect([rest() - 33_000_000 > 16 * MIB, size() - 33_000_000 < 19 * MIB]).toEqual([true, true]);
  truncateSync(path("windlass.db-wal"), 70 * MIB);
  const full = new LogFile(path());
  expect(full.wantsMore()).toBe(false);
  for (const one of [full, log]) one.close();
});

/** Takes so many bytes, and says that so many are free. */
const diskWith = ({ room, free }: { room: number; free: number }): Disk & { room: number; free: number } => ({
  room,
  free,
  write(file, bytes, at) {
    if (this.room === 0) throw new Error("ENOSPC");
    const written = writeSync(file, bytes, 0, Math.min(bytes.length, this.room), at);
    this.room -= written;
    return written;
  },
  freeBytes() {
    return this.free;
  },
});

test("where the disk is full nothing is tried again while nobody writes", () => {
  const grow = (): void => {
    for (let i = 0; i < 8; i++) db.transaction(() => db.run("INSERT INTO t (text) VALUES (?)", ["x".repeat(50_000)]));
  };
  grow();
  const disk = diskWith({ room: 5_000, free: 1_000 * MIB });
  const log = new LogFile(path(), disk);
  const before = size();
  let transactions = 0;
  const growth = new IdleGrowth({
    db: { tryTransaction: (work) => (transactions++, db.tryTransaction(work)) },
    log,
    zeros: { flush: (done) => done(null), close: () => {} },
    isIdle: () => true,
    fail: () => {},
  });
  for (let i = 0; i < 5; i++) growth.rest();
  expect([transactions, size()]).toEqual([1, before + 5_000]);
  expect(log.wantsMore()).toBe(false);
  // There is room again, and SQLite has made the log longer.
  disk.room = Infinity;
  growth.rest();
  expect(transactions).toBe(1);
  grow();
  growth.rest();
  expect(transactions).toBeGreaterThan(1);
  log.close();
});

test("zeros for which there is no room are not tried again behind each commit", () => {
  const log = new LogFile(path(), diskWith({ room: 0, free: 0 }));
  write(log, 10);
  for (let i = 0; i < 40; i++) {
    log.committed();
    expect(log.isShort()).toBe(false);
  }
  db.run("INSERT INTO t (text) VALUES ('x')");
  log.committed();
  expect(log.isShort()).toBe(true);
  log.close();
});

test("zeros that nobody waits for leave room on the disk", () => {
  const disk = diskWith({ room: Infinity, free: 64 * MIB - 1 });
  const log = new LogFile(path(), disk);
  expect(log.wantsMore()).toBe(false);
  disk.free++;
  expect(log.wantsMore()).toBe(true);
  log.close();
});

test("what a process that was killed has left ahead is used by the next one", () => {
  const first = new LogFile(path());
  write(first, 10);
  const ahead = size();
  first.close();
  for (let starts = 0; starts < 4; starts++) {
    const next = new LogFile(path());
    write(next, 10);
    expect(size()).toBe(ahead);
    next.close();
  }
});

test("a log that cannot be looked at fails no commit", () => {
  const log = new LogFile(path());
  log.close();
  write(log, 10);
  expect(rows(db)).toBe(1);
});

test("large commits make it longer by themselves, until there are small ones again", () => {
  const log = new LogFile(path());
  write(log, 10);
  for (let i = 0; i < 8; i++) write(log, 500_000);
  const end = size();
  for (let i = 0; i < 3; i++) write(log, 10);
  expect(size()).toBe(end + 3 * SMALL);
  for (let i = 0; i < 40; i++) write(log, 50_000);
  const ahead = size();
  for (let i = 0; i < 3; i++) write(log, 10);
  expect(size()).toBe(ahead);
  log.close();
});

test("what was committed before zeros and after them is there after a death", () => {
  const log = new LogFile(path());
  for (let i = 0; i < 30; i++) write(log, 60_000);
  log.flushNow();
  copyFileSync(path(), path("dead.db"));
  copyFileSync(path("windlass.db-wal"), path("dead.db-wal"));
  const after = new Database(path("dead.db"));
  expect([rows(after), after.get("PRAGMA integrity_check")]).toEqual([30, ["ok"]]);
  after.close();
  log.close();
});

test("a log that somebody has cut off grows again, and one that was left by a death is read", () => {
  const log = new LogFile(path());
  write(log, 10);
  const shell = new Database(path());
  shell.get("PRAGMA wal_checkpoint(TRUNCATE)");
  shell.close();
  expect(size()).toBe(0);
  for (let i = 0; i < 20; i++) write(log, 10);
  expect(size()).toBeGreaterThan(MIB);
  log.close();
  writeFileSync(path("left.db"), readFileSync(path()));
  writeFileSync(path("left.db-wal"), readFileSync(path("windlass.db-wal")));
  const left = new Database(path("left.db"));
  expect(rows(left)).toBe(21);
  left.close();
});
