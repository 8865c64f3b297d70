/**
 * A real PostgreSQL for tests: its own data folder and unix socket in a temporary folder, no network port, ended with the
 * test file. PostgreSQL refuses to run as root; then it runs as the user `postgres`.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { isProgram } from "./is-program.ts";

export interface PostgresServer {
  /** The address of an empty schema of its own. */
  schema(): Promise<string>;
  /** The address of an empty database of its own. */
  database(): Promise<string>;
  /** Of the process that all its others are children of. */
  readonly pid: number;
  /** Ends it at once, as `pg_ctl stop -m immediate` does, or kills its first process; and starts it again on the same data, after `meanwhile`. */
  crash(how?: { readonly signal?: "SIGQUIT" | "SIGKILL"; readonly meanwhile?: () => Promise<void> }): Promise<void>;
  /** Starts it again where it has ended by itself, as one does whose disk was full. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

const run = promisify(execFile);
const BOOTS_MAX = 50;
const BOOT_PAUSE_MS = 200;

/** Where PostgreSQL's programs are, or null. */
export function findPostgres(environment: Readonly<Record<string, string | undefined>>): string | null {
  const packaged = existsSync("/usr/lib/postgresql")
    ? readdirSync("/usr/lib/postgresql")
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => `/usr/lib/postgresql/${version}/bin`)
    : [];
  const folders = [...packaged, ...(environment["PATH"] ?? "").split(delimiter)];
  return (
    folders.find((folder) => folder !== "" && ["postgres", "initdb", "psql"].every((program) => isProgram(join(folder, program)))) ?? null
  );
}

export interface PostgresOptions {
  /** Waits for the disk as a server of its own does, for measurements. Tests need not: off when left out. */
  readonly fsync?: boolean;
  /** Its folder is made in this one, which the user `postgres` must be able to enter; the usual one for what is temporary when left out. */
  readonly within?: string;
}

/** Starts a server that nothing else uses. */
export async function startPostgres(programs: string, { fsync = false, within = tmpdir() }: PostgresOptions = {}): Promise<PostgresServer> {
  const user = await serverUser();
  const folder = mkdtempSync(join(within, "windlass-postgres-"));
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid ?? user.uid);
  const data = join(folder, "data");
  const options = { ...user, cwd: folder };
  await run(join(programs, "initdb"), ["-D", data, "-U", "windlass", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], options);
  const settings = [
    "listen_addresses=",
    `unix_socket_directories=${folder}`,
    `fsync=${fsync ? "on" : "off"}`,
    "max_connections=100",
    "deadlock_timeout=100ms",
  ];
  const boot = async (): Promise<ChildProcess> => {
    const booted = spawn(join(programs, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
      ...options,
      stdio: ["ignore", "ignore", "pipe"],
    });
    await listening(booted);
    return booted;
  };
  let server = await boot();
  let schemas = 0;
  const psql = (sql: string): Promise<unknown> =>
    run(join(programs, "psql"), ["-h", folder, "-U", "windlass", "-d", "postgres", "-c", sql], options);
  return {
    async schema() {
      const name = `test_${++schemas}`;
      await psql(`CREATE SCHEMA ${name}`);
      return `postgres://windlass@/postgres?host=${encodeURIComponent(folder)}&options=${encodeURIComponent(`-csearch_path=${name}`)}`;
    },
    async database() {
      const name = `test_${++schemas}`;
      await psql(`CREATE DATABASE ${name}`);
      return `postgres://windlass@/${name}?host=${encodeURIComponent(folder)}`;
    },
    get pid() {
      return server.pid ?? 0;
    },
    async crash({ signal = "SIGQUIT", meanwhile = async () => {} } = {}) {
      await end(server, signal);
      await meanwhile();
      server = await bootAgain(boot);
    },
    async revive() {
      if (server.exitCode !== null || server.signalCode !== null) server = await bootAgain(boot);
    },
    async stop() {
      await end(server, "SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.kill(signal);
  await once(server, "exit");
}

/** After a kill its other processes notice only after a moment that they are alone, and until then none is started beside them. */
async function bootAgain(boot: () => Promise<ChildProcess>): Promise<ChildProcess> {
  for (let tries = 1; ; tries++) {
    try {
      return await boot();
    } catch (error) {
      if (tries === BOOTS_MAX) throw error;
      await rest(BOOT_PAUSE_MS);
    }
  }
}

/** Resolves once the server says that it takes connections; what it said is in the error when it ends instead. */
async function listening(server: ChildProcess): Promise<void> {
  let said = "";
  await new Promise<void>((resolve, reject) => {
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
      if (said.includes("ready to accept connections")) resolve();
    });
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`PostgreSQL ended with code ${code}: ${said}`)));
  });
}

async function serverUser(): Promise<{ uid?: number; gid?: number }> {
  if (userInfo().uid !== 0) return {};
  const id = async (flag: string): Promise<number> => Number((await run("id", [flag, "postgres"])).stdout);
  return { uid: await id("-u"), gid: await id("-g") };
}
