/**
 * What every call asks about who asks: tokens by their hash, roles and workspaces, read from the store and kept a moment.
 *
 * A1. What this process changes counts at once here: `changed` empties the cache before the change has an answer. Other
 *     processes hear of it by the bus, and without it no later than CACHE_MS.
 * A2. What was read before a change is not kept after it (`generation`).
 */
import { DEFAULT_WORKSPACE, permissionsOf, type Grant, type Role, type Token, type Workspace } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

/** How long another process may go on believing what it read. */
const CACHE_MS = 2_000;
/** Tokens that are remembered; those who use more at once ask the store. */
const TOKENS_MAX = 1_000;

/** Somebody who asks: a token, or the admin of the data folder. */
export interface Holder extends Grant {
  readonly id: string;
  readonly name: string;
  /** The only execution whose steps it may carry out; left out: it is no runner. */
  readonly execution?: string;
}

interface Lists {
  readonly readAt: number;
  readonly roles: readonly Role[];
  /** `default` first. */
  readonly workspaces: readonly Workspace[];
}

interface KnownToken {
  readonly token: Token;
  readonly holder: Holder;
  readonly readAt: number;
}

export interface AccessCache {
  lists(): Promise<Lists>;
  token(hash: string): Promise<Pick<KnownToken, "token" | "holder"> | null>;
  /** Reads everything again when it is asked for the next time. */
  forget(): void;
  /** The same here and in all other processes: after every change. */
  changed(): void;
  close(): void;
}

const DEFAULT: Workspace = { name: DEFAULT_WORKSPACE, createdBy: null, createdAt: null };

export function accessCache({ store, clock, bus }: EngineContext): AccessCache {
  const known = new Map<string, KnownToken>();
  let kept: Lists | null = null;
  let generation = 0;
  const forget = (): void => {
    generation++;
    known.clear();
    kept = null;
  };
  const isFresh = ({ readAt }: { readonly readAt: number }): boolean => clock.monotonic() - readAt < CACHE_MS;
  const lists = async (): Promise<Lists> => {
    if (kept !== null && isFresh(kept)) return kept;
    const [readAt, before] = [clock.monotonic(), generation];
    const [roles, workspaces] = await Promise.all([store.roles.list(), store.workspaces.list()]);
    const read = { readAt, roles, workspaces: [DEFAULT, ...workspaces] };
    if (before === generation) kept = read;
    return read;
  };
  return {
    lists,
    forget,
    async token(hash) {
      const cached = known.get(hash);
      if (cached !== undefined && isFresh(cached)) return cached;
      const [readAt, before] = [clock.monotonic(), generation];
      const token = await store.tokens.byHash(hash);
      if (token === null) return null;
      const { id, name, workspaces } = token;
      const read = { token, holder: { id, name, workspaces, permissions: permissionsOf(token, (await lists()).roles) }, readAt };
      if (before === generation) {
        if (known.size >= TOKENS_MAX) known.clear();
        known.set(hash, read);
      }
      return read;
    },
    changed() {
      forget();
      bus.publish("access", "");
    },
    close: bus.subscribe("access", forget),
  };
}
