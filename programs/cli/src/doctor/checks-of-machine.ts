/** What Windlass needs of this machine: Node, a data folder that can be written and flushed, room on the disk, SQLite. */
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { formatBytes, messageOf } from "@windlass/kernel";
import { systemClock } from "../machine/system-clock.ts";
import type { Check, Finding } from "./check.ts";

const NODE_MAJOR_MIN = 24;
/** Below this a busy server fills the disk within days. */
const FREE_BYTES_MIN = 1024 ** 3;
const FLUSHES = 20;
const FLUSH_BYTES = 4096;

export function checksOfMachine(folder: string): readonly Check[] {
  return [checkNode, () => checkFolder(folder), () => checkDisk(folder), checkSqlite];
}

async function checkNode(): Promise<Finding> {
  const version = process.versions.node;
  const good = Number.parseInt(version, 10) >= NODE_MAJOR_MIN;
  return {
    name: "node",
    status: good ? "ok" : "failed",
    found: good ? version : `${version}; ${NODE_MAJOR_MIN} or newer is needed`,
    gives: "runs Windlass",
  };
}

/** What is acknowledged has been flushed, so this bounds how many single jobs a second are taken one after the other. */
async function checkFolder(folder: string): Promise<Finding> {
  const gives = "keeps jobs and logs";
  const existed = statSync(folder, { throwIfNoEntry: false }) !== undefined;
  const probe = join(folder, `doctor.${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = openSync(probe, "w", 0o600);
    const begun = systemClock.monotonic();
    for (let i = 0; i < FLUSHES; i++) {
      writeSync(file, Buffer.alloc(FLUSH_BYTES), 0, FLUSH_BYTES, 0);
      fsyncSync(file);
    }
    const perSecond = Math.round((FLUSHES * 1000) / Math.max(1, systemClock.monotonic() - begun));
    closeSync(file);
    return { name: "data folder", status: "ok", found: `${resolve(folder)}: writable, ${perSecond} flushes a second`, gives };
  } catch (error) {
    return { name: "data folder", status: "failed", found: `${resolve(folder)}: ${messageOf(error)}`, gives };
  } finally {
    rmSync(probe, { force: true });
    if (!existed) rmSync(folder, { recursive: true, force: true });
  }
}

async function checkDisk(folder: string): Promise<Finding> {
  const gives = "room for jobs and logs";
  try {
    const { bavail, bsize } = statfsSync(nearestFolder(resolve(folder)));
    const free = bavail * bsize;
    const enough = free >= FREE_BYTES_MIN;
    return {
      name: "disk",
      status: enough ? "ok" : "failed",
      found: `${formatBytes(free)} free${enough ? "" : `; less than ${formatBytes(FREE_BYTES_MIN)} is soon full`}`,
      gives,
    };
  } catch (error) {
    return { name: "disk", status: "failed", found: messageOf(error), gives };
  }
}

function nearestFolder(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined && dirname(path) !== path ? nearestFolder(dirname(path)) : path;
}

async function checkSqlite(): Promise<Finding> {
  const gives = "the store that needs nothing else";
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(":memory:");
    const row = database.prepare("SELECT sqlite_version() AS version").get();
    database.close();
    return { name: "sqlite", status: "ok", found: String(row?.["version"]), gives };
  } catch (error) {
    return { name: "sqlite", status: "failed", found: messageOf(error), gives };
  }
}
