/**
 * A dispatcher of schedules without a server: only the store, and what jobs are made with. On PostgreSQL any number may stand
 * beside servers; a store in a data folder has one owner, and a server that owns it dispatches by itself.
 */
import { tmpdir } from "node:os";
import { clockSync, engineContext, noticeSender, together, type EngineContext, type Service } from "@windlass/engine";
import { fileLogStore } from "@windlass/files";
import { WindlassError, type Settings } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";
import type { Evaluating } from "@windlass/schedules";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { sha256, systemRandom } from "../machine/system-random.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { evaluatingOf } from "./evaluating.ts";
import { imageGateOf } from "./image-rules.ts";
import { noticesOf } from "./open-notices.ts";
import { KINDS_OF_JOBS, openStore } from "./open-windlass.ts";
import { takeOwnerLock } from "./owner-lock.ts";
import { storeNameOf } from "./store-name.ts";

export interface DispatcherOptions {
  /** Of a store that is a file. */
  readonly data: string;
  readonly settings: Settings;
  readonly environment: Environment;
  readonly logger: Logger;
}

export interface OpenedDispatcher {
  readonly evaluating: Evaluating;
  /** Under which it leads. */
  readonly session: string;
  /** Runs beside the loop: follows the store's clock, and tells the queue for notices, if there is one, of what is stored. */
  readonly beside: Service;
  close(): Promise<void>;
}

/** Throws `data_folder_in_use`, and what opening the store may throw. */
export async function openDispatcher({ data, settings, environment, logger }: DispatcherOptions): Promise<OpenedDispatcher> {
  const storeName = storeNameOf(settings["store.url"]);
  const folder = storeName === "sqlite" ? ownedFolder(data) : null;
  try {
    const { store, bus } = await openStore(storeName, { url: settings["store.url"], folder: folder?.path ?? "" });
    const context: EngineContext = engineContext({
      ...{ store, bus, logger, sha256, clock: systemClock, random: systemRandom, kinds: KINDS_OF_JOBS },
      // Nothing is ever written to it.
      logs: fileLogStore({ folder: folder?.path ?? tmpdir(), bytesMax: settings["log.bytesMax"], clock: systemClock }),
      images: imageGateOf(settings, environment),
    });
    await context.syncClock();
    const session = context.newId("ses");
    const queue = noticesOf(settings);
    return {
      evaluating: (await evaluatingOf(settings))(context),
      session,
      beside: together("beside the dispatcher", [
        clockSync(context),
        ...(queue === null ? [] : [noticeSender(context, { ...queue, session: () => session })]),
      ]),
      async close() {
        // Lets go of the lead, so that the next one need not wait for it.
        await store.sessions.close(session);
        await store.close();
        await bus.close();
        folder?.release();
      },
    };
  } catch (error) {
    folder?.release();
    throw error;
  }
}

function ownedFolder(data: string): { readonly path: string; release(): void } {
  const { path } = prepareDataFolder(data, systemRandom);
  const lock = takeOwnerLock(path);
  if (lock !== null) return { path, release: () => lock.release() };
  throw new WindlassError(
    "data_folder_in_use",
    `the data folder ${path} belongs to a server that runs, which dispatches its schedules by itself; a dispatcher of its own is for PostgreSQL (--store), or for a folder without a server`,
  );
}
