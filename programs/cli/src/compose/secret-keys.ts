/**
 * Where the keys are that secrets are sealed with: a variable, a file that people keep, or a file of the data folder that
 * is made with the first secret.
 *
 * S1. Nobody but its owner may read a file that was made here, and it is there whole or not at all.
 * S2. A file of keys that others may read is refused.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { environmentVariableOf, messageOf, WindlassError, type SettingName, type Settings } from "@windlass/kernel";
import type { KeySource } from "@windlass/ports";

const KEYS_FILE = "secrets.keys";

export interface KeysWanted {
  readonly folder: string;
  readonly settings: Pick<Settings, "secrets.keys" | "secrets.keyFile">;
  /** Other servers may work on the same store. */
  readonly isShared: boolean;
}

/** Throws `invalid` when keys are told twice. */
export function secretKeys({ folder, settings, isShared }: KeysWanted): KeySource {
  const told = toldKeys(settings, { keys: "secrets.keys", file: "secrets.keyFile" });
  if (told !== null) return told;
  const path = join(folder, KEYS_FILE);
  return {
    place: path,
    grows: isShared ? "first" : "always",
    read: () => readKeys(path, "optional"),
    add: (key) => writeKeys(path, `${key}\n${readKeys(path, "optional")}`),
  };
}

/** Where two settings say that keys are; null: neither does. Throws `invalid` when both do. */
export function toldKeys<Keys extends SettingName, File extends SettingName>(
  settings: Pick<Settings, Keys | File>,
  names: { readonly keys: Keys; readonly file: File },
): KeySource | null {
  const [variable, fileVariable] = [environmentVariableOf(names.keys), environmentVariableOf(names.file)];
  const [keys, file] = [String(settings[names.keys]), String(settings[names.file])];
  if (keys !== "" && file !== "")
    throw new WindlassError("invalid", `${variable} and ${fileVariable} are both set; keys are in one place only`);
  if (keys !== "") return { place: variable, grows: "never", read: () => keys, add: refuse(variable) };
  if (file !== "") return { place: file, grows: "never", read: () => readKeys(file, "needed"), add: refuse(file) };
  return null;
}

const OTHERS = 0o077;
/** What a secret of a cluster is mounted with, for the group of its processes. */
const GROUP_READS = 0o040;

/** Throws `secret_key_missing` for a file that is not there, cannot be read, or can be read by everybody. */
function readKeys(path: string, need: "needed" | "optional"): string {
  try {
    const { mode } = statSync(path);
    if ((mode & OTHERS & ~GROUP_READS) !== 0)
      throw new WindlassError("secret_key_missing", `${path} can be read or written by others than its owner: chmod 600 ${path}`);
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof WindlassError) throw error;
    if (error instanceof Error && "code" in error && error.code === "ENOENT" && need === "optional") return "";
    throw new WindlassError("secret_key_missing", `the keys in ${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** See S1. */
function writeKeys(path: string, text: string): void {
  const fresh = `${path}.${process.pid}.new`;
  writeFileSync(fresh, text, { mode: 0o600, flush: true });
  renameSync(fresh, path);
}

function refuse(place: string): () => never {
  return () => {
    throw new WindlassError("secret_key_missing", `keys are not made here: people put them into ${place}`);
  };
}
