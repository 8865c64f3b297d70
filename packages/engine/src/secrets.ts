/**
 * What callers may do with secrets: set, list by name, unset, and seal all with another key. Nothing here gives a value
 * out; what attempts are given is `given-secrets.ts`.
 *
 * K1. A value is sealed with its version, and stored only as the one behind the version that was there: of two that set a
 *     secret at once, both are stored, one after the other.
 * K2. While the store has secrets that no key here opens, nothing is sealed: servers that share a store would otherwise
 *     each seal with a key of their own.
 */
import {
  didYouMean,
  faultOfSecret,
  scopeText,
  SECRET_NAME,
  SECRET_NAME_RULE,
  WindlassError,
  type SealedSecret,
  type Secret,
  type SecretId,
} from "@windlass/kernel";
import type { SecretFilter } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import type { KeyRing } from "./key-ring.ts";

/** How it stands with sealing all secrets with the current key. */
export interface Rotation {
  readonly keyId: string;
  /** True when this call made that key. */
  readonly made: boolean;
  /** Secrets that this call sealed anew. */
  readonly resealed: number;
  /** Those that are still sealed with another key: call again. */
  readonly left: number;
  /** Of these, secrets that no key here opens. */
  readonly unreadable: readonly SecretId[];
  /** Keys here that no secret is sealed with any more. */
  readonly unused: readonly string[];
}

export interface Secrets {
  list(filter: SecretFilter): Promise<readonly (Secret & { readonly readable: boolean })[]>;
  /** Throws `invalid` for a name or a value that cannot be, `secret_key_missing`. */
  set(id: SecretId, value: string, by: string): Promise<Secret>;
  /** Throws `not_found`. */
  unset(id: SecretId): Promise<void>;
  /**
   * Seals a batch of secrets with the current key. When all are sealed with it, and this process alone has the keys, it
   * makes a new one first. Stopped at any point, the next call goes on.
   */
  rotate(): Promise<Rotation>;
}

/** Secrets that one call seals anew. */
const BATCH = 500;
/** Secrets that no key opens, as one answer names them. */
const UNREADABLE_MAX = 20;
/** How often a secret is set again that somebody else sets at the same time. */
const TRIES_MAX = 20;
/** Names that are looked through for one that was meant. */
const NAMES_MAX = 500;

export function secrets(context: EngineContext): Secrets {
  const { store, keys } = context;
  return {
    async list(filter) {
      const found = await store.secrets.list(filter);
      return found.map((secret) => ({ ...secret, readable: isReadable(keys, secret.keyId) }));
    },
    async set(id, value, by) {
      checkedValue(id, value);
      await readyToSeal(context);
      for (let tries = 1; tries <= TRIES_MAX; tries++) {
        const [before] = await store.secrets.find({ workspace: id.workspace, scopes: [id.scope], names: [id.name] });
        const sealed = keys.seal(nextOf(id, before, { by, at: context.now() }), value);
        if (await store.secrets.put(sealed)) return toldOf(sealed);
      }
      throw new WindlassError("conflict", `the secret "${id.name}" is being set by others all the time; try again`);
    },
    async unset(id) {
      if (await store.secrets.remove(id)) return;
      const names = (await store.secrets.list({ workspace: id.workspace, scope: id.scope, limit: NAMES_MAX })).map(({ name }) => name);
      throw new WindlassError("not_found", `there is no secret "${id.name}" in ${scopeText(id)}${didYouMean(id.name, names)}`);
    },
    rotate: () => rotate(context),
  };
}

function checkedValue({ name }: SecretId, value: string): void {
  const faults = [];
  if (!SECRET_NAME.test(name)) faults.push({ path: "name", message: `"${name}" cannot name a secret; a name has ${SECRET_NAME_RULE}` });
  const fault = faultOfSecret(value);
  if (fault !== null) faults.push({ path: "value", message: `the value cannot be a secret: ${fault}` });
  if (faults.length > 0) throw new WindlassError("invalid", faults.map(({ message }) => message).join("; "), { faults });
}

