/**
 * Tokens: what somebody may do and where, opened by a secret.
 *
 * T1. Nobody gives more than he has: neither permissions nor workspaces.
 * T2. Of a secret only the SHA-256 is stored; the secret itself is answered once, by `create`.
 * T3. A token that was revoked or has expired opens nothing, from the moment that is so.
 */
import { didYouMean, permissionsOf, reaches, tokenStateOf, WindlassError, type Permission, type Token } from "@windlass/kernel";
import type { AccessCache, Holder } from "./access-cache.ts";
import { checkedGrant, demandWithin, faultsOfName } from "./access-names.ts";
import type { Workspaces } from "./access-workspaces.ts";
import type { EngineContext } from "./context.ts";
import { holderOfRunner, isRunnerToken } from "./runner-token.ts";

/** The time of the last use is kept to this, so that a busy token costs no write for each call. */
const USED_MS = 60_000;
/** Tokens whose last use is remembered. */
const USED_MAX = 1_000;
/** 192 bits: not to be guessed. */
const SECRET_BYTES = 24;
/** By which people, and scanners of sources and logs, know a secret of ours. */
const SECRET_PREFIX = "wl_";
/** Who has the token of the data folder; no other token may go by this name. */
export const ADMIN = "admin";
/** In no store. */
const ADMIN_TOKEN = { id: ADMIN, name: ADMIN, workspaces: null } as const;

export type NewToken = Pick<Token, "name" | "roles" | "permissions" | "workspaces" | "expiresAt">;

export interface Tokens {
  /** Whose secret this is. Throws `unauthorized`: not known, revoked, expired. */
  holderOf(secret: string): Promise<Holder>;
  /** Those within reach of the holder, oldest first; also those that were revoked. */
  list(of: Holder): Promise<readonly Token[]>;
  /** Names, by the ids, of those within reach of the holder; nothing for a holder who may not see tokens. */
  namesOf(ids: readonly string[], of: Holder): Promise<ReadonlyMap<string, string>>;
  create(token: NewToken, by: Holder): Promise<{ readonly token: Token; readonly secret: string }>;
  /** By id, or by name: of several, the one that was not revoked, else the newest. Fine to repeat. */
  revoke(idOrName: string, by: Holder): Promise<Token>;
  /** What it may do now. */
  permissionsOf(token: Token): Promise<ReadonlySet<Permission>>;
}

export function tokens(context: EngineContext, cache: AccessCache, workspaces: Workspaces): Tokens {
  const { store } = context;
  const noteUse = useNotes(context);
  const list: Tokens["list"] = async (of) => (await store.tokens.list()).filter((token) => reaches(of, token.workspaces));
  return {
    list,
    async namesOf(ids, of) {
      if (!of.permissions.has("tokens:read")) return new Map();
      const found = await store.tokens.byIds([...new Set(ids)].filter((id) => id !== ADMIN));
      const within = [ADMIN_TOKEN, ...found].filter(({ workspaces: named }) => reaches(of, named));
      return new Map(within.map(({ id, name }) => [id, name]));
    },
    async holderOf(secret) {
      if (isRunnerToken(secret)) return holderOfRunner(context, secret);
      const hash = context.sha256(secret);
      const found = await cache.token(hash);
      // Found by an index; compared once more in a time that tells nothing.
      if (found === null || !isSame(found.token.hash, hash))
        throw new WindlassError("unauthorized", "the token is not known to this server");
      demandActive(found.token, context.now());
      noteUse(found.token);
      return found.holder;
    },
    async create(wanted, by) {
      await demandGiven(wanted, by);
      const made = newToken(context, wanted, by);
      const added = wanted.name === ADMIN ? "taken" : await store.tokens.add(made.token);
      if (added === "absent") {
        // Deleted since it was looked up. Looking again says what it is.
        cache.forget();
        await demandGiven(wanted, by);
        throw new WindlassError("conflict", `a role or a workspace of the token "${wanted.name}" was just deleted; try again`);
      }
      if (added === "taken")
        throw new WindlassError("conflict", `there is a token "${wanted.name}" already; revoke it first, or choose another name`);
      cache.changed();
      return made;
    },
    async revoke(idOrName, by) {
      const all = await list(by);
      const found = tokenCalled(all, idOrName);
      const [revokedBy, revokedAt] = [by.name, context.now()];
      const isNew = await store.tokens.revoke(found.id, revokedBy, revokedAt);
      cache.changed();
      return isNew ? { ...found, revokedBy, revokedAt } : found;
    },
    permissionsOf: async (token) => permissionsOf(token, (await cache.lists()).roles),
  };

  async function demandGiven(wanted: NewToken, by: Holder): Promise<void> {
    demandWithin(by, { permissions: await demanded(wanted), workspaces: wanted.workspaces });
    for (const workspace of wanted.workspaces ?? []) await workspaces.demand(workspace, by);
  }

  async function demanded(wanted: NewToken): Promise<ReadonlySet<Permission>> {
    const faults = faultsOfName("a token", wanted.name);
    if (wanted.roles.length + wanted.permissions.length === 0)
      faults.push({ path: "roles", message: "a token needs at least one role (windlass roles list) or permission" });
    if (wanted.workspaces?.length === 0) faults.push({ path: "workspaces", message: "a token needs at least one workspace" });
    if (wanted.expiresAt !== null && wanted.expiresAt <= context.now())
      faults.push({ path: "expiresAt", message: "expiresAt lies in the past" });
    return checkedGrant(wanted, (await cache.lists()).roles, faults);
  }
}

