/**
 * Seals secrets and opens them: AES-256-GCM (NIST SP 800-38D) under one of several keys.
 *
 * R1. The first key is current: everything is sealed with it. All others only open what was sealed with them before.
 * R2. A seal is bound to where it stands and to its key (kernel, `bindingOf`): moved or exchanged, it does not open.
 * R3. A key's id is made of the key, so that a wrong key under a right name cannot be.
 * R4. No message holds a key, a part of one, or a value.
 */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { bindingOf, WindlassError, type SealedSecret } from "@windlass/kernel";
import type { KeySource, Random } from "@windlass/ports";

/** What a sealed text opens to, or why it does not. */
export type Unsealed = { readonly value: string } | { readonly fault: "key_missing" | "broken" };

export interface KeyRing {
  /** Where its keys are told, for people. */
  readonly place: string;
  /** Whether keys are made here: by people only, the first one, or whenever there is to be a new one. */
  readonly grows: KeySource["grows"];
  /** Id of the current key; null when there is none. Looks again where the keys are told. Throws `invalid`, and what reading throws. */
  current(): string | null;
  /** Whether it has this key. */
  has(keyId: string): boolean;
  /** Ids of all its keys, the current one first. */
  ids(): readonly string[];
  /** With the current key. Throws `secret_key_missing` when there is none. */
  seal(secret: Omit<SealedSecret, "sealed" | "keyId">, value: string): SealedSecret;
  open(secret: SealedSecret): Unsealed;
  /** Makes a key and lets it be the current one. Throws `secret_key_missing` where people do that. */
  grow(): string;
}

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
/** The length that GCM is made for. A random nonce may be drawn four thousand million times for each key (SP 800-38D, 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Of the hash of a key: enough to tell the few keys of one ring apart, and no help in guessing one. */
const ID_LENGTH = 12;
/** Each is looked at when a seal is opened; a new key every day for years fits in. */
const KEYS_MAX = 1_000;

interface Key {
  readonly id: string;
  readonly bytes: Buffer;
}

export function keyRing(source: KeySource, random: Random): KeyRing {
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
  const find = (keyId: string): Key | undefined => keys.find(({ id }) => id === keyId) ?? read().find(({ id }) => id === keyId);
  return {
    place: source.place,
    grows: source.grows,
    current: () => read()[0]?.id ?? null,
    has: (keyId) => find(keyId) !== undefined,
    ids: () => read().map(({ id }) => id),
    seal(secret, value) {
      const [key] = read();
      if (key === undefined) throw noKey(source);
      return sealWith(key, { ...secret, keyId: key.id }, { value, nonce: random.bytes(NONCE_BYTES) });
    },
    open(secret) {
      const key = find(secret.keyId);
      return key === undefined ? { fault: "key_missing" } : openWith(key, secret);
    },
    grow() {
      if (source.grows === "never") throw noKey(source);
      if (read().length >= KEYS_MAX)
        throw new WindlassError("conflict", `${source.place} has ${KEYS_MAX} keys; remove those that neither secrets nor back-ups need`);
      const bytes = Buffer.from(random.bytes(KEY_BYTES));
      source.add(bytes.toString("base64"));
      return idOf(bytes);
    },
  };
}

function sealWith(
  key: Key,
  secret: Omit<SealedSecret, "sealed">,
  { value, nonce }: { readonly value: string; readonly nonce: Uint8Array },
): SealedSecret {
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(bindingOf(secret)));
  const sealed = Buffer.concat([nonce, cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return { ...secret, sealed: sealed.toString("base64") };
}

function openWith(key: Key, secret: SealedSecret): Unsealed {
  const bytes = Buffer.from(secret.sealed, "base64");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return { fault: "broken" };
  const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(bindingOf(secret))).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return { value: Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString("utf8") };
  } catch {
    // Nothing of what was opened is given away: it is not what was sealed (R2).
    return { fault: "broken" };
  }
}

/** Throws `invalid` for what is no key, telling the line and not what stands there (R4). */
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

/** See R3. */
function idOf(key: Buffer): string {
  return `key_${createHash("sha256").update("windlass key id\n").update(key).digest("hex").slice(0, ID_LENGTH)}`;
}

function noKey({ place, grows }: KeySource): WindlassError {
  const how =
    grows === "never" ? `put one first in ${place}: openssl rand -base64 ${KEY_BYTES}` : `set a secret to have one made in ${place}`;
  return new WindlassError("secret_key_missing", `there is no key to seal secrets with; ${how}`);
}
