/** Who may do what, as data and pure functions: workspaces, roles, tokens, and what a token comes to. */
import { isBuiltInRole, isPermission, permissionsOfRole, type Permission } from "./permission.ts";

export interface Workspace {
  readonly name: string;
  /** Null for `default`, which nobody made. */
  readonly createdBy: string | null;
  readonly createdAt: number | null;
}

/** A role that somebody made. */
export interface Role {
  readonly name: string;
  /** What it was made with; one that this version does not know gives nothing. */
  readonly permissions: readonly string[];
  readonly createdBy: string;
  readonly createdAt: number;
}

/** A token without its secret, of which only the hash is kept. */
export interface Token {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the secret. */
  readonly hash: string;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  /** Null: all, also those that are made later. */
  readonly workspaces: readonly string[] | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly revokedBy: string | null;
  readonly revokedAt: number | null;
  /** To about a minute. */
  readonly lastUsedAt: number | null;
}

/** What somebody may do, and where. */
export interface Grant {
  readonly permissions: ReadonlySet<Permission>;
  /** Null: in all workspaces. */
  readonly workspaces: readonly string[] | null;
}

/** A role that is not there (any more) gives nothing. */
export function permissionsOf(
  { roles, permissions }: Pick<Token, "roles" | "permissions">,
  custom: readonly Role[],
): ReadonlySet<Permission> {
  const named = roles.flatMap((name): readonly string[] =>
    isBuiltInRole(name) ? permissionsOfRole(name) : (custom.find((role) => role.name === name)?.permissions ?? []),
  );
  return new Set([...named, ...permissions].filter(isPermission));
}

/** Whether `workspaces` lie within those of the grant. */
export function reaches({ workspaces: own }: Pick<Grant, "workspaces">, workspaces: readonly string[] | null): boolean {
  return own === null || (workspaces !== null && workspaces.every((name) => own.includes(name)));
}

/** What of `wanted` the grant does not have: nobody may give more than that. */
export function exceeding(
  own: Grant,
  wanted: Grant,
): { readonly permissions: readonly Permission[]; readonly workspaces: readonly string[] } {
  return {
    permissions: [...wanted.permissions].filter((permission) => !own.permissions.has(permission)),
    workspaces: own.workspaces === null ? [] : (wanted.workspaces ?? ["all"]).filter((name) => !(own.workspaces ?? []).includes(name)),
  };
}

export type TokenState = "active" | "expired" | "revoked";

export function tokenStateOf({ revokedAt, expiresAt }: Pick<Token, "revokedAt" | "expiresAt">, now: number): TokenState {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= now ? "expired" : "active";
}

/** One row for each call that changed something, or was refused it. Holds neither bodies nor secrets. */
export interface AuditEntry {
  readonly id: string;
  readonly at: number;
  readonly workspace: string;
  /** Id and name of the token. */
  readonly actorId: string;
  readonly actorName: string;
  readonly operation: string;
  /** Id or name of what it was about; null when there is no such thing. */
  readonly object: string | null;
  /** `ok`, or the code of the refusal. */
  readonly outcome: string;
  readonly requestId: string;
}
