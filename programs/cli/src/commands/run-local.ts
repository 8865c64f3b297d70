/**
 * `windlass run --local`: without a server. The process takes the data folder and carries the job out itself, by the same
 * engine; beside a process that has the folder already it is a client of that one, and takes over should that one end.
 */
import { join } from "node:path";
import { hasCode, WindlassError } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { readDataFolder } from "../compose/data-folder.ts";
import { isInUse, ownFolder } from "../compose/own-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf, workspaceOf } from "../connection/connect.ts";
import { FAILED, LOST, waitForEnd } from "../follow/wait-for-end.ts";
import { closeInTime } from "../machine/end-in-time.ts";
import { systemClock } from "../machine/system-clock.ts";
import { programLog } from "../machine/program-log.ts";
import { rest } from "../machine/rest.ts";
import type { Call } from "../tree/call.ts";
import type { RunOptions, Submitted } from "./run.ts";

/** How long is waited for a process that has just taken the folder, or is about to leave it. */
const TRIES_MAX = 100;
const REST_MS = 100;
/** How often is looked whether the neighbour is still there. */
const LOOK_MS = 500;

export async function runLocal(call: Call<RunOptions>, submit: (client: Client) => Promise<Submitted>): Promise<number> {
  if (call.options.server !== undefined)
    throw new WindlassError("usage", "--local and --server say two things: here, and there; give one of them");
  let place = await placeFor(call);
  let exitCode = FAILED;
  try {
    const { job } = await submit(place.client);
    const watch = call.options.wait !== true || call.options.watch === true;
    for (;;) {
      const neighbour = place.own ? null : attendNeighbour(place.folder);
      const code = await waitForEnd(call, {
        client: place.client,
        job,
        watch,
        local: place.own,
        ...(neighbour === null ? {} : { lost: neighbour.gone }),
      }).finally(() => neighbour?.stop());
      if (code !== LOST) return (exitCode = code);
      // The process whose client this was has ended: now it is our turn, or that of another.
      place = await placeFor(call);
    }
  } finally {
    const drainMs = settingsFrom(call.environment)["drain.seconds"] * 1000;
    await closeInTime(() => place.close(), { drainMs, say: (text) => call.terminal.err(text), exitCode: () => exitCode });
  }
}

/** Tells when the folder is free again: a client alone would go on trying to reach the one who had it. */
function attendNeighbour(folder: string): { readonly gone: AbortSignal; stop(): void } {
  const gone = new AbortController();
  let cancel = (): void => {};
  const look = (): void => {
    const lock = takeOwnerLock(folder);
    if (lock === null) {
      cancel = systemClock.after(LOOK_MS, look);
      return;
    }
    lock.release();
    gone.abort();
  };
  cancel = systemClock.after(LOOK_MS, look);
  return { gone: gone.signal, stop: () => cancel() };
}

interface Place {
  readonly client: Client;
  readonly folder: string;
  /** True: this process has the folder. */
  readonly own: boolean;
  close(): Promise<void>;
}

async function placeFor(call: Call<RunOptions>): Promise<Place> {
  const { options, environment } = call;
  const data = dataFolderOf(options, environment);
  const workspace = workspaceOf(options, environment);
  for (let tries = 1; ; tries++) {
    try {
      const settings = settingsFrom(environment, { "server.port": 0, "server.host": "127.0.0.1" });
      const logger = (folder: string) => programLog({ file: join(folder, "server.log") }, environment["WINDLASS_LOG"] ?? "info");
      const owner = await ownFolder({ data, settings, environment, role: "run", logger });
      return {
        client: client({ url: owner.url, token: owner.token, workspace }),
        folder: owner.folder,
        own: true,
        close: () => owner.close(),
      };
    } catch (error) {
      if (!isInUse(error)) throw error;
      const neighbour = await neighbourOf(data, workspace);
      if (neighbour !== null) return neighbour;
      if (tries === TRIES_MAX) throw error;
      await rest(REST_MS);
    }
  }
}

/** The process that has the folder, if it answers. */
async function neighbourOf(data: string, workspace: string | undefined): Promise<Place | null> {
  const { path: folder, server, token } = readDataFolder(data);
  if (server === null || token === null) return null;
  const api = client({ url: server.url, token, workspace });
  try {
    await api.ping();
    return { client: api, folder, own: false, close: async () => {} };
  } catch (error) {
    if (hasCode(error, "unreachable") || hasCode(error, "shutting_down") || hasCode(error, "unavailable")) return null;
    throw error;
  }
}
