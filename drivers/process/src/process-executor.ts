/**
 * The Executor for processes of this host: hands everything to the supervisor of the data folder and passes on what
 * it tells. Keeps nothing itself, so that it may be lost at any time.
 */
import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { assert } from "@windlass/kernel";
import type { Clock, EndedFact, Executor, Launched, LaunchRequest, Logger, Random } from "@windlass/ports";
import { attemptFolder, processesFolder } from "./folder-layout.ts";
import { placeOf } from "./place.ts";
import { faultsOfProcessSpec } from "./process-spec.ts";
import { SupervisorLink } from "./supervisor-link.ts";

export interface ProcessExecutorOptions {
  /** The data folder: attempts below `processes/`, logs below `logs/`, the supervisor's own below `supervisor/`. */
  readonly folder: string;
  /** Kept in the data folder when left out. */
  readonly place?: string;
  readonly runningMax: number;
  /** The most bytes of one stream of one attempt. */
  readonly logBytesMax: number;
  /** The most bytes of one attempt in a second; no limit when left out or 0. */
  readonly logBytesPerSecondMax?: number;
  /** The server's own environment: processes get PATH, HOME, LANG, TMPDIR and USER of it and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: Logger;
  /** How long the supervisor stays without attempts and clients. */
  readonly supervisorIdleMs?: number;
}

const PASSED_ON = ["PATH", "HOME", "LANG", "TMPDIR", "USER"];
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SUPERVISOR_IDLE_MS = 60_000;
/** An end that was told and is still not forgotten is told again: its fact may have been lost on the way. */
const TELL_AGAIN_MS = 10_000;
const RECONNECT_MS = 500;
const REF_BYTES = 12;
const PROCESS_TABLE = "/proc/self/stat";

export function processExecutor(options: ProcessExecutorOptions): Executor {
  const { clock, random } = options;
  const folder = resolve(options.folder);
  const baseEnvironment = environmentOf(options.environment);
  let onEnded: ((fact: EndedFact) => void) | null = null;
  let cancelTimer = (): void => {};
  let isClosed = false;

  const link = new SupervisorLink({
    supervisor: { folder, idleExitMs: options.supervisorIdleMs ?? SUPERVISOR_IDLE_MS },
    environment: baseEnvironment,
    clock,
    onEnded: (fact) => onEnded?.(fact),
    onLost: () => later(RECONNECT_MS, () => reconnect()),
  });
  const later = (delayMs: number, work: () => Promise<unknown>): void => {
    cancelTimer();
    if (isClosed) return;
    cancelTimer = clock.after(delayMs, () => {
      work()
        .catch((error: unknown) => options.logger?.warn("the supervisor of processes did not answer", { error, folder }))
        .finally(() => later(TELL_AGAIN_MS, tellAgain));
    });
  };
  /** Who reconnects hears all ends that were not forgotten. Without attempts there is nothing to hear. */
  const reconnect = async (): Promise<unknown> => (hasAttempts(folder) ? link.connect() : null);
  const tellAgain = async (): Promise<unknown> => (hasAttempts(folder) ? link.ask("tell", { olderThanMs: TELL_AGAIN_MS }) : null);

  return {
    name: "process",
    place: options.place ?? placeOf(folder, random),
    runningMax: options.runningMax,
    start: async (callback) => {
      assert(onEnded === null && !isClosed, "an executor is started once");
      onEnded = callback;
      await reconnect();
      later(TELL_AGAIN_MS, tellAgain);
    },
    launch: async (request) => {
      const refused = refusalOf(request);
      if (refused !== null) return refused;
      const ref = Buffer.from(random.bytes(REF_BYTES)).toString("hex");
      const { logBytesMax, logBytesPerSecondMax = 0 } = options;
      const { secretEnvironment, ...told } = request;
      // Part of what is said over the socket and kept in memory; the specification is what is written down.
      const environment = { ...secretEnvironment, ...request.environment };
      return link.ask("launch", { ...told, environment, ref, baseEnvironment, logBytesMax, logBytesPerSecondMax });
    },
    find: async (name) => (existsSync(attemptFolder(folder, name)) ? link.ask("find", { name }) : null),
    stop: async (name, graceMs, stopFor) => {
      if (existsSync(attemptFolder(folder, name))) await link.ask("stop", { name, graceMs, stopFor });
    },
    list: async () => (hasAttempts(folder) ? link.ask("list", {}) : []),
    forget: async (name) => {
      if (existsSync(attemptFolder(folder, name))) await link.ask("forget", { name });
    },
    close: async () => {
      isClosed = true;
      cancelTimer();
      await link.close();
    },
  };
}

function refusalOf(request: LaunchRequest): Launched | null {
  if (!existsSync(PROCESS_TABLE)) {
    const why = `processes are run on Linux only: there is no ${PROCESS_TABLE} here, by which they are watched and ended; choose another executor`;
    return { refused: { outcome: "failed_config", reason: "no_executor", message: why } };
  }
  const faults = faultsOfProcessSpec(request.spec);
  if (faults.length === 0) return null;
  const message = faults.map((fault) => `${fault.path}: ${fault.message}`).join("; ");
  return { refused: { outcome: "failed_config", reason: "bad_spec", message } };
}

function environmentOf(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of PASSED_ON) {
    const value = own[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

function hasAttempts(folder: string): boolean {
  return existsSync(processesFolder(folder)) && readdirSync(processesFolder(folder)).length > 0;
}
