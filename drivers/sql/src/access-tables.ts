/**
 * Workspaces, roles, tokens and the audit: tables, and the statements that both drivers run. The audit is written much and
 * read seldom: its ids tell the time, so no index on time is kept.
 */
import {
  DEFAULT_WORKSPACE,
  encodeId,
  ID_ENTROPY_BYTES,
  isBuiltInRole,
  WindlassError,
  type AuditEntry,
  type Role,
  type Token,
  type Workspace,
} from "@windlass/kernel";
import type { AuditFilter } from "@windlass/ports";
import type { Placeholder, Query } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const workspacesTable = tableOf<Workspace>("workspaces", { name: "text", createdBy: "text", createdAt: "integer" });

export const rolesTable = tableOf<Role>("roles", { name: "text", permissions: "json", createdBy: "text", createdAt: "integer" });

export const tokensTable = tableOf<Token>("tokens", {
  id: "text",
  name: "text",
  hash: "text",
  roles: "json",
  permissions: "json",
  workspaces: "json",
  createdBy: "text",
  createdAt: "integer",
  expiresAt: "integer",
  revokedBy: "text",
  revokedAt: "integer",
  lastUsedAt: "integer",
});

export const auditTable = tableOf<AuditEntry>("audit", {
  id: "text",
  at: "integer",
  workspace: "text",
  actorId: "text",
  actorName: "text",
  operation: "text",
  object: "text",
  outcome: "text",
  requestId: "text",
});

/** Names have neither quotes nor wild cards in them, so one in a JSON list is found by its text. */
export function listing(name: string): string {
  return `%"${name}"%`;
}

/** The rows that a token needs to be there: of its roles those that somebody made, of its workspaces all but `default`. */
export function namedBy({ roles, workspaces }: Pick<Token, "roles" | "workspaces">): {
  readonly roles: string[];
  readonly workspaces: string[];
} {
  return {
    roles: roles.filter((name) => !isBuiltInRole(name)).toSorted(),
    workspaces: (workspaces ?? []).filter((name) => name !== DEFAULT_WORKSPACE).toSorted(),
  };
}

/** The rows of workspaces that must be there before something is stored in this one: `default` has none. */
export function rowsOfWorkspace(name: string): string[] {
  return name === DEFAULT_WORKSPACE ? [] : [name];
}

/** Throws `not_found` when one of those is absent: it was removed while something came into it. */
export function demandPresent(absent: readonly string[]): void {
  for (const name of absent) throw new WindlassError("not_found", `there is no workspace "${name}"`);
}

/** Every statement uses its values in order, each once. */
export function accessStatements(p: Placeholder) {
  const insert = (table: { readonly name: string; readonly columns: readonly unknown[]; list(): string }): string =>
    `INSERT INTO ${table.name} (${table.list()}) VALUES (${table.columns.map((_, i) => p(i + 1)).join(", ")}) ON CONFLICT DO NOTHING`;
  return {
    workspaces: `SELECT ${workspacesTable.list()} FROM workspaces ORDER BY name`,
    addWorkspace: insert(workspacesTable),
    hasJobs: `SELECT 1 FROM jobs WHERE workspace = ${p(1)} LIMIT 1`,
    hasDefinitions: `SELECT 1 FROM definitions WHERE workspace = ${p(1)} LIMIT 1`,
    hasWebhooks: `SELECT 1 FROM webhooks WHERE workspace = ${p(1)} LIMIT 1`,
    hasSchedules: `SELECT 1 FROM schedules WHERE workspace = ${p(1)} LIMIT 1`,
    hasSecrets: `SELECT 1 FROM secrets WHERE workspace = ${p(1)} LIMIT 1`,
    hasTokens: `SELECT 1 FROM tokens WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${p(1)}) AND workspaces LIKE ${p(2)} LIMIT 1`,
    removeQueues: `DELETE FROM queues WHERE name LIKE ${p(1)}`,
    removeWorkspace: `DELETE FROM workspaces WHERE name = ${p(1)}`,
    roles: `SELECT ${rolesTable.list()} FROM roles ORDER BY name`,
    addRole: insert(rolesTable),
    roleInUse: `SELECT 1 FROM tokens WHERE revoked_at IS NULL AND roles LIKE ${p(1)} LIMIT 1`,
    removeRole: `DELETE FROM roles WHERE name = ${p(1)}`,
    tokens: `SELECT ${tokensTable.list()} FROM tokens ORDER BY id`,
    tokenById: `SELECT ${tokensTable.list()} FROM tokens WHERE id = ${p(1)}`,
    tokenByHash: `SELECT ${tokensTable.list()} FROM tokens WHERE hash = ${p(1)}`,
    workspace: `SELECT name FROM workspaces WHERE name = ${p(1)}`,
    role: `SELECT name FROM roles WHERE name = ${p(1)}`,
    addToken: insert(tokensTable),
    revokeToken: `UPDATE tokens SET revoked_by = ${p(1)}, revoked_at = ${p(2)} WHERE id = ${p(3)} AND revoked_at IS NULL`,
    tokenUsed: `UPDATE tokens SET last_used_at = ${p(1)} WHERE id = ${p(2)}`,
    addAudit: insert(auditTable),
    pruneAudit: `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < ${p(1)} ORDER BY id LIMIT ${p(2)})`,
  } as const;
}

/** Ids never go back, and so run ahead of a clock that was put back; by more than this it is not done. */
const CLOCK_STEP_MS = 3_600_000;

/** The lowest id of an entry of that time. */
export function auditIdAt(time: number): string {
  return encodeId("aud", Math.max(0, time), new Uint8Array(ID_ENTROPY_BYTES));
}

/**
 * The statements of one list, newest first each; the first `filter.limit` of all their rows by id are the list. One for each
 * workspace: an index gives the entries of one in their order, and those of several would all be read and sorted.
 */
export function auditQueries(filter: AuditFilter, placeholder: Placeholder): readonly Query[] {
  if (filter.workspaces === null) return [auditQuery(filter, null, placeholder)];
  return [...new Set(filter.workspaces)].map((workspace) => auditQuery(filter, workspace, placeholder));
}

export function mergeAudit(lists: readonly (readonly AuditEntry[])[], limit: number): readonly AuditEntry[] {
  if (lists.length === 1) return lists[0] ?? [];
  return lists
    .flat()
    .toSorted((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, limit);
}

function auditQuery(filter: AuditFilter, workspace: string | null, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where = ["1 = 1"];
  if (workspace !== null) where.push(`workspace = ${value(workspace)}`);
  if (filter.actor !== undefined) where.push(`(actor_id = ${value(filter.actor)} OR actor_name = ${value(filter.actor)})`);
  if (filter.operation !== undefined) where.push(`operation = ${value(filter.operation)}`);
  if (filter.object !== undefined) where.push(`object = ${value(filter.object)}`);
  if (filter.outcome !== undefined) where.push(`outcome = ${value(filter.outcome)}`);
  if (filter.since !== undefined) where.push(`at >= ${value(filter.since)} AND id >= ${value(auditIdAt(filter.since))}`);
  if (filter.until !== undefined) where.push(`at < ${value(filter.until)} AND id < ${value(auditIdAt(filter.until + CLOCK_STEP_MS))}`);
  if (filter.after !== undefined) where.push(`id < ${value(filter.after)}`);
  const sql = `SELECT ${auditTable.list()} FROM audit WHERE ${where.join(" AND ")} ORDER BY id DESC LIMIT ${value(filter.limit)}`;
  return { sql, values };
}
