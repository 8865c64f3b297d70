/**
 * The keys of a source: 32 random bytes each, by ids. Secrets are sealed with such keys, and notices signed.
 *
 * I1. A key's id is made of the key, so that a wrong key under a right name cannot be.
 * I2. No message holds a key or a part of one.
 */
import { createHash } from "node:crypto";
import { WindlassError } from "@windlass/kernel";
import type { KeySource } from "@windlass/ports";

export interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

export interface Keys {
  /** All of them, the current one first. Looks again at the source. Throws `invalid`, and what reading throws. */
  read(): readonly Key[];
  /** Looks again only for one that is not known yet. */
  find(keyId: string): Key | undefined;
}

export const KEY_BYTES = 32;
/** Each is looked at when a seal is opened; a new key every day for years fits in. */
export const KEYS_MAX = 1_000;
/** Of the hash of a key: enough to tell the few keys of one ring apart, and no help in guessing one. */
const ID_LENGTH = 12;

export function keysIn(source: Pick<KeySource, "read" | "place">): Keys {
  let text: string | null = null;
  let keys: readonly Key[] = [];
  const read = (): readonly Key[] => {
    const found = source.read();
    if (found !== text) {
      keys = keysOf(found, source.place);
      text = found;
    }
    return keys;
  };
  return { read, find: (keyId) => keys.find(({ id }) => id === keyId) ?? read().find(({ id }) => id === keyId) };
}

/** See I1. */
export function idOf(key: Buffer): string {
  return `key_${createHash("sha256").update("windlass key id\n").update(key).digest("hex").slice(0, ID_LENGTH)}`;
}

/** Throws `invalid` for what is no key, telling the line and not what stands there (I2). */
function keysOf(text: string, place: string): readonly Key[] {
  const words = text
    .split("\n")
    .flatMap((line, index) =>
      line
        .replace(/#.*$/u, "")
        .split(/[\s,]+/u)
        .map((word) => ({ word, line: index + 1 })),
    )
    .filter(({ word }) => word !== "");
  if (words.length > KEYS_MAX) throw new WindlassError("invalid", `${place} has ${words.length} keys; ${KEYS_MAX} are allowed`);
  const keys = words.map(({ word, line }) => {
    const bytes = bytesOf(word);
    if (bytes !== null) return { id: idOf(bytes), bytes };
    const message = `line ${line} of ${place} is no key: a key is ${KEY_BYTES} random bytes as base64, for example from \`openssl rand -base64 ${KEY_BYTES}\``;
    throw new WindlassError("invalid", message, { faults: [{ path: place, message, line }] });
  });
  return keys.filter(({ id }, index) => keys.findIndex((other) => other.id === id) === index);
}

/** In base64, that of addresses too, or hexadecimal; null for anything else. */
function bytesOf(word: string): Buffer | null {
  const bytes = /^[0-9a-f]{64}$/iu.test(word)
    ? Buffer.from(word, "hex")
    : /^[\w+/-]{43}=?$/u.test(word)
      ? Buffer.from(word, "base64")
      : null;
  return bytes?.length === KEY_BYTES ? bytes : null;
}