/** See `revoke`. Throws `not_found`. */
function tokenCalled(all: readonly Token[], idOrName: string): Token {
  const good = all.filter((token) => token.revokedAt === null);
  const isCalled = ({ name }: Token): boolean => name === idOrName;
  const found = all.find(({ id }) => id === idOrName) ?? good.find(isCalled) ?? all.findLast(isCalled);
  if (found !== undefined) return found;
  const near = didYouMean(
    idOrName,
    good.map(({ name }) => name),
  );
  throw new WindlassError("not_found", `there is no token "${idOrName}"${near}`);
}

function newToken(context: EngineContext, wanted: NewToken, by: Holder): { readonly token: Token; readonly secret: string } {
  const secret = SECRET_PREFIX + [...context.random.bytes(SECRET_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const token: Token = {
    id: context.newId("tok"),
    name: wanted.name,
    hash: context.sha256(secret),
    roles: [...new Set(wanted.roles)],
    permissions: [...new Set(wanted.permissions)],
    workspaces: wanted.workspaces === null ? null : [...new Set(wanted.workspaces)],
    createdBy: by.name,
    createdAt: context.now(),
    expiresAt: wanted.expiresAt,
    revokedBy: null,
    revokedAt: null,
    lastUsedAt: null,
  };
  return { token, secret };
}

/** Stores the time of a use at most once in USED_MS for each token, and lets no call wait for it. */
function useNotes(context: EngineContext): (token: Token) => void {
  const noted = new Map<string, number>();
  return ({ id, lastUsedAt }) => {
    const at = context.now();
    if (at - Math.max(noted.get(id) ?? 0, lastUsedAt ?? 0) < USED_MS) return;
    if (noted.size >= USED_MAX) noted.clear();
    noted.set(id, at);
    context.store.tokens.used(id, at).catch((error: unknown) => {
      context.logger.warn("the last use of a token could not be stored", { token: id, error: String(error) });
    });
  };
}

function demandActive(token: Token, now: number): void {
  const state = tokenStateOf(token, now);
  const { name, revokedBy, revokedAt, expiresAt } = token;
  if (state === "revoked")
    throw new WindlassError("unauthorized", `the token "${name}" was revoked by ${revokedBy} at ${iso(revokedAt)}; ask for a new one`);
  if (state === "expired") throw new WindlassError("unauthorized", `the token "${name}" expired at ${iso(expiresAt)}; ask for a new one`);
}

/** Looks at every character, whatever it has found. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < Math.min(a.length, b.length); i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

const iso = (at: number | null): string => (at === null ? "an unknown time" : new Date(at).toISOString());
