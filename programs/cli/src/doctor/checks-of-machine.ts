/** What Windlass needs of this machine: Node, a data folder that can be written and flushed, room, memory, files, a port. */
import { accessSync, constants, statfsSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { formatBytes } from "@windlass/kernel";
import type { DataFolder } from "../compose/data-folder.ts";
import { isOwned } from "../compose/owner-lock.ts";
import { systemClock } from "../machine/system-clock.ts";
import { answerOf } from "./answer-of.ts";
import type { Check, Looked } from "./check.ts";

const NODE_MAJOR_MIN = 24;
/** Below this a busy server fills the disk within days. */
const FREE_BYTES_MIN = 1024 ** 3;
/** Less does not hold what one busy second writes. */
const FULL_BYTES = 1024 ** 2;
/** A server with its store and a supervisor; jobs come on top. */
const MEMORY_BYTES_MIN = 512 * 1024 ** 2;
/** Each connection, log and process takes some. */
const FILES_MIN = 1_024;
const FLUSHES_MAX = 50;
const FLUSH_BYTES = 4096;
/** Measured at most so long. */
const FLUSH_MS_MAX = 800;
/** Below this a disk (or a virtual one) holds up whoever submits one job after the other. */
const FLUSHES_PER_SECOND_MIN = 50;
const OTHERS_MAY = 0o077;

export interface MachineFacts {
  readonly folder: DataFolder;
  readonly host: string;
  readonly port: number;
}

export function checksOfMachine({ folder, host, port }: MachineFacts): readonly Check[] {
  const { path } = folder;
  return [
    { name: "node", gives: "runs Windlass", look: async () => lookAtNode() },
    { name: "data folder", gives: "keeps jobs and logs", look: async () => lookAtFolder(path) },
    { name: "owner", gives: "one server at a time in a data folder", look: async () => lookAtOwner(folder) },
    { name: "flush rate", gives: "what is acknowledged has been flushed to the disk", look: () => lookAtFlushes(path) },
    { name: "disk", gives: "room for jobs and logs", look: async () => lookAtDisk(path) },
    { name: "memory", gives: "room for the server and what it runs", look: async () => lookAtMemory() },
    { name: "open files", gives: "connections, logs and processes", look: lookAtFiles },
    { name: "time zone", gives: "times as people here read them", look: async () => lookAtZone() },
    { name: "port", gives: "where a server listens", look: () => lookAtPort(folder, host, port) },
    { name: "sqlite", gives: "the store that needs nothing else", look: lookAtSqlite },
  ];
}

function lookAtNode(): Looked {
  const version = process.versions.node;
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return { found: version };
  return { status: "failed", found: `${version}; ${NODE_MAJOR_MIN} or newer is needed`, mend: "npm ci" };
}

function lookAtFolder(path: string): Looked {
  const there = statSync(path, { throwIfNoEntry: false });
  const folder = there === undefined ? nearestFolder(path) : path;
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      status: "failed",
      found: `${folder} cannot be written by this user`,
      mend: `windlass server --data FOLDER, or: chown "$USER" ${folder}`,
    };
  }
  if (there === undefined) return { found: `${path} is made when it is needed` };
  const token = statSync(join(path, "token"), { throwIfNoEntry: false });
  if (token !== undefined && (token.mode & OTHERS_MAY) !== 0)
    return {
      status: "warning",
      found: `others may read ${join(path, "token")}, the key to everything`,
      mend: `chmod 600 ${join(path, "token")}`,
    };
  if ((there.mode & OTHERS_MAY) !== 0) return { status: "warning", found: `others may look into ${path}`, mend: `chmod 700 ${path}` };
  return { found: `${path}: only its owner may read and write` };
}

function lookAtOwner({ path, server }: DataFolder): Looked {
  if (server === null) return { found: "nobody has the data folder" };
  // Not whether there is a process of that number: it may be another by now, or one that is not to be seen from here.
  if (isOwned(path)) return { found: `process ${server.pid} at ${server.url}` };
  return {
    status: "warning",
    found: `process ${server.pid}, which had the data folder, is gone without leaving; what it ran is taken over`,
    mend: `windlass server --data ${path}`,
  };
}

