/**
 * Windlass inside another program: no server, no command line. With a data folder everything lasts and processes can be
 * run; in memory there are handlers and timers only, and everything is gone at the end.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engine, localBus, type Engine, type Worker, type WorkerOptions } from "@windlass/engine";
import { fileLogStore } from "@windlass/files";
import { defaultSettings, WindlassError, type Settings, type Tracing } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";
import { openSqliteStore } from "@windlass/sqlite";
import { prepareDataFolder } from "./compose/data-folder.ts";
import { httpRulesOf } from "./compose/http-rules.ts";
import { KINDS_OF_JOBS, openWindlass } from "./compose/open-windlass.ts";
import { outboundCalls } from "./compose/outbound-calls.ts";
import { TAKES_NONE } from "./compose/runner-rules.ts";
import { serverTools } from "./compose/server-tools.ts";
import { takeOwnerLock } from "./compose/owner-lock.ts";
import { processEnvironment } from "./machine/environment.ts";
import { keepAlive } from "./machine/rest.ts";
import { systemClock } from "./machine/system-clock.ts";
import { sha256, systemRandom } from "./machine/system-random.ts";

export type EmbeddedOptions = ({ readonly dataFolder: string } | { readonly memory: true }) & {
  readonly settings?: Partial<Settings>;
  /** Makes spans of what is submitted and run: `openTelemetryTracing()`. In a data folder, what was registered is found by itself. */
  readonly tracing?: Tracing | null;
  /** Silent when left out. */
  readonly logger?: Logger;
};

export interface Embedded {
  readonly engine: Engine;
  /** A worker of this program, started; it is stopped with everything else. */
  worker(options: WorkerOptions): Promise<Worker>;
  /** Drains the workers, stops, and lets go of the data folder. */
  close(): Promise<void>;
}

/** Opens and starts. Throws `data_folder_in_use` when another process has the folder. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const opened = "memory" in options ? await openInMemory(options) : await openInFolder(options);
  const workers: Worker[] = [];
  const rest = keepAlive();
  await opened.engine.start();
  return {
    engine: opened.engine,
    async worker(workerOptions) {
      const worker = opened.engine.worker(workerOptions);
      workers.push(worker);
      await worker.start();
      return worker;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await opened.engine.stop();
      await opened.close();
      rest();
    },
  };
}

type OpenedHere = { readonly engine: Engine; close(): Promise<void> };

async function openInFolder(options: EmbeddedOptions & { readonly dataFolder: string }): Promise<OpenedHere> {
  const { path: folder } = prepareDataFolder(options.dataFolder, systemRandom);
  const lock = takeOwnerLock(folder);
  if (lock === null)
    throw new WindlassError("data_folder_in_use", `the data folder ${folder} is in use by another process; stop it, or use its API`);
  try {
    const opened = await openWindlass({
      address: null,
      folder,
      settings: { ...defaultSettings(), ...options.settings },
      environment: processEnvironment(),
      logger: options.logger ?? silent,
      role: "run",
    });
    return {
      engine: opened.engine,
      async close() {
        await opened.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openInMemory(options: EmbeddedOptions): Promise<OpenedHere> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-"));
  const store = await openSqliteStore({ path: ":memory:", clock: systemClock });
  const bus = localBus();
  const settings = { ...defaultSettings(), ...options.settings };
  const made = engine({
    store,
    clock: systemClock,
    random: systemRandom,
    bus,
    logger: options.logger ?? silent,
    logs: fileLogStore({ folder, bytesMax: settings["log.bytesMax"], clock: systemClock }),
    sha256,
    kinds: KINDS_OF_JOBS,
    outbound: outboundCalls({ rules: httpRulesOf(settings), clock: systemClock }),
    executors: [],
    tools: serverTools(settings),
    tracing: options.tracing ?? null,
    sessionTtlMs: settings["session.ttlSeconds"] * 1000,
    retentionDays: 0,
    isolationRefused: TAKES_NONE,
  });
  return {
    engine: made,
    async close() {
      await store.close();
      await bus.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silent };
