/**
 * Makes a back-up of a data folder and its store, whether or not a server works with them.
 *
 * U1. The store is taken first, as it is at one moment; logs only grow, so those of that moment are in what is copied after it.
 * U2. Of a log its index is copied before its bytes: what an index names is there (F1 of log-format.ts).
 * U3. The back-up appears whole, under its name, or not at all; it never replaces anything.
 */
import { chmodSync, existsSync, fsyncSync, mkdirSync, openSync, closeSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import type { BackupStep } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { LOG_FOLDER } from "@windlass/ports";
import { storeNameOf } from "../compose/store-name.ts";
import type { Environment } from "../machine/environment.ts";
import { VERSION } from "../version.ts";
import { copyFile } from "./copy-file.ts";
import {
  BACKUP_FORMAT,
  CHECKSUMS_FILE,
  checksumsText,
  DATABASE_FILES,
  MANIFEST_FILE,
  sha256Of,
  type BackedUpFile,
  type Manifest,
} from "./manifest.ts";

export interface BackUpOptions {
  /** The data folder; absolute. */
  readonly folder: string;
  readonly storeUrl: string;
  readonly environment: Environment;
  /** Where the back-up is to be; absolute, and not there yet. */
  readonly target: string;
  readonly now: () => number;
  readonly onStep: (step: BackupStep) => void;
  readonly signal?: AbortSignal | undefined;
}

type Figures = Pick<Manifest, "schema" | "rows" | "underWay" | "searchPath">;

/** Throws `conflict` where something is there already. */
export async function backUp(options: BackUpOptions): Promise<Manifest> {
  checkTarget(options);
  const { target } = options;
  const partial = `${target}.partial-${process.pid}`;
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true, mode: 0o700 });
    const manifest = await fill(partial, options);
    if (existsSync(target)) throw taken(target);
    renameSync(partial, target);
    flush(dirname(target));
    return manifest;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Throws what would be known only at the end otherwise. */
export function checkTarget({ folder, target }: Pick<BackUpOptions, "folder" | "target">): void {
  if (!isAbsolute(target)) throw new WindlassError("invalid", `the folder for the back-up is "${target}"; it must be an absolute path`);
  if (existsSync(target)) throw taken(target);
  const within = relative(join(folder, LOG_FOLDER), target);
  if (within === "" || (!within.startsWith("..") && !isAbsolute(within)))
    throw new WindlassError("invalid", `${target} lies within the logs that are backed up; choose a place outside the data folder`);
}

async function fill(partial: string, options: BackUpOptions): Promise<Manifest> {
  const { now, onStep, signal } = options;
  const createdAt = new Date(now()).toISOString();
  const store = storeNameOf(options.storeUrl);
  const database = join(partial, DATABASE_FILES[store]);
  const figures = store === "sqlite" ? await takeSqlite(database, options) : await takePostgres(database, options);
  // It is carried elsewhere, where no folder keeps others out.
  chmodSync(database, 0o600);
  const read = await copyFile(database, null, signal);
  const files: BackedUpFile[] = [{ path: DATABASE_FILES[store], sha256: read?.sha256 ?? "" }];
  let bytes = read?.bytes ?? 0;
  for await (const { path, ...copied } of copyLogs(options.folder, partial, signal)) {
    files.push({ path, sha256: copied.sha256 });
    bytes += copied.bytes;
    onStep({ part: "files", files: files.length - 1, bytes });
  }
  const checksums = checksumsText(files);
  const manifest: Manifest = {
    ...{ format: BACKUP_FORMAT, windlass: VERSION, createdAt, store, ...figures },
    ...{ files: files.length, bytes, checksums: sha256Of(checksums) },
  };
  for (const [name, text] of [
    [CHECKSUMS_FILE, checksums],
    [MANIFEST_FILE, `${JSON.stringify(manifest, null, 2)}\n`],
  ] as const) {
    writeFileSync(join(partial, name), text, { mode: 0o600, flush: true });
  }
  flush(partial);
  return manifest;
}

async function takeSqlite(to: string, { folder, onStep, signal }: BackUpOptions): Promise<Figures> {
  const { copySqlite } = await import("@windlass/sqlite");
  const from = join(folder, DATABASE_FILES.sqlite);
  if (!existsSync(from)) throw new WindlassError("not_found", `there is no store in ${folder}: ${from} does not exist`);
  const figures = await copySqlite({ from, to, signal, onProgress: (share) => onStep({ part: "store", share }) });
  return { ...figures, searchPath: null };
}

async function takePostgres(file: string, { storeUrl: url, environment, onStep, signal }: BackUpOptions): Promise<Figures> {
  const { dumpPostgres } = await import("@windlass/postgres");
  onStep({ part: "store", share: 0 });
  return dumpPostgres({ url, file, environment, signal });
}

/** What is removed meanwhile is left out. */
async function* copyLogs(folder: string, partial: string, signal: AbortSignal | undefined) {
  const root = join(folder, LOG_FOLDER);
  for (const job of existsSync(root) ? await readdir(root) : []) {
    const names = await readdir(join(root, job)).catch(() => []);
    // Indexes first (U2).
    for (const name of names.toSorted((a, b) => Number(b.endsWith(".index")) - Number(a.endsWith(".index")))) {
      const path = `${LOG_FOLDER}/${job}/${name}`;
      const copied = await copyFile(join(folder, path), join(partial, path), signal);
      if (copied !== null) yield { path, ...copied };
    }
  }
}

function taken(target: string): WindlassError {
  return new WindlassError("conflict", `${target} is there already; a back-up replaces nothing: choose another name`);
}

function flush(folder: string): void {
  const handle = openSync(folder, "r");
  fsyncSync(handle);
  closeSync(handle);
}
