/** Who may do what, as it is stored. Rules are the kernel's and the engine's; a driver only keeps rows. */
import type { AuditEntry, Role, Token, Workspace } from "@windlass/kernel";

export interface WorkspaceStore {
  /** Those that somebody made, by name; `default` is none of them. */
  list(): Promise<readonly Workspace[]>;
  /** False when there is one of this name. */
  add(workspace: Workspace & { readonly createdBy: string; readonly createdAt: number }): Promise<boolean>;
  /**
   * Removes an empty workspace with the settings of its queues; otherwise tells the first thing that it has: jobs, workflows,
   * webhooks, secrets, or tokens that are still good at `now` and name it (they would open a later one of the same name).
   */
  remove(name: string, now: number): Promise<"removed" | "absent" | "jobs" | "workflows" | "webhooks" | "schedules" | "secrets" | "tokens">;
}

export interface RoleStore {
  /** By name. */
  list(): Promise<readonly Role[]>;
  /** False when there is one of this name. */
  add(role: Role): Promise<boolean>;
  /** `in_use`: a token that was not revoked names it. */
  remove(name: string): Promise<"removed" | "absent" | "in_use">;
}

export interface TokenStore {
  /** Also those that were revoked; oldest first. */
  list(): Promise<readonly Token[]>;
  byHash(hash: string): Promise<Token | null>;
  /** Those that are there, in any order. */
  byIds(ids: readonly string[]): Promise<readonly Token[]>;
  /**
   * `taken`: a token that was not revoked has this name. `absent`: a role or a workspace that it names is not there; those
   * that are there cannot go meanwhile, so none goes while a token names it.
   */
  add(token: Token): Promise<"added" | "taken" | "absent">;
  /** False when it is not there, or was revoked before. */
  revoke(id: string, by: string, at: number): Promise<boolean>;
  /** Notes that it was used. */
  used(id: string, at: number): Promise<void>;
}

export interface AuditFilter {
  /** Null: of all workspaces. */
  readonly workspaces: readonly string[] | null;
  /** Id or name of a token. */
  readonly actor?: string;
  readonly operation?: string;
  readonly object?: string;
  readonly outcome?: string;
  readonly since?: number;
  readonly until?: number;
  /** Continue behind this id, towards older ones. */
  readonly after?: string;
  readonly limit: number;
}

export interface AuditStore {
  add(entries: readonly AuditEntry[]): Promise<void>;
  /** Newest first. */
  list(filter: AuditFilter): Promise<readonly AuditEntry[]>;
  /** Removes up to `limit` entries older than `before`, by the time in their ids; returns how many. */
  prune(before: number, limit: number): Promise<number>;
}
