/**
 * The programs of a round of schedules: two servers, a dispatcher and a spawner apart from them, on one PostgreSQL and with one NATS
 * between; their supervisors, and the runners below those. All of them may be struck but the supervisors, and so may database and broker.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SettingName } from "@windlass/kernel";
import { freePort } from "@windlass/testkit/free-port";
import type { SeededRandom } from "@windlass/testkit/fakes";
import type { NatsServer } from "@windlass/testkit/nats";
import type { PostgresServer } from "@windlass/testkit/postgres";
import { KeptProgram } from "../kept-program.ts";
import { backendsOf, childrenOf, runnersBelow } from "../running-processes.ts";
import { endSupervisor, environmentWith, strikeProcesses, strikeProgram } from "../strike-at.ts";
import type { Strike } from "../strikes.ts";
import { until } from "../until.ts";

/** Runners come and go, so they are struck at more often. */
export const SCHEDULE_TARGETS = [
  "server",
  "server-b",
  "dispatcher",
  "spawner",
  "runner",
  "runner",
  "connection",
  "postgres",
  "broker",
] as const;
export type ScheduleTarget = (typeof SCHEDULE_TARGETS)[number];

export interface ScheduleSiteOptions {
  /** Absolute and not there yet. */
  readonly folder: string;
  /** What Node made of the sources, shared by all rounds. */
  readonly cacheFolder: string;
  readonly postgres: PostgresServer;
  readonly nats: NatsServer;
  readonly random: SeededRandom;
}

export interface ScheduleSite {
  readonly effectsFile: string;
  /** Data folders of the servers. */
  readonly doors: readonly string[];
  start(): Promise<void>;
  /** Resolves once whom it hit is up again; false when there was nobody to hit, or it is down or frozen already. */
  strike(strike: Strike<ScheduleTarget>): Promise<boolean>;
  /** Ends everything in order. Returns what was wrong. */
  stop(): Promise<readonly string[]>;
  /** Kills what is left of it; its files stay. */
  end(): Promise<void>;
}

/** Short leases, so that a round sees many of them run out; no host counts as lost, for each comes back. */
const SETTINGS: Partial<Record<SettingName, string>> = {
  "session.ttlSeconds": "3",
  "host.lostAfterSeconds": "60",
  "process.runningMax": "6",
  "drain.seconds": "2",
  "notices.signing": "off",
  // Of all, for whoever makes a runner seals its token.
  "secrets.keys": Buffer.alloc(32, 7).toString("base64"),
};
const START_PATIENCE_MS = 60_000;
const WINDLASS = join(import.meta.dirname, "..", "..", "..", "programs", "cli", "bin", "windlass.js");

export async function openScheduleSite({ folder, cacheFolder, postgres, nats, random }: ScheduleSiteOptions): Promise<ScheduleSite> {
  mkdirSync(folder, { recursive: true });
  const effectsFile = join(folder, "effects");
  writeFileSync(effectsFile, "");
  const kept = (name: string, readyText: string, ...args: readonly string[]): KeptProgram =>
    new KeptProgram({ name, args: [WINDLASS, ...args], environment, readyText, logFile: join(folder, `${name}.log`) });
  const doors = ["a", "b"].map((name) => join(folder, name));
  const places = [...doors, join(folder, "s")];
  // They come back where they were, as servers do: their runners know no other address.
  const ports = [await freePort(), await freePort()].map(String);
  const own = { "store.url": await postgres.schema(), "notices.url": nats.url, "runner.url": `http://127.0.0.1:${ports[0]}` };
  const environment = environmentWith({ ...SETTINGS, ...own }, cacheFolder);
  const programs = new Map<ScheduleTarget, KeptProgram>([
    ["server", kept("server", "answers at", "server", "--data", join(folder, "a"), "--port", ports[0] ?? "")],
    ["server-b", kept("server-b", "answers at", "server", "--data", join(folder, "b"), "--port", ports[1] ?? "")],
    ["spawner", kept("spawner", "Takes notices", "spawner", "--data", join(folder, "s"))],
    ["dispatcher", kept("dispatcher", "Looks after schedules", "dispatcher", "--data", join(folder, "d"))],
  ]);
  const all = [...programs.values()];
  const struck = new Set<ScheduleTarget>();
  const hit = async (strike: Strike<ScheduleTarget>): Promise<boolean> => {
    const program = programs.get(strike.target);
    if (program !== undefined) return strikeProgram(program, strike);
    if (strike.target === "broker") return nats.restart().then(() => true);
    if (strike.target === "postgres" && strike.action === "kill") return postgres.crash().then(() => true);
    if (strike.target === "postgres") return strikeProcesses([postgres.pid, ...childrenOf(postgres.pid)], strike);
    const candidates = strike.target === "runner" ? places.flatMap(runnersBelow) : backendsOf(postgres.pid);
    return strikeProcesses(candidates.length === 0 ? [] : [random.pick(candidates)], strike);
  };
  return {
    effectsFile,
    doors,
    async start() {
      for (const program of all) program.start();
      await until(() => all.every((program) => program.isReady), START_PATIENCE_MS);
    },
    async strike(strike) {
      if (struck.has(strike.target)) return false;
      struck.add(strike.target);
      return hit(strike).finally(() => struck.delete(strike.target));
    },
    async stop() {
      const faults = all.flatMap((program) => program.ownEnds);
      const ends = await Promise.all(all.map((program) => program.stop()));
      return [...faults, ...ends.flatMap((end) => end ?? [])];
    },
    async end() {
      for (const program of all) await program.end();
      for (const place of places) await endSupervisor(place);
    },
  };
}
