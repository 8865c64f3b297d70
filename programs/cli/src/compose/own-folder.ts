/**
 * A whole Windlass in this process: takes the data folder, opens and starts the engine, listens, and says where.
 *
 * O1. Nothing in the folder is touched before its lock is held; the lock goes last.
 * O2. `server.json` is written once requests are answered, and removed before the server stops answering.
 * O3. A failing start undoes what was done.
 */
import { hostname } from "node:os";
import { createApp, listen, originsFrom, type BackUp } from "@windlass/server";

import { hasCode, WindlassError, type Settings } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";
import { backUp, checkTarget } from "../backup/back-up.ts";
import { backupFolderOf, placeBelow } from "../backup/backup-folder.ts";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { systemRandom } from "../machine/system-random.ts";
import { VERSION } from "../version.ts";
import { adminTokenOf } from "./admin-token.ts";
import { prepareDataFolder, readDataFolder, removeAddress, writeAddress, type ServerAddress } from "./data-folder.ts";
import { openWindlass, type Opened } from "./open-windlass.ts";
import { settingList } from "./setting-list.ts";
import { takeOwnerLock } from "./owner-lock.ts";
import { scheduleLanguage } from "./schedule-language.ts";
import { workflowLanguage } from "./workflow-language.ts";

const PEER_SECRET_BYTES = 24;

export interface OwnOptions {
  readonly data: string;
  readonly settings: Settings;
  readonly environment: Environment;
  readonly logger: (folder: string) => Logger;
  readonly role: ServerAddress["role"];
}

export interface Owner {
  readonly url: string;
  /** Absolute. */
  readonly folder: string;
  readonly token: string;
  readonly storeName: string;
  /** Stops taking requests, drains, and lets go of the folder. Processes go on under their supervisor. */
  close(): Promise<void>;
}

/** Throws `data_folder_in_use`, `data_folder_unusable`, `port_in_use`, and what opening the store may throw. */
export async function ownFolder({ data, settings, environment, logger, role }: OwnOptions): Promise<Owner> {
  const undo: (() => void | Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const { path: folder, token: kept } = prepareDataFolder(data, systemRandom);
    const lock = takeOwnerLock(folder);
    if (lock === null) throw inUse(folder);
    undo.push(() => lock.release());
    const token = adminTokenOf({ folder, kept, given: settings["server.adminToken"] });
    const log = logger(folder);
    let address = "";
    const opened = await openWindlass({
      folder,
      settings,
      environment,
      logger: log,
      address: () => address,
      role,
    });
    undo.push(() => opened.close());
    const { engine, storeName, executors } = opened;
    const secret = Buffer.from(systemRandom.bytes(PEER_SECRET_BYTES)).toString("hex");
    const app = createApp({
      engine,
      workflows: workflowLanguage(settings),
      schedules: { service: opened.schedules, language: scheduleLanguage },
      adminToken: token,
      internalToken: settings["internal.apiToken"],
      version: VERSION,
      store: storeName,
      executors: executors.map((executor) => executor.name),
      settings: settingList(settings, environment),
      bodyBytesMax: settings["server.bodyBytesMax"],
      requestsPerSecond: settings["server.requestsPerSecond"],
      badTokensPerMinute: settings["server.badTokensPerMinute"],
      framesPerSecond: settings["server.framesPerSecond"],
      streamsPerPrincipalMax: settings["server.streamsPerPrincipalMax"],
      corsOrigins: originsFrom(settings["server.corsOrigins"]),
      ...(storeName === "sqlite" ? {} : { peers: { secret, logs: opened.localLogs } }),
      backUp: backUpOf({ folder, settings, environment }),
      ...hostsOf(settings["server.host"]),
    });
    const listening = await listen(app, {
      host: settings["server.host"],
      port: settings["server.port"],
      clock: systemClock,
      drainMs: settings["drain.seconds"] * 1000,
      ownsProcess: role !== "run",
    }).catch(async (error: unknown) => {
      await app.close();
      throw error;
    });
    undo.push(async () => {
      removeAddress(folder);
      await listening.close();
    });
    address = listening.url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=:)/u, "//127.0.0.1");
    await engine.start();
    undo.splice(-1, 0, () => engine.stop());
    if (storeName !== "sqlite") await tellPeers(opened, { secret, url: settings["server.url"] || reachableUrl(listening.url) });
    writeAddress(folder, { url: listening.url, pid: process.pid, host: hostname(), role });
    log.info("listening", { url: listening.url, folder, store: storeName, version: VERSION });
    return { url: listening.url, folder, token, storeName, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Other servers on the same store find here where the logs of this host are. */
async function tellPeers(
  { engine: { context }, place }: Opened,
  { secret, url }: { readonly secret: string; readonly url: string },
): Promise<void> {
  await context.store.places.put({ place, host: hostname(), url: url.replace(/\/+$/u, ""), secret, seenAt: context.now() });
}

/** Who listens on all addresses is reached by the machine's name. */
function reachableUrl(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=:)/u, `//${hostname()}`);
}

function backUpOf({ folder, settings, environment }: Pick<OwnOptions, "settings" | "environment"> & { readonly folder: string }): BackUp {
  const root = backupFolderOf(folder, settings["backup.folder"]);
  const common = { folder, storeUrl: settings["store.url"], environment, now: () => systemClock.now() };
  return {
    place(asked) {
      const target = placeBelow(root, asked);
      checkTarget({ folder, target });
      return target;
    },
    take: ({ folder: target, onStep, signal }) => backUp({ ...common, target, onStep, signal }),
  };
}

/** True for the refusal that says: somebody else has the folder. */
export const isInUse = (error: unknown): boolean => hasCode(error, "data_folder_in_use");

function inUse(folder: string): WindlassError {
  const { server } = readDataFolder(folder);
  const details = server === null ? {} : { url: server.url, pid: server.pid };
  const who =
    server === null ? "another Windlass process, which is just starting" : `process ${server.pid}, which answers at ${server.url}`;
  return new WindlassError(
    "data_folder_in_use",
    `the data folder ${folder} is in use by ${who}; use that one (windlass jobs list), stop it first, or choose another folder with --data`,
    { details },
  );
}

/** Whoever listens beyond this machine is addressed by names that only he knows; then /metrics wants the token too. */
function hostsOf(host: string): { readonly hosts?: "any"; readonly openMetrics?: false } {
  return /^(127\.|localhost$|::1$)/u.test(host) ? {} : { hosts: "any", openMetrics: false };
}
