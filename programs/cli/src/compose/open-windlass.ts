/**
 * The composition root: it alone chooses drivers, and loads only those that are needed. What it opens is not yet
 * started, and belongs to whoever holds the lock of the data folder.
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { hostToTell } from "@windlass/contract/worker-connection";
import { engine, localBus, maskOfAttempt, type Engine, type EngineOptions, type JobKind, type NoticeOptions } from "@windlass/engine";
import type { Settings } from "@windlass/kernel";
import type { Bus, Executor, Logger, LogStore, Store } from "@windlass/ports";
import { dispatcher, schedules, type Schedules } from "@windlass/schedules";
import { taskKind } from "@windlass/tasks";
import { stepKind, workflowKind } from "@windlass/workflows";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { sha256, systemRandom } from "../machine/system-random.ts";
import { clusterExecutor } from "./cluster-executor.ts";
import { evaluatingOf } from "./evaluating.ts";
import { maskPatternsOf } from "./mask-patterns.ts";
import { openTracing } from "./open-tracing.ts";
import type { OwnAddress } from "./runner-rules.ts";
import { secretKeys } from "./secret-keys.ts";
import { storeNameOf, type StoreName } from "./store-name.ts";

export interface OpenOptions {
  /** Absolute, and there. */
  readonly folder: string;
  readonly settings: Settings;
  readonly environment: Environment;
  readonly logger: Logger;
  /** Where this server answers on its own host, once it listens; null: this program takes no connections. */
  readonly address: OwnAddress;
  /** `run`: a server that ends with what it runs, and takes no notices. */
  readonly role: "server" | "spawner" | "run";
}

export interface Opened {
  readonly engine: Engine;
  readonly schedules: Schedules;
  /** sqlite or postgres. */
  readonly storeName: StoreName;
  readonly executors: readonly Executor[];
  /** What attempts of this host printed. */
  readonly localLogs: LogStore;
  readonly place: string;
  /** After the engine was stopped. */
  close(): Promise<void>;
}

/** Every kind of job that this program knows. */
export const KINDS_OF_JOBS: readonly JobKind[] = [taskKind, workflowKind, stepKind];

const DATABASE_FILE = "windlass.db";

export async function openWindlass({ folder, settings, environment, logger, address, role }: OpenOptions): Promise<Opened> {
  const { fileLogStore } = await import("@windlass/files");
  const { processExecutor } = await import("@windlass/process");
  const { httpRulesOf } = await import("./http-rules.ts");
  const { imageGateOf } = await import("./image-rules.ts");
  const { serverTools } = await import("./server-tools.ts");
  const { dockerExecutor } = await import("@windlass/docker");
  const { runnerRules, spawnerLimits, TAKES_NONE } = await import("./runner-rules.ts");
  const { outboundCalls } = await import("./outbound-calls.ts");
  const storeName = storeNameOf(settings["store.url"]);
  const logBytesMax = settings["log.bytesMax"];
  const patterns = maskPatternsOf(settings["log.maskPatterns"]);
  const localLogs = fileLogStore({ folder, bytesMax: logBytesMax, clock: systemClock });
  const { store, bus } = await openStore(storeName, { url: settings["store.url"], folder });
  const masks = { secrets: [], patterns };
  const limits = { folder, logBytesMax, logBytesPerSecondMax: settings["log.bytesPerSecondMax"], environment, clock: systemClock, logger };
  const processes = processExecutor({ ...limits, runningMax: settings["process.runningMax"], random: systemRandom });
  const { place } = processes;
  const containers = dockerExecutor({
    ...limits,
    place,
    host: settings["docker.host"],
    runningMax: settings["docker.runningMax"],
    hostPaths: listOf(settings["docker.hostPaths"]),
    logs: localLogs,
    masks: async (jobId) => (await maskOfAttempt(made.context, jobId)).rule,
  });
  const isShared = storeName !== "sqlite";
  const cluster = await clusterExecutor({ settings, environment, folderPlace: place, isShared, logger });
  const executors = [processes, containers, ...(cluster === null ? [] : [cluster])];
  const traces = await openTracing({ environment, logger });
  const evaluating = await evaluatingOf(settings);
  const queue = role === "run" ? null : await queueOf(settings, { store, bus });
  const made = engine({
    role: role === "spawner" ? role : "server",
    store,
    clock: systemClock,
    random: systemRandom,
    bus,
    logger,
    logs: storeName === "sqlite" ? localLogs : await logsOfAllHosts({ logs: localLogs, place, store }),
    sha256,
    keySource: secretKeys({ folder, settings, isShared }),
    kinds: KINDS_OF_JOBS,
    outbound: outboundCalls({ rules: httpRulesOf(settings), clock: systemClock }),
    images: imageGateOf(settings, environment),
    executors,
    ...(queue === null ? {} : { notices: queue }),
    tracing: traces.tracing,
    host: hostToTell(hostname(), process.pid),
    ...(patterns.length === 0 ? {} : { masks: () => masks }),
    tools: serverTools(settings),
    runners: runnerRules(settings, address),
    spawner: spawnerLimits(settings),
    ...(address === null && !isShared ? { isolationRefused: TAKES_NONE } : {}),
    services: (context, session) => [dispatcher({ ...evaluating(context), session })],
    ...lostAfter(settings),
    ...keptFor(settings),
    logBytesPerSecondMax: limits.logBytesPerSecondMax,
  });
  return {
    engine: made,
    schedules: schedules(evaluating(made.context)),
    storeName,
    executors,
    localLogs,
    place,
    close: () => closeAll([...executors, store, bus, traces]),
  };
}

