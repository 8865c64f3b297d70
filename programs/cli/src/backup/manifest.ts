/**
 * What a back-up says of itself. `manifest.json` is written last: a folder without it is no back-up. `checksums` has one
 * line for each other file, as `sha256sum --check` reads it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, WindlassError } from "@windlass/kernel";

export const MANIFEST_FILE = "manifest.json";
export const CHECKSUMS_FILE = "checksums";
/** Grows when an older Windlass could misread a back-up. */
export const BACKUP_FORMAT = 1;

export interface Manifest {
  readonly format: number;
  readonly windlass: string;
  readonly createdAt: string;
  readonly store: "sqlite" | "postgres";
  /** The number of the store's schema. */
  readonly schema: number;
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
  /** Attempts that were under way. */
  readonly underWay: number;
  /** Of PostgreSQL: the schema of the database in which the tables lie. */
  readonly searchPath: string | null;
  readonly files: number;
  readonly bytes: number;
  /** Of the file `checksums`. */
  readonly checksums: string;
}

export interface BackedUpFile {
  /** Below the folder of the back-up. */
  readonly path: string;
  readonly sha256: string;
}

export const DATABASE_FILES = { sqlite: "windlass.db", postgres: "windlass.dump" } as const;

export function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function checksumsText(files: readonly BackedUpFile[]): string {
  return files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
}

/** Reads what a back-up says of itself. Throws `invalid` for what is none, or was altered. */
export function readManifest(folder: string): { readonly manifest: Manifest; readonly files: readonly BackedUpFile[] } {
  const manifest = parsed(folder, read(folder, MANIFEST_FILE));
  if (manifest.format !== BACKUP_FORMAT)
    throw new WindlassError(
      "invalid",
      `the back-up ${folder} has format ${manifest.format}, this Windlass reads format ${BACKUP_FORMAT}; it was made by ${manifest.windlass}`,
    );
  const text = read(folder, CHECKSUMS_FILE);
  if (sha256Of(text) !== manifest.checksums) throw damaged(folder, CHECKSUMS_FILE, "it is not what the manifest says");
  const files = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ sha256: line.slice(0, 64), path: line.slice(66) }));
  return { manifest, files };
}

export function damaged(folder: string, file: string, why: string): WindlassError {
  return new WindlassError("invalid", `the back-up ${folder} is damaged: ${file}: ${why}; take another back-up`);
}

function parsed(folder: string, text: string): Manifest {
  try {
    const found = JSON.parse(text) as Partial<Manifest> | null;
    if (typeof found?.format === "number" && typeof found.checksums === "string" && typeof found.rows === "object")
      return found as Manifest;
  } catch {
    // Cut off: told as what it is.
  }
  throw damaged(folder, MANIFEST_FILE, "it cannot be read");
}

function read(folder: string, file: string): string {
  try {
    return readFileSync(join(folder, file), "utf8");
  } catch (error) {
    throw new WindlassError("invalid", `${folder} is no back-up of Windlass, or one that was never finished: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
