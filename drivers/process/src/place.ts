/** The id of a data folder: made once, kept in it, so that attempts know where they live. */
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { WindlassError } from "@windlass/kernel";
import type { Random } from "@windlass/ports";
import { placePath } from "./folder-layout.ts";

const ID_BYTES = 12;

/** Throws `data_folder_unusable` when it can neither be read nor made. */
export function placeOf(folder: string, random: Random): string {
  const path = placePath(folder);
  try {
    // One that is there is not touched: its disk may be full.
    if (!existsSync(path)) writeOnce(path, `place-${Buffer.from(random.bytes(ID_BYTES)).toString("hex")}`);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw new WindlassError("data_folder_unusable", `${path} cannot be made`, { cause: error });
  }
  const place = readFileSync(path, "utf8").trim();
  if (!/^place-[0-9a-f]+$/u.test(place)) {
    throw new WindlassError("data_folder_unusable", `${path} does not hold the id of a place; remove it if nothing runs here`);
  }
  return place;
}

/** Throws EEXIST when it is there. It appears whole or not at all, whoever looks meanwhile, and also when this process is killed here. */
function writeOnce(path: string, place: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Not named after the pid: of containers that share a folder each may have the same.
  const whole = `${path}.${place}`;
  try {
    writeFileSync(whole, `${place}\n`, { mode: 0o600 });
    linkSync(whole, path);
  } finally {
    rmSync(whole, { force: true });
  }
}
