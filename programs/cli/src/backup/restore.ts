/**
 * Makes a data folder, and a store, of a back-up.
 *
 * E1. Nothing is touched before manifest and checksums agree with every file; what was altered or cut off is refused.
 * E2. The data folder appears whole or not at all, and only where nothing was.
 * E3. The folder is a new place with a new admin token: what was under way in the old one is ended as lost when a server
 *     starts, and tried again by its retry policy.
 * E4. On PostgreSQL the store is there before the folder. Whoever dies in between restores again: the store is known by the
 *     mark of the back-up, and only the folder is made.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { BackupStep } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { readDataFolder } from "../compose/data-folder.ts";
import { takeOwnerLock } from "../compose/owner-lock.ts";
import { storeNameOf } from "../compose/store-name.ts";
import type { Environment } from "../machine/environment.ts";
import { copyFile } from "./copy-file.ts";
import { damaged, DATABASE_FILES, readManifest, type Manifest } from "./manifest.ts";

export interface RestoreOptions {
  /** The back-up. */
  readonly from: string;
  /** The data folder that is to be. */
  readonly folder: string;
  readonly storeUrl: string;
  readonly environment: Environment;
  readonly onStep: (step: BackupStep) => void;
}

/** Reads every file of a back-up. Throws `invalid`. */
export async function verifyBackup(from: string, onStep: RestoreOptions["onStep"]): Promise<Manifest> {
  return (await verified(resolve(from), null, onStep)).manifest;
}

/** Throws `invalid` for a back-up that is damaged, `conflict` or `data_folder_in_use` where it may not go, `schema_newer`. */
export async function restore(options: RestoreOptions): Promise<Manifest> {
  const from = resolve(options.from);
  const folder = resolve(options.folder);
  const { manifest } = readManifest(from);
  await check(manifest, { ...options, folder });
  const partial = `${folder}.partial-${process.pid}`;
  try {
    removePartial(folder);
    mkdirSync(partial, { recursive: true, mode: 0o700 });
    await verified(from, partial, options.onStep);
    if (manifest.store === "sqlite") await settleSqlite(join(partial, DATABASE_FILES.sqlite), { from, manifest });
    else await fillPostgres(join(partial, DATABASE_FILES.postgres), { ...options, manifest });
    mkdirSync(dirname(folder), { recursive: true });
    renameSync(partial, folder);
    // A mark that stays is taken away by the first server on the store.
    if (manifest.store === "postgres") await (await import("@windlass/postgres")).forgetRestore(options.storeUrl).catch(() => {});
    return manifest;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/** What those have left beside the folder who were killed while they restored it. */
function removePartial(folder: string): void {
  const name = `${basename(folder)}.partial-`;
  const beside = existsSync(dirname(folder)) ? readdirSync(dirname(folder)) : [];
  for (const entry of beside)
    if (entry.startsWith(name) && !isThere(Number(entry.slice(name.length)))) rmSync(join(dirname(folder), entry), { recursive: true });
}

function isThere(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is there, too.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

async function check(manifest: Manifest, { folder, storeUrl }: Pick<RestoreOptions, "folder" | "storeUrl">): Promise<void> {
  const asked = storeNameOf(storeUrl);
  if (asked !== manifest.store) {
    const how = manifest.store === "postgres" ? "give the address of an empty database with --store" : "leave out --store";
    throw new WindlassError("conflict", `the back-up is of a store on ${manifest.store}, not ${asked}; ${how}`);
  }
  const { SCHEMA_NUMBER } = await import("@windlass/sqlite");
  if (manifest.schema > SCHEMA_NUMBER)
    throw new WindlassError(
      "schema_newer",
      `the back-up has schema ${manifest.schema}, this Windlass knows schemas up to ${SCHEMA_NUMBER}: restore it with Windlass ${manifest.windlass} or newer`,
    );
  checkFolder(folder);
}

function checkFolder(folder: string): void {
  const [first] = existsSync(folder) ? readdirSync(folder) : [];
  if (first === undefined) return;
  const lock = takeOwnerLock(folder);
  if (lock === null) {
    const { server } = readDataFolder(folder);
    throw new WindlassError(
      "data_folder_in_use",
      `the data folder ${folder} is in use${server === null ? "" : ` by process ${server.pid}`}; stop it, and restore into a folder that is empty or not there`,
    );
  }
  lock.release();
  throw new WindlassError(
    "conflict",
    `${folder} is not empty (${first}, …); a back-up is restored into a folder that is empty or not there`,
  );
}

/** Every file against its checksum; copied on the way where `to` is given. See E1. */
async function verified(from: string, to: string | null, onStep: RestoreOptions["onStep"]): Promise<{ readonly manifest: Manifest }> {
  const { manifest, files } = readManifest(from);
  let [count, bytes] = [0, 0];
  for (const { path, sha256 } of files) {
    if (path.split("/").includes("..") || path.startsWith("/")) throw damaged(from, path, "it leads out of the back-up");
    const copied = await copyFile(join(from, path), to === null ? null : join(to, path));
    if (copied === null) throw damaged(from, path, "it is missing");
    if (copied.sha256 !== sha256) throw damaged(from, path, "its checksum is another: it was altered or cut off");
    count++;
    bytes += copied.bytes;
    onStep({ part: "files", files: count, bytes });
  }
  if (count !== manifest.files || bytes !== manifest.bytes) throw damaged(from, "manifest.json", "it counts other files than there are");
  return { manifest };
}

async function settleSqlite(path: string, { from, manifest }: { readonly from: string; readonly manifest: Manifest }): Promise<void> {
  const { inspectSqlite, settleRestoredSqlite } = await import("@windlass/sqlite");
  const figures = await inspectSqlite(path);
  agree(from, { manifest, rows: figures.rows, schema: figures.schema });
  await settleRestoredSqlite(path);
}

async function fillPostgres(
  file: string,
  { from, manifest, storeUrl: url, environment }: RestoreOptions & { readonly manifest: Manifest },
): Promise<void> {
  const { isRestored, restorePostgres } = await import("@windlass/postgres");
  const mark = manifest.checksums;
  // Looked at before anything is committed.
  const check = ({ rows, schema }: { readonly rows: Manifest["rows"]; readonly schema: number }): void =>
    agree(from, { manifest, rows, schema });
  if (!(await isRestored({ url, mark })))
    await restorePostgres({ url, file, environment, searchPath: manifest.searchPath ?? "public", mark, check });
  rmSync(file);
}

function agree(
  from: string,
  { manifest, rows, schema }: { readonly manifest: Manifest; readonly rows: Manifest["rows"]; readonly schema: number },
): void {
  const other = Object.keys(manifest.rows).find((table) => manifest.rows[table] !== rows[table]);
  if (other !== undefined)
    throw damaged(from, "the store", `its table ${other} has ${rows[other] ?? "no"} rows, the manifest says ${manifest.rows[other]}`);
  if (schema !== manifest.schema) throw damaged(from, "the store", `it has schema ${schema}, the manifest says ${manifest.schema}`);
}
