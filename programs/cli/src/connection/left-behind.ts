/**
 * What a command says that reached nobody, where the server of its data folder ended without removing its address.
 *
 * Not whether a process of that number runs: it may be another by now. The lock of the folder tells, but only on the machine of the server:
 * a container has a name of its own, and not every file system passes locks on.
 */
import { hostname } from "node:os";
import { messageOf, WindlassError } from "@windlass/kernel";
import { readDataFolder, type DataFolder } from "../compose/data-folder.ts";
import { isOwned } from "../compose/owner-lock.ts";
import type { World } from "../tree/call.ts";
import { dataFolderOf, targetOf, type Asking } from "./connect.ts";
import { inContext } from "./contexts.ts";

/** `error`, with why nobody answers, where that is known. */
export function explained(error: unknown, { options, environment: outer }: Asking & Pick<World, "environment">): unknown {
  const environment = inContext(options, outer);
  const folder = readDataFolder(dataFolderOf(options, environment));
  const { path, server } = folder;
  if (server === null || targetOf({ options, environment, folder }).url !== server.url || !isGone(folder)) return error;
  const who = server.role === "run" ? "windlass run --local" : "server";
  return new WindlassError(
    "unreachable",
    `the last ${who} of the data folder ${path} (process ${server.pid}) ended without tidying up: ${messageOf(error)}`,
    { cause: error },
  );
}

function isGone({ path, server }: DataFolder): boolean {
  try {
    return server?.host === hostname() && !isOwned(path);
  } catch {
    // Who cannot look at the lock says what was found before.
    return false;
  }
}
