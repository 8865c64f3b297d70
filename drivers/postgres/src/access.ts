/** Workspaces, roles, tokens and the audit on PostgreSQL. */
import type pg from "pg";
import type { AuditStore, RoleStore, TokenStore, WorkspaceStore } from "@windlass/ports";
import { accessStatements, auditIdAt, auditQuery, auditTable, listing, rolesTable, tokensTable, workspacesTable } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";
import { transposed } from "./write-rows.ts";

const SQL = accessStatements((n) => `$${n}`);

export function workspaceStore(db: Querier, pool: pg.Pool): WorkspaceStore {
  return {
    list: async () => (await db.rows(SQL.workspaces)).map((row) => workspacesTable.decode(row)),
    add: async (workspace) => (await db.count(SQL.addWorkspace, workspacesTable.encode(workspace))) === 1,
    remove: (name, now) =>
      inTransaction(pool, async (tx) => {
        if ((await tx.rows(SQL.hasJobs, [name])).length > 0) return "jobs";
        if ((await tx.rows(SQL.hasDefinitions, [name])).length > 0) return "workflows";
        if ((await tx.rows(SQL.hasSecrets, [name])).length > 0) return "secrets";
        if ((await tx.rows(SQL.hasTokens, [now, listing(name)])).length > 0) return "tokens";
        await tx.rows(SQL.removeQueues, [`${name}:%`]);
        return (await tx.count(SQL.removeWorkspace, [name])) === 1 ? "removed" : "absent";
      }),
  };
}

export function roleStore(db: Querier, pool: pg.Pool): RoleStore {
  return {
    list: async () => (await db.rows(SQL.roles)).map((row) => rolesTable.decode(row)),
    add: async (role) => (await db.count(SQL.addRole, rolesTable.encode(role))) === 1,
    remove: (name) =>
      inTransaction(pool, async (tx) => {
        if ((await tx.rows(SQL.roleInUse, [listing(name)])).length > 0) return "in_use";
        return (await tx.count(SQL.removeRole, [name])) === 1 ? "removed" : "absent";
      }),
  };
}

export function tokenStore(db: Querier): TokenStore {
  return {
    list: async () => (await db.rows(SQL.tokens)).map((row) => tokensTable.decode(row)),
    byHash: async (hash) => (await db.rows(SQL.tokenByHash, [hash])).map((row) => tokensTable.decode(row))[0] ?? null,
    add: async (token) => (await db.count(SQL.addToken, tokensTable.encode(token))) === 1,
    revoke: async (id, by, at) => (await db.count(SQL.revokeToken, [by, at, id])) === 1,
    used: async (id, at) => void (await db.count(SQL.tokenUsed, [at, id])),
  };
}

const TYPES: Readonly<Record<string, string>> = { text: "text", integer: "bigint" };
const ADD_AUDIT = `INSERT INTO audit (${auditTable.list()}) SELECT * FROM unnest(${auditTable.columns
  .map(({ kind }, i) => `$${i + 1}::${TYPES[kind] ?? kind}[]`)
  .join(", ")}) ON CONFLICT DO NOTHING`;

export function auditStore(db: Querier): AuditStore {
  return {
    add: async (entries) => {
      if (entries.length > 0)
        await db.rows(
          ADD_AUDIT,
          transposed(
            entries.map((entry) => auditTable.encode(entry)),
            auditTable.columns.length,
          ),
        );
    },
    list: async (filter) => {
      const { sql, values } = auditQuery(filter, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => auditTable.decode(row));
    },
    prune: (before, limit) => db.count(SQL.pruneAudit, [auditIdAt(before), limit]),
  };
}