/** Null: none is wanted. What was opened before is closed where the settings are wrong. */
async function queueOf(settings: Settings, { store, bus }: { readonly store: Store; readonly bus: Bus }): Promise<NoticeOptions | null> {
  const { noticeExecution } = await import("@windlass/server");
  const { noticesOf } = await import("./open-notices.ts");
  const { workflowLanguage } = await import("./workflow-language.ts");
  try {
    const queue = noticesOf(settings);
    return queue === null ? null : { ...queue, executionOf: noticeExecution(workflowLanguage(settings), () => store.definitions) };
  } catch (error) {
    await store.close();
    await bus.close();
    throw error;
  }
}

/** One after the other: what is named later is used by what is named before. */
async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const one of all) await one.close();
}

/** For how long what says nothing is taken to be there. */
function lostAfter(settings: Settings): Pick<EngineOptions, "sessionTtlMs" | "hostLostAfterMs"> {
  return { sessionTtlMs: settings["session.ttlSeconds"] * 1000, hostLostAfterMs: settings["host.lostAfterSeconds"] * 1000 };
}

/** How long what has ended is kept. */
function keptFor(settings: Settings): Pick<EngineOptions, "retentionDays" | "auditDays" | "historyDays" | "logLimits"> {
  return {
    retentionDays: settings["retention.days"],
    auditDays: settings["audit.retentionDays"],
    historyDays: settings["schedules.historyDays"],
    logLimits: { retentionDays: settings["log.retentionDays"], totalBytesMax: settings["log.totalBytesMax"] },
  };
}

/** Parts between commas, without what is empty. */
function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

async function logsOfAllHosts(local: { readonly logs: LogStore; readonly place: string; readonly store: Store }): Promise<LogStore> {
  const { peerLogs } = await import("@windlass/server");
  return peerLogs({ ...local, clock: systemClock, fetch });
}

/** The store, and the wake-ups that go with it: one process needs none between processes. */
export async function openStore(
  name: StoreName,
  { url, folder }: { readonly url: string; readonly folder: string },
): Promise<{ readonly store: Store; readonly bus: Bus }> {
  if (name === "sqlite") {
    const { openSqliteStore } = await import("@windlass/sqlite");
    return { store: await openSqliteStore({ path: join(folder, DATABASE_FILE), clock: systemClock }), bus: localBus() };
  }
  const { openPostgresBus, openPostgresStore } = await import("@windlass/postgres");
  const store = await openPostgresStore({ url, clock: systemClock });
  try {
    return { store, bus: await openPostgresBus({ url, clock: systemClock }) };
  } catch (error) {
    await store.close();
    throw error;
  }
}
