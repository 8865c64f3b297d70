/**
 * Who asks, in which workspace, and whether they may. A plain function of the headers, for every way in: a request, an
 * upgrade to a WebSocket.
 */
import { hash, timingSafeEqual } from "node:crypto";
import { WORKSPACE_HEADER } from "@windlass/contract";
import { ADMIN, type Access, type Holder } from "@windlass/engine";
import { DEFAULT_WORKSPACE, hasCode, permissions, whoHas, WindlassError, type Permission } from "@windlass/kernel";
import type { Strangers } from "./strangers.ts";

export interface Principal extends Holder {
  /** Of this call: it exists, and the holder may use it. */
  readonly workspace: string;
  may(permission: Permission): boolean;
  /** False once its token was revoked or has expired. Cheap: for what lasts longer than one answer to ask often. */
  isGood(): Promise<boolean>;
}

export type Headers = Pick<globalThis.Headers, "get">;

/**
 * Throws `unauthorized` for a token that opens nothing, `rate_limited` when too many such came from the address, `not_found`
 * for a workspace that is not there for it. `address`: of who is at the other end of the socket, as far as there is one.
 */
export type Authenticate = (headers: Headers, address?: string | null) => Promise<Principal>;

/** Tokens that Windlass makes are shorter. */
const SHORT_BYTES = 256;
const ADMIN_HOLDER: Holder = { id: ADMIN, name: ADMIN, permissions: new Set(permissions), workspaces: null };

export interface AuthenticatorParts {
  readonly adminToken: string;
  readonly access: Access;
  readonly strangers: Strangers;
}

export function authenticator({ adminToken, access, strangers }: AuthenticatorParts): Authenticate {
  if (adminToken.length < 16) throw new WindlassError("internal", "the admin token is too short");
  const isAdminToken = comparing(adminToken);
  return async (headers, address = null) => {
    const secret = secretOf(headers);
    const isAdmin = isAdminToken(secret);
    const holder = isAdmin ? ADMIN_HOLDER : await strangers.lookUp(secret, address, () => access.tokens.holderOf(secret));
    const workspace = headers.get(WORKSPACE_HEADER) ?? usualWorkspaceOf(holder);
    if (workspace !== DEFAULT_WORKSPACE || holder.workspaces !== null) await access.workspaces.demand(workspace, holder);
    return {
      ...holder,
      workspace,
      may: (permission) => holder.permissions.has(permission),
      isGood: async () => isAdmin || opens(access, secret),
    };
  };
}

/** Throws `forbidden`, which says what is missing and who has it. */
export function demand(
  { name, workspaces, may }: Pick<Principal, "name" | "workspaces" | "may">,
  { permission, reach, id }: { readonly permission: Permission; readonly reach?: "workspace" | "server"; readonly id: string },
): void {
  if (!may(permission)) {
    const message = `${id} needs the permission ${permission}, which the token "${name}" lacks; ${whoHas(permission)}`;
    throw new WindlassError("forbidden", message);
  }
  if (reach === "server" && workspaces !== null) {
    throw new WindlassError(
      "forbidden",
      `${id} concerns all workspaces, and the token "${name}" is for ${workspaces.join(", ")} only; a token for all of them may do it`,
    );
  }
}

async function opens(access: Access, secret: string): Promise<boolean> {
  try {
    await access.tokens.holderOf(secret);
    return true;
  } catch (error) {
    if (hasCode(error, "unauthorized")) return false;
    throw error;
  }
}

function secretOf(headers: Headers): string {
  const authorization = headers.get("authorization");
  if (authorization === null)
    throw new WindlassError(
      "unauthorized",
      "this needs a token: send the header Authorization: Bearer <token>, or give the CLI --token or WINDLASS_TOKEN",
    );
  const secret = /^Bearer +([^ ]+) *$/iu.exec(authorization)?.[1];
  if (secret === undefined) throw new WindlassError("unauthorized", "the header Authorization must be: Bearer <token>");
  return secret;
}

function usualWorkspaceOf({ name, workspaces }: Holder): string {
  if (workspaces === null || workspaces.includes(DEFAULT_WORKSPACE)) return DEFAULT_WORKSPACE;
  const [only, ...others] = workspaces;
  if (only !== undefined && others.length === 0) return only;
  throw new WindlassError(
    "bad_request",
    `the token "${name}" is for the workspaces ${workspaces.join(", ")}; say which with the header Windlass-Workspace, or give the CLI --workspace or WINDLASS_WORKSPACE`,
  );
}

/**
 * Compares with a secret, in constant time: neither its length nor its beginning can be found out by the clock. What is long is
 * compared by its hash, which takes longer than all else that is done to know who asks.
 */
function comparing(secret: string): (given: string) => boolean {
  const isShort = (text: string): boolean => Buffer.byteLength(text) <= SHORT_BYTES;
  if (!isShort(secret)) {
    const expected = sha256(secret);
    return (given) => timingSafeEqual(sha256(given), expected);
  }
  const [expected, room] = [Buffer.alloc(SHORT_BYTES + 2), Buffer.alloc(SHORT_BYTES + 2)];
  const lay = (into: Buffer, text: string): void => void into.writeUInt16LE(into.write(text, 2), 0);
  lay(expected, secret);
  return (given) => {
    if (!isShort(given)) return false;
    lay(room, given);
    const isSame = timingSafeEqual(room, expected);
    // What opens something does not lie about in the memory.
    room.fill(0);
    return isSame;
  };
}

function sha256(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
