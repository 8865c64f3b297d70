/**
 * The supervisor: a small program of its own session, one for each data folder, that holds the processes of attempts.
 * It outlives the server that started it, and ends by itself when it has nothing to hold and nobody to serve.
 *
 * V1. The lock is the system's own (a lock on a file), so it is free the moment its holder is dead.
 * V2. The socket is made only under the lock, after all that was lost is known: who can connect hears the truth.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { createServer } from "node:net";
import { DatabaseSync } from "node:sqlite";
import { AttemptTable } from "./attempt-table.ts";
import { lockPath, pidPath, pipesFolder, socketPath, supervisorFolder } from "./folder-layout.ts";
import { memoryWatch } from "./memory-watch.ts";
import { pipePool } from "./pipe-pool.ts";
import { stragglers } from "./stragglers.ts";
import { supervisorClock } from "./supervisor-clock.ts";
import { supervisorDoor } from "./supervisor-door.ts";
import type { SupervisorDoor } from "./supervisor-door.ts";

/** What the program gets as its only argument, as JSON. */
export interface SupervisorOptions {
  readonly folder: string;
  /** How long it stays without attempts and clients. */
  readonly idleExitMs: number;
}

const STDERR = 2;
const CHECKS_PER_IDLE_TIME = 4;
/** Backlog of the socket: launchers that connect at once. */
const BACKLOG = 128;
/**
 * Starting a process costs the more the larger the program that starts it. Node takes 45 MB more when it had to strip
 * the types of sources that are not in its cache yet; one larger than this begins anew, once, with the filled cache.
 */
const RESIDENT_BYTES_MAX = 70_000_000;
const BEGUN_ANEW = "anew";

const clock = supervisorClock();
const options = JSON.parse(process.argv[2] ?? "{}") as SupervisorOptions;
await main();

async function main(): Promise<void> {
  mkdirSync(supervisorFolder(options.folder), { recursive: true, mode: 0o700 });
  beginAnewWhenLarge();
  const lock = takeLock();
  if (lock === null) return;
  // A path of a Unix socket has 107 bytes at most; this one is relative.
  process.chdir(supervisorFolder(options.folder));
  process.title = `windlass-supervisor ${options.folder}`;
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => {});

  let door: SupervisorDoor | null = null;
  const table = new AttemptTable({
    data: options.folder,
    clock,
    pipes: pipePool(pipesFolder(options.folder)),
    memory: memoryWatch(clock),
    stragglers: stragglers(clock),
    onEnded: (fact) => door?.tell(fact),
    complain,
  });
  await table.recover();
  door = supervisorDoor(table, complain);
  const server = createServer(door.accept);
  server.on("error", (error) => {
    complain("listening", error);
    process.exit(1);
  });
  rmSync(socketPath(options.folder), { force: true });
  server.listen({ path: "socket", backlog: BACKLOG }, () => {
    chmodSync("socket", 0o600);
    writeFileSync(pidPath(options.folder), `${process.pid}\n`, { mode: 0o600 });
  });
  exitWhenIdle(table, door, lock);
}

function beginAnewWhenLarge(): void {
  const [program = "", source = "", argument = "", mark] = process.argv;
  if (mark === BEGUN_ANEW || process.memoryUsage.rss() < RESIDENT_BYTES_MAX || process.execve === undefined) return;
  flushCompileCache();
  process.execve(program, [program, ...process.execArgv, source, argument, BEGUN_ANEW]);
}

/** Null when another supervisor has the folder. It must stay referenced: collected as garbage, it would be free. See V1. */
function takeLock(): DatabaseSync | null {
  const lock = new DatabaseSync(lockPath(options.folder));
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Error && /locked|busy/iu.test(error.message)) return null;
    throw error;
  }
}

function exitWhenIdle(table: AttemptTable, door: SupervisorDoor, lock: DatabaseSync): void {
  let idleSince = clock.monotonic();
  let isLeaving = false;
  const check = (): void => {
    if (table.runningCount > 0 || (door.clientCount > 0 && !isLeaving)) idleSince = clock.monotonic();
    else if (isLeaving || clock.monotonic() - idleSince >= options.idleExitMs) leave(lock);
  };
  const checkAgain = (): void => {
    check();
    clock.after(Math.max(10, options.idleExitMs / CHECKS_PER_IDLE_TIME), checkAgain);
  };
  checkAgain();
  // Asked politely it leaves as soon as that harms nobody.
  process.on("SIGTERM", () => {
    isLeaving = true;
    check();
  });
}

function leave(lock: DatabaseSync): void {
  rmSync(socketPath(options.folder), { force: true });
  rmSync(pidPath(options.folder), { force: true });
  lock.close();
  process.exit(0);
}

/** Its standard error is a file in the data folder. Not by way of the stream, which ends the program when the disk is full. */
function complain(what: string, error: unknown): void {
  const text = `${new Date(clock.now()).toISOString()} ${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  try {
    writeSync(STDERR, text);
  } catch {
    // Nobody is left who could be told; what runs is worth more.
  }
}