/** This bounds how many single jobs a second are taken one after the other. */
async function lookAtFlushes(path: string): Promise<Looked> {
  // A folder that is not there is not made: a server that begins just now would find it half done.
  const probe = join(nearestFolder(path), `.windlass-doctor.${process.pid}`);
  const file = await open(probe, "w", 0o600);
  try {
    const begun = systemClock.monotonic();
    let [flushes, took] = [0, 0];
    for (; flushes < FLUSHES_MAX && took < FLUSH_MS_MAX; flushes++) {
      await file.write(Buffer.alloc(FLUSH_BYTES), 0, FLUSH_BYTES, 0);
      await file.sync();
      took = systemClock.monotonic() - begun;
    }
    const perSecond = Math.round((flushes * 1000) / Math.max(1, took));
    return perSecond >= FLUSHES_PER_SECOND_MIN
      ? { found: `${perSecond} a second` }
      : {
          status: "warning",
          found: `${perSecond} a second: jobs that are submitted one by one wait for it`,
          mend: "windlass server --data FOLDER on a faster disk",
        };
  } finally {
    await file.close();
    await rm(probe, { force: true });
  }
}

function lookAtDisk(path: string): Looked {
  const { bavail, bsize } = statfsSync(nearestFolder(path));
  const free = bavail * bsize;
  if (free >= FREE_BYTES_MIN) return { found: `${formatBytes(free)} free` };
  if (free < FULL_BYTES)
    return {
      status: "failed",
      found: `the disk of ${path} is full: ${formatBytes(free)} free; nothing can be stored`,
      mend: `du -sh ${path}/*`,
    };
  return {
    status: "warning",
    found: `${formatBytes(free)} free; less than ${formatBytes(FREE_BYTES_MIN)} is soon full`,
    mend: `du -sh ${path}/*`,
  };
}

/** What this process may have: a container may allow less than the machine has. */
function lookAtMemory(): Looked {
  const free = process.availableMemory();
  const found = `${formatBytes(free)} available`;
  return free >= MEMORY_BYTES_MIN
    ? { found }
    : { status: "warning", found: `${found}; ${formatBytes(MEMORY_BYTES_MIN)} are a good beginning` };
}

async function lookAtFiles(): Promise<Looked> {
  const { text, failure } = await answerOf("sh", ["-c", "ulimit -n"]);
  if (failure !== null) return { status: "missing", found: `unknown: ${failure}` };
  if (text === "unlimited" || Number(text) >= FILES_MIN) return { found: `${text} at once` };
  return {
    status: "warning",
    found: `${text} at once; ${FILES_MIN} are a good beginning`,
    mend: "ulimit -n 65536 (in a systemd unit: LimitNOFILE=65536)",
  };
}

function lookAtZone(): Looked {
  return { found: `${Intl.DateTimeFormat().resolvedOptions().timeZone}; stored times are in UTC` };
}

async function lookAtPort({ path, server }: DataFolder, host: string, port: number): Promise<Looked> {
  // What else listens where that one does not is none of its business.
  if (server !== null && isOwned(path)) return { found: `${new URL(server.url).port}, by the server of this data folder` };
  const fault = await new Promise<NodeJS.ErrnoException | null>((settle) => {
    const probe = createServer();
    probe.once("error", settle);
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => settle(null)));
  });
  if (fault === null) return { found: `${host}:${port} is free` };
  return {
    status: "warning",
    found: fault.code === "EADDRINUSE" ? `another program listens on ${host}:${port}` : `${host}:${port} cannot be used: ${fault.message}`,
    mend: "windlass server --port PORT (0 takes a free one)",
  };
}

async function lookAtSqlite(): Promise<Looked> {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const row = database.prepare("SELECT sqlite_version() AS version").get();
  database.close();
  return { found: String(row?.["version"]) };
}

function nearestFolder(path: string): string {
  const folder = resolve(path);
  return statSync(folder, { throwIfNoEntry: false }) === undefined && dirname(folder) !== folder ? nearestFolder(dirname(folder)) : folder;
}
