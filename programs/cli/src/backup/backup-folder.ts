/**
 * Where a server writes back-ups that it is asked for over the API: below one folder, and nowhere else. Who runs the command
 * on the server's machine writes with his own rights wherever he says; a caller of the API has those of the server.
 *
 * F1. A place is refused when it leaves the folder by its name (`..`, an absolute path elsewhere) or over a symbolic link.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { WindlassError } from "@windlass/kernel";

/** In the data folder, unless `backup.folder` names another. */
const USUAL = "backups";

export function backupFolderOf(dataFolder: string, setting: string): string {
  return resolve(dataFolder, setting === "" ? USUAL : setting);
}

/** The place below `root` that a caller asks for, by a name or an absolute path. Throws `invalid`. Makes `root`. */
export function placeBelow(root: string, asked: string): string {
  const place = resolve(root, asked);
  const parts = relative(root, place).split(sep);
  if (asked.includes("\0") || place === root || parts[0] === ".." || isAbsolute(parts.join(sep)))
    throw outside(asked, root, "is not below");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (parts.some((_, index) => isLink(join(root, ...parts.slice(0, index + 1)))))
    throw outside(asked, root, "leads over a symbolic link below");
  return place;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function outside(asked: string, root: string, what: string): WindlassError {
  const message = `${JSON.stringify(asked)} ${what} ${root}, the only folder into which this server writes back-ups; give a name such as "monday", or set backup.folder (WINDLASS_BACKUP_FOLDER) of the server`;
  return new WindlassError("invalid", message, { faults: [{ path: "folder", message }] });
}
