/**
 * The processes of one round and where they keep things: a server with handlers on SQLite, or two servers and a worker
 * on one PostgreSQL; two workers of the SDK that are connected to the first server, one of which leaves for good at the end;
 * the supervisors that the servers start; and what can be done to each.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SettingName } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import type { PostgresServer } from "@windlass/testkit/postgres";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";
import { SESSION_TTL_MS } from "./handlers.ts";
import type { Left } from "./history.ts";
import { KeptProgram } from "./kept-program.ts";
import { connected, leaveForGood, refuseEnds } from "./last-strikes.ts";
import { backendsOf, childrenOf, supervisorOf } from "./running-processes.ts";
import { endSupervisor, environmentWith, strikeProcesses, strikeProgram } from "./strike-at.ts";
import type { Strike, Target } from "./strikes.ts";
import { until } from "./until.ts";

export interface SiteOptions {
  /** Absolute and not there yet. */
  readonly folder: string;
  /** What Node made of the sources, shared by all rounds. */
  readonly cacheFolder: string;
  /** Null: SQLite. */
  readonly postgres: PostgresServer | null;
  /** Chooses among connections. */
  readonly random: SeededRandom;
}

export interface Site {
  readonly effectsFile: string;
  /** Data folders of the servers that answer requests. */
  readonly doors: readonly string[];
  /** Starts everything and waits until the servers answer. */
  start(): Promise<void>;
  /** Resolves once whom it hit is up again; false when there was nobody to hit, or it is down or frozen already. */
  strike(strike: Strike): Promise<boolean>;
  /** Resolves once the worker that will leave is connected; rejects when that takes too long. */
  gather(): Promise<void>;
  /** A worker dies while it works, and is not started again. */
  leave(): Promise<Left>;
  /** The store takes no ends for a moment. Returns why it did not come to that; null also where there is no such fault. */
  refuse(): Promise<string | null>;
  /** Ends everything in order. Returns what was wrong: programs that ended by themselves, or did not end when told. */
  stop(): Promise<readonly string[]>;
  /** The stored truth, read after everything has stopped. */
  openStore(): Promise<Store>;
  /** Kills what is left of it; its files stay. */
  end(): Promise<void>;
}

/** No host counts as lost, for each comes back. */
const SETTINGS: Partial<Record<SettingName, string>> = {
  "session.ttlSeconds": String(SESSION_TTL_MS / 1_000),
  "host.lostAfterSeconds": "60",
  "process.runningMax": "6",
  "drain.seconds": "2",
};
const START_PATIENCE_MS = 60_000;

const here = import.meta.dirname;
const WINDLASS = join(here, "..", "..", "programs", "cli", "bin", "windlass.js");