function nextOf(
  id: SecretId,
  before: Secret | undefined,
  { by, at }: { readonly by: string; readonly at: number },
): Omit<SealedSecret, "sealed" | "keyId"> {
  const { workspace, scope, name } = id;
  const first = { version: 1, createdBy: by, createdAt: at };
  const next = before === undefined ? first : { version: before.version + 1, createdBy: before.createdBy, createdAt: before.createdAt };
  return { workspace, scope, name, ...next, changedBy: by, changedAt: at };
}

function toldOf({ sealed: _sealed, ...secret }: SealedSecret): Secret {
  return secret;
}

/** See K2. Makes the first key of a store that has no secrets, where keys are made. */
export async function readyToSeal({ store, keys, logger }: EngineContext): Promise<void> {
  const lacking = (await store.secrets.keys()).filter(({ keyId }) => !keys.has(keyId));
  if (lacking.length > 0) throw lacks(keys, lacking);
  if (keys.current() !== null || keys.grows === "never") return;
  const keyId = keys.grow();
  logger.info("made a key to seal secrets with; keep a copy of it apart from back-ups", { keyId, place: keys.place });
}

function lacks({ place }: KeyRing, lacking: readonly { readonly keyId: string; readonly secrets: number }[]): WindlassError {
  const which = lacking.map(({ keyId, secrets: count }) => `${keyId} (${count} ${count === 1 ? "secret" : "secrets"})`).join(", ");
  return new WindlassError(
    "secret_key_missing",
    `the store has secrets that are sealed with keys which this server does not have: ${which}. Add them to ${place}, behind the first; or unset what they seal: windlass secrets list`,
  );
}

/** Lists are shown also while keys cannot be read. */
function isReadable(keys: KeyRing, keyId: string): boolean {
  try {
    return keys.has(keyId);
  } catch {
    // Why is told by whoever seals or opens.
    return false;
  }
}

async function rotate(context: EngineContext): Promise<Rotation> {
  const { store, keys, logger } = context;
  const current = keys.current();
  const isDone = (await store.secrets.keys()).every((one) => one.keyId === current);
  const made = current === null ? keys.grows !== "never" : keys.grows === "always" && isDone;
  const keyId = made ? keys.grow() : current;
  if (keyId === null) throw new WindlassError("secret_key_missing", `there is no key to seal secrets with; put one first in ${keys.place}`);
  if (made) logger.info("made a new key to seal secrets with", { keyId, place: keys.place });
  const { resealed, unreadable } = await sealBatch(context, keyId);
  const used = await store.secrets.keys();
  const left = used.reduce((sum, one) => (one.keyId === keyId ? sum : sum + one.secrets), 0);
  const unused = keys.ids().filter((id) => id !== keyId && !used.some((one) => one.keyId === id));
  return { keyId, made, resealed, left, unreadable: unreadable.slice(0, UNREADABLE_MAX), unused };
}

/** What no key opens is passed over, and stays as it is. */
async function sealBatch(
  { store, keys, logger }: EngineContext,
  keyId: string,
): Promise<{ readonly resealed: number; readonly unreadable: readonly SecretId[] }> {
  const unreadable: SecretId[] = [];
  let resealed = 0;
  for (let after: SecretId | null = null; resealed < BATCH;) {
    const page: readonly SealedSecret[] = await store.secrets.sealedOtherwise(keyId, { after, limit: BATCH - resealed });
    for (const secret of page) {
      const opened = keys.open(secret);
      if ("fault" in opened) unreadable.push({ workspace: secret.workspace, scope: secret.scope, name: secret.name });
      else if (await store.secrets.reseal(keys.seal(secret, opened.value), secret.keyId)) resealed++;
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = last;
  }
  if (unreadable.length > 0) logger.warn("secrets could not be opened and keep their seal", { secrets: unreadable.length });
  return { resealed, unreadable };
}
