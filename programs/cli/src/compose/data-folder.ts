/**
 * The data folder: what lies in it, who may read it, and where its server is.
 *
 * token         the admin token; only its owner may read it
 * secrets.keys  what secrets are sealed with (secret-keys.ts); the same
 * server.json   where the process that owns the folder listens
 * backups/      back-ups that the server was asked for over the API (backup-folder.ts)
 * owner.lock    held by that process (owner-lock.ts)
 * windlass.db, logs/, processes/, supervisor/, place   of the drivers
 */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { messageOf, WindlassError } from "@windlass/kernel";
import type { Random } from "@windlass/ports";

export const DEFAULT_DATA_FOLDER = ".windlass";

/** Where the owner of a data folder listens. */
export interface ServerAddress {
  readonly url: string;
  readonly pid: number;
  /** The machine, or the container, that it runs on. */
  readonly host?: string;
  /** `run`: a command that works on its own and ends with its job. */
  readonly role: "server" | "run";
}

export interface DataFolder {
  /** Absolute. */
  readonly path: string;
  readonly token: string | null;
  readonly server: ServerAddress | null;
}

/** Reads what is there; a folder that does not exist has neither token nor server. */
export function readDataFolder(path: string): DataFolder {
  const folder = resolve(path);
  return { path: folder, token: readText(join(folder, "token"))?.trim() ?? null, server: readAddress(folder) };
}

/** Makes the folder and its token when they are not there. Throws `data_folder_unusable`. */
export function prepareDataFolder(path: string, random: Random): { readonly path: string; readonly token: string } {
  const folder = resolve(path);
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    const existing = readText(join(folder, "token"))?.trim();
    if (existing !== undefined && existing !== "") return { path: folder, token: existing };
    const token = `wl_${Buffer.from(random.bytes(TOKEN_BYTES)).toString("base64url")}`;
    writeToken(folder, token);
    return { path: folder, token };
  } catch (error) {
    throw new WindlassError(
      "data_folder_unusable",
      `the data folder ${folder} cannot be used: ${messageOf(error)}; choose another with --data or WINDLASS_DATA`,
      { cause: error },
    );
  }
}

export function writeToken(folder: string, token: string): void {
  writeWhole(join(folder, "token"), `${token}\n`);
}

export function writeAddress(folder: string, address: ServerAddress): void {
  writeWhole(join(folder, "server.json"), `${JSON.stringify(address)}\n`);
}

export function removeAddress(folder: string): void {
  rmSync(join(folder, "server.json"), { force: true });
}

const TOKEN_BYTES = 24;

function readAddress(folder: string): ServerAddress | null {
  try {
    const found = JSON.parse(readText(join(folder, "server.json")) ?? "null") as ServerAddress | null;
    return typeof found?.url === "string" && typeof found.pid === "number" ? found : null;
  } catch {
    // Cut off by a crash: the same as none.
    return null;
  }
}

/** One by one from the first that is missing: the recursive way of Node never returns where a folder cannot be made (`/proc`). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/** Undefined when it does not exist; what may not be read is the caller's to tell. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw new WindlassError("data_folder_unusable", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Nobody ever reads half of it. */
function writeWhole(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600 });
  renameSync(fresh, path);
}