export async function openSite(options: SiteOptions): Promise<Site> {
  const { folder, postgres } = options;
  mkdirSync(folder, { recursive: true });
  const effectsFile = join(folder, "effects");
  writeFileSync(effectsFile, "");
  const url = postgres === null ? "" : await postgres.schema();
  const programs = postgres === null ? sqlitePrograms(options, effectsFile) : postgresPrograms(options, { effectsFile, url });
  const dataFolders: Partial<Record<Target, string>> = {
    supervisor: join(folder, "a"),
    ...(postgres === null ? {} : { "supervisor-b": join(folder, "b") }),
  };
  const doors = Object.values(dataFolders);
  const hit = async (strike: Strike): Promise<boolean> => {
    const program = programs.get(strike.target);
    if (program !== undefined) return strikeProgram(program, strike);
    const dataFolder = dataFolders[strike.target];
    if (dataFolder !== undefined)
      return strikeProcesses(
        [supervisorOf(dataFolder)].flatMap((pid) => pid ?? []),
        strike,
      );
    if (postgres === null) return false;
    if (strike.target === "postgres" && strike.action === "kill") return postgres.crash().then(() => true);
    if (strike.target === "postgres") return strikeProcesses([postgres.pid, ...childrenOf(postgres.pid)], strike);
    const backends = backendsOf(postgres.pid);
    return strikeProcesses(backends.length === 0 ? [] : [options.random.pick(backends)], strike);
  };
  const leaver = remoteWorker(options, { name: "leaver", effectsFile });
  const all = [...programs.values(), leaver];
  const struck = new Set<Target>();
  return {
    effectsFile,
    doors,
    async start() {
      for (const program of all) program.start();
      await until(() => doors.every((door) => hasAddress(door)), START_PATIENCE_MS);
    },
    async strike(strike) {
      if (struck.has(strike.target)) return false;
      struck.add(strike.target);
      return hit(strike).finally(() => struck.delete(strike.target));
    },
    gather: () => connected(leaver, join(folder, "a")),
    leave: () => leaveForGood(leaver, effectsFile),
    async refuse() {
      const server = programs.get("server");
      if (postgres !== null || server === undefined) return null;
      return refuseEnds(server, { path: join(folder, "a", "windlass.db"), effectsFile, logFile: join(folder, "server.log") });
    },
    async stop() {
      const faults = all.flatMap((program) => program.ownEnds);
      const ends = await Promise.all(all.map((program) => program.stop()));
      return [...faults, ...ends.flatMap((end) => end ?? [])];
    },
    async openStore() {
      if (postgres === null)
        return (await import("@windlass/sqlite")).openSqliteStore({ path: join(folder, "a", "windlass.db"), clock: systemClock });
      return (await import("@windlass/postgres")).openPostgresStore({ url, clock: systemClock });
    },
    async end() {
      for (const program of all) await program.end();
      for (const door of doors) await endSupervisor(door);
    },
  };
}

function sqlitePrograms(options: SiteOptions, effectsFile: string): Map<Target, KeptProgram> {
  const args = [join(here, "server-program.ts"), join(options.folder, "a"), effectsFile];
  return new Map<Target, KeptProgram>([
    ["server", program(options, { name: "server", args, readyText: "ready" })],
    ["remote-worker", remoteWorker(options, { name: "remote-worker", effectsFile })],
  ]);
}

function postgresPrograms(
  options: SiteOptions,
  { effectsFile, url }: { readonly effectsFile: string; readonly url: string },
): Map<Target, KeptProgram> {
  const server = (name: string, door: string): KeptProgram =>
    program(options, {
      name,
      url,
      args: [WINDLASS, "server", "--data", join(options.folder, door), "--port", "0"],
      readyText: "answers at",
    });
  const worker = program(options, {
    name: "worker",
    url,
    args: [join(here, "worker-program.ts"), join(options.folder, "w"), effectsFile],
    readyText: "ready",
  });
  return new Map<Target, KeptProgram>([
    ["server", server("server", "a")],
    ["server-b", server("server-b", "b")],
    ["worker", worker],
    ["remote-worker", remoteWorker(options, { name: "remote-worker", effectsFile })],
  ]);
}

/** Of the first server. */
function remoteWorker(options: SiteOptions, { name, effectsFile }: { readonly name: string; readonly effectsFile: string }): KeptProgram {
  const args = [join(here, "remote-worker-program.ts"), join(options.folder, "a"), effectsFile];
  return program(options, { name, args, readyText: "ready" });
}

interface ProgramOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly readyText: string;
  readonly url?: string;
}

function program({ folder, cacheFolder }: SiteOptions, { name, args, readyText, url = "" }: ProgramOptions): KeptProgram {
  const environment = environmentWith({ ...SETTINGS, "server.port": "0", "store.url": url }, cacheFolder);
  return new KeptProgram({ name, args, environment, readyText, logFile: join(folder, `${name}.log`) });
}

function hasAddress(door: string): boolean {
  try {
    return readFileSync(join(door, "server.json"), "utf8") !== "";
  } catch {
    return false; // Not yet.
  }
}
