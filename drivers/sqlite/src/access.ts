/** Workspaces, roles, tokens and the audit on SQLite. */
import type { AuditEntry, Role, Token, Workspace } from "@windlass/kernel";
import type { AuditFilter, RoleStore, TokenStore, WorkspaceStore } from "@windlass/ports";
import {
  accessStatements,
  auditIdAt,
  auditQueries,
  auditTable,
  demandPresent,
  listing,
  mergeAudit,
  namedBy,
  rolesTable,
  rowsOfWorkspace,
  tokensTable,
  workspacesTable,
} from "@windlass/sql";
import type { Database } from "./database.ts";

const SQL = accessStatements(() => "?");

export function listWorkspaces(db: Database): Workspace[] {
  return db.all(SQL.workspaces).map((row) => workspacesTable.decode(row));
}

export function addWorkspace(db: Database, workspace: Workspace): boolean {
  return db.run(SQL.addWorkspace, workspacesTable.encode(workspace)) === 1;
}

export function removeWorkspace(db: Database, name: string, now: number): Awaited<ReturnType<WorkspaceStore["remove"]>> {
  if (db.get(SQL.hasJobs, [name]) !== undefined) return "jobs";
  if (db.get(SQL.hasDefinitions, [name]) !== undefined) return "workflows";
  if (db.get(SQL.hasWebhooks, [name]) !== undefined) return "webhooks";
  if (db.get(SQL.hasSchedules, [name]) !== undefined) return "schedules";
  if (db.get(SQL.hasSecrets, [name]) !== undefined) return "secrets";
  if (db.get(SQL.hasTokens, [now, listing(name)]) !== undefined) return "tokens";
  db.run(SQL.removeQueues, [`${name}:%`]);
  return db.run(SQL.removeWorkspace, [name]) === 1 ? "removed" : "absent";
}

export function listRoles(db: Database): Role[] {
  return db.all(SQL.roles).map((row) => rolesTable.decode(row));
}

export function addRole(db: Database, role: Role): boolean {
  return db.run(SQL.addRole, rolesTable.encode(role)) === 1;
}

export function removeRole(db: Database, name: string): Awaited<ReturnType<RoleStore["remove"]>> {
  if (db.get(SQL.roleInUse, [listing(name)]) !== undefined) return "in_use";
  return db.run(SQL.removeRole, [name]) === 1 ? "removed" : "absent";
}

export function listTokens(db: Database): Token[] {
  return db.all(SQL.tokens).map((row) => tokensTable.decode(row));
}

export function tokenByHash(db: Database, hash: string): Token | null {
  const row = db.get(SQL.tokenByHash, [hash]);
  return row === undefined ? null : tokensTable.decode(row);
}

export function tokensByIds(db: Database, ids: readonly string[]): Token[] {
  return ids.flatMap((id) => db.all(SQL.tokenById, [id])).map((row) => tokensTable.decode(row));
}

export function addToken(db: Database, token: Token): Awaited<ReturnType<TokenStore["add"]>> {
  const { roles, workspaces } = namedBy(token);
  if (roles.some((name) => db.get(SQL.role, [name]) === undefined)) return "absent";
  if (absentWorkspaces(db, workspaces).length > 0) return "absent";
  return db.run(SQL.addToken, tokensTable.encode(token)) === 1 ? "added" : "taken";
}

/** Within a write transaction the others stay. */
export function absentWorkspaces(db: Database, names: readonly string[]): readonly string[] {
  return names.filter((name) => db.get(SQL.workspace, [name]) === undefined);
}

/** Throws `not_found`. Within a write transaction it stays. */
export function demandWorkspace(db: Database, name: string): void {
  demandPresent(absentWorkspaces(db, rowsOfWorkspace(name)));
}

export function revokeToken(db: Database, { id, by, at }: { readonly id: string; readonly by: string; readonly at: number }): boolean {
  return db.run(SQL.revokeToken, [by, at, id]) === 1;
}

export function tokenUsed(db: Database, id: string, at: number): void {
  db.run(SQL.tokenUsed, [at, id]);
}

export function addAudit(db: Database, entries: readonly AuditEntry[]): void {
  for (const entry of entries) db.run(SQL.addAudit, auditTable.encode(entry));
}

export function listAudit(db: Database, filter: AuditFilter): readonly AuditEntry[] {
  const queries = auditQueries(filter, () => "?");
  const lists = queries.map(({ sql, values }) => db.all(sql, values).map((row) => auditTable.decode(row)));
  return mergeAudit(lists, filter.limit);
}

export function pruneAudit(db: Database, before: number, limit: number): number {
  return db.run(SQL.pruneAudit, [auditIdAt(before), limit]);
}
