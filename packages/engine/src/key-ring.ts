/**
 * Seals secrets and opens them: AES-256-GCM (NIST SP 800-38D) under one of several keys.
 *
 * R1. The first key is current: everything is sealed with it. All others only open what was sealed with them before.
 * R2. A seal is bound to where it stands and to its key (kernel, `bindingOf`): moved or exchanged, it does not open.
 * R3. No message holds a key, a part of one, or a value.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { bindingOf, WindlassError, type SealedSecret } from "@windlass/kernel";
import type { KeySource, Random } from "@windlass/ports";
import { idOf, KEY_BYTES, KEYS_MAX, keysIn, type Key } from "./keys-in.ts";

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
/** The length that GCM is made for. A random nonce may be drawn four thousand million times for each key (SP 800-38D, 8.3). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function keyRing(source: KeySource, random: Random): KeyRing {
  const keys = keysIn(source);
  return {
    place: source.place,
    grows: source.grows,
    current: () => keys.read()[0]?.id ?? null,
    has: (keyId) => keys.find(keyId) !== undefined,
    ids: () => keys.read().map(({ id }) => id),
    seal(secret, value) {
      const [key] = keys.read();
      if (key === undefined) throw noKey(source);
      return sealWith(key, { ...secret, keyId: key.id }, { value, nonce: random.bytes(NONCE_BYTES) });
    },
    open(secret) {
      const key = keys.find(secret.keyId);
      return key === undefined ? { fault: "key_missing" } : openWith(key, secret);
    },
    grow() {
      if (source.grows === "never") throw noKey(source);
      if (keys.read().length >= KEYS_MAX)
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

function noKey({ place, grows }: KeySource): WindlassError {
  const how =
    grows === "never" ? `put one first in ${place}: openssl rand -base64 ${KEY_BYTES}` : `set a secret to have one made in ${place}`;
  return new WindlassError("secret_key_missing", `there is no key to seal secrets with; ${how}`);
}
