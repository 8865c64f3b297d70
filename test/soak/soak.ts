/**
 * Load for a while on a server of its own, looked at from outside at an even pace; afterwards it is told whether memory,
 * handles and files stayed flat (verdict.ts).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { environmentVariableOf, type SettingName } from "@windlass/kernel";
import { readDataFolder } from "../../programs/cli/src/compose/data-folder.ts";
import { signal, supervisorOf } from "../chaos/running-processes.ts";
import { startLoad, type Load } from "./load.ts";
import { look, type Measured } from "./measure.ts";
import { verdictsOf, type Sample, type Verdict } from "./verdict.ts";

export interface SoakOptions {
  readonly durationMs: number;
  readonly intervalMs: number;
  /** Absolute, and not there yet. */
  readonly folder: string;
  /** Empty: SQLite. */
  readonly store: string;
  /** See verdict.ts of PostgreSQL's files; null: SQLite. */
  readonly postgresFolder: string | null;
  readonly leaks?: boolean;
  readonly onSample?: (sample: Sample, more: { readonly lagMs: number; readonly counts: Load["counts"] }) => void;
}

export interface SoakReport {
  readonly verdicts: readonly Verdict[];
  readonly counts: Load["counts"];
  /** Requests that failed, the first few, and programs that ended by themselves. */
  readonly faults: readonly string[];
  readonly lagMsMax: number;
}

/** What has ended goes after a minute, so that as much goes as comes. */
const RETENTION_DAYS = String(1 / 1440);
const SETTINGS: Partial<Record<SettingName, string>> = {
  "server.port": "0",
  "retention.days": RETENTION_DAYS,
  "audit.retentionDays": RETENTION_DAYS,
  "drain.seconds": "2",
};
const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 20_000;
const LOOK_MS = 50;
const WINDLASS = join(import.meta.dirname, "..", "..", "programs", "cli", "bin", "windlass.js");

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { folder, durationMs, intervalMs } = options;
  mkdirSync(folder, { recursive: true });
  const dataFolder = join(folder, "data");
  const child = startServer(dataFolder, options.store);
  try {
    const measured: Measured = { server: await addressOf(dataFolder, child), dataFolder, postgresFolder: options.postgresFolder };
    const load = startLoad({ url: measured.server.url, token: readDataFolder(dataFolder).token ?? "", leaks: options.leaks ?? false });
    const samples: Sample[] = [];
    let lagMsMax = 0;
    const begun = performance.now();
    try {
      for (let next = intervalMs; next <= durationMs; next += intervalMs) {
        await rest(Math.max(0, begun + next - performance.now()));
        const { values, lagMs } = await look(measured);
        const sample = { at: performance.now() - begun, values };
        samples.push(sample);
        lagMsMax = Math.max(lagMsMax, lagMs);
        options.onSample?.(sample, { lagMs, counts: load.counts });
      }
    } finally {
      await load.stop();
    }
    return { verdicts: verdictsOf(samples), counts: load.counts, faults: load.faults, lagMsMax };
  } finally {
    await end(child, dataFolder);
  }
}

function startServer(dataFolder: string, store: string): ChildProcess {
  const settings = Object.entries({ ...SETTINGS, "store.url": store }).map(([name, value]) => [
    environmentVariableOf(name as SettingName),
    value,
  ]);
  const inherited = ["PATH", "HOME", "TMPDIR"].map((name) => [name, process.env[name]]);
  const child = spawn(process.execPath, [WINDLASS, "server", "--data", dataFolder], {
    env: Object.fromEntries([...inherited, ...settings]) as NodeJS.ProcessEnv,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const killWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", killWithUs);
  child.once("exit", () => process.off("exit", killWithUs));
  return child;
}

async function addressOf(dataFolder: string, child: ChildProcess): Promise<Measured["server"]> {
  for (const begun = performance.now(); performance.now() - begun < START_PATIENCE_MS; await rest(LOOK_MS)) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode} before it answered`);
    const { server } = readDataFolder(dataFolder);
    // The launcher of Node, if there is one, is the parent of the server.
    if (server !== null) return { pid: server.pid, url: server.url };
  }
  throw new Error(`the server did not answer within ${START_PATIENCE_MS} ms`);
}

async function end(child: ChildProcess, dataFolder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    if ((await Promise.race([ended, rest(STOP_PATIENCE_MS, null, { ref: false })])) === null) child.kill("SIGKILL");
    await ended;
  }
  const supervisor = supervisorOf(dataFolder);
  if (supervisor === null) return;
  signal(supervisor, "SIGTERM");
  for (const begun = performance.now(); supervisorOf(dataFolder) !== null; await rest(LOOK_MS))
    if (performance.now() - begun > STOP_PATIENCE_MS) signal(supervisor, "SIGKILL");
}
