/**
 * One owner per data folder: an exclusive lock that the system takes back when its holder is gone, however it went.
 * It is the lock of a small SQLite database, for Node has no other (the main database has locks of its own).
 *
 * W1. At most one process holds it. W2. kill -9 frees it; nothing needs to be tidied up.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf, WindlassError } from "@windlass/kernel";

export interface OwnerLock {
  release(): void;
}

/** Null when another holds it. */
export function takeOwnerLock(folder: string): OwnerLock | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, "owner.lock"), { timeout: 0 });
    // Deleted and made again would be another lock for whoever comes later: no journal file, no change to the file.
    database.exec("PRAGMA journal_mode = memory; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (isBusy(error)) return null;
    throw unusable(folder, error);
  }
  const held = database;
  return { release: () => held.close() };
}

/** Whether somebody holds it now. Only reads: whoever looks makes no file. */
export function isOwned(folder: string): boolean {
  const path = join(folder, "owner.lock");
  if (!existsSync(path)) return false;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw unusable(folder, error);
  } finally {
    database?.close();
  }
}

function unusable(folder: string, error: unknown): WindlassError {
  return new WindlassError("data_folder_unusable", `the data folder ${folder} cannot be locked: ${messageOf(error)}`, { cause: error });
}

const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === SQLITE_BUSY;
}
