/** Workspaces, roles, tokens and the audit on PostgreSQL. */
import type pg from "pg";
import type { AuditEntry } from "@windlass/kernel";
import type { AuditStore, RoleStore, TokenStore, WorkspaceStore } from "@windlass/ports";
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
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";
import { transposed } from "./many-rows.ts";

const SQL = accessStatements((n) => `$${n}`);

export function workspaceStore(db: Querier, pool: pg.Pool): WorkspaceStore {
  return {
    list: async () => (await db.rows(SQL.workspaces)).map((row) => workspacesTable.decode(row)),
    add: async (workspace) => (await db.count(SQL.addWorkspace, workspacesTable.encode(workspace))) === 1,
    remove: (name, now) =>
      inTransaction(pool, async (tx) => {
        // Whoever stores something in it has the row until that is stored, and finds it gone afterwards.
        await tx.rows(`${SQL.workspace} FOR UPDATE`, [name]);
        if ((await tx.rows(SQL.hasJobs, [name])).length > 0) return "jobs";
        if ((await tx.rows(SQL.hasDefinitions, [name])).length > 0) return "workflows";
        if ((await tx.rows(SQL.hasWebhooks, [name])).length > 0) return "webhooks";
        if ((await tx.rows(SQL.hasSchedules, [name])).length > 0) return "schedules";
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
        await tx.rows(`${SQL.role} FOR UPDATE`, [name]);
        if ((await tx.rows(SQL.roleInUse, [listing(name)])).length > 0) return "in_use";
        return (await tx.count(SQL.removeRole, [name])) === 1 ? "removed" : "absent";
      }),
  };
}

/** Those of `names` that are not there; the others stay until the transaction ends. */
export async function absentWorkspaces(tx: Querier, names: readonly string[]): Promise<readonly string[]> {
  return names.length === 0 ? [] : absentOf(names, await tx.rows(HOLD_WORKSPACES, [names]));
}

/** Throws `not_found`; it stays until the transaction ends. */
export async function demandWorkspace(tx: Querier, name: string): Promise<void> {
  demandPresent(await absentWorkspaces(tx, rowsOfWorkspace(name)));
}

const HOLD_WORKSPACES = "SELECT name FROM workspaces WHERE name = ANY($1::text[]) ORDER BY name FOR KEY SHARE";
const HOLD_ROLES = "SELECT name FROM roles WHERE name = ANY($1::text[]) ORDER BY name FOR KEY SHARE";

function absentOf(names: readonly string[], rows: readonly (readonly unknown[])[]): readonly string[] {
  const there = new Set(rows.map(([name]) => name));
  return names.filter((name) => !there.has(name));
}

const TOKENS_BY_IDS = `SELECT ${tokensTable.list()} FROM tokens WHERE id = ANY($1::text[])`;

export function tokenStore(db: Querier, pool: pg.Pool): TokenStore {
  return {
    list: async () => (await db.rows(SQL.tokens)).map((row) => tokensTable.decode(row)),
    byHash: async (hash) => (await db.rows(SQL.tokenByHash, [hash])).map((row) => tokensTable.decode(row))[0] ?? null,
    byIds: async (ids) => (await db.rows(TOKENS_BY_IDS, [ids])).map((row) => tokensTable.decode(row)),
    add: (token) =>
      inTransaction(pool, async (tx) => {
        const { roles, workspaces } = namedBy(token);
        if (roles.length > 0 && absentOf(roles, await tx.rows(HOLD_ROLES, [roles])).length > 0) return "absent";
        if ((await absentWorkspaces(tx, workspaces)).length > 0) return "absent";
        return (await tx.count(SQL.addToken, tokensTable.encode(token))) === 1 ? "added" : "taken";
      }),
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
      const lists: AuditEntry[][] = [];
      for (const { sql, values } of auditQueries(filter, (n) => `$${n}`))
        lists.push((await db.once(sql, values)).map((row) => auditTable.decode(row)));
      return mergeAudit(lists, filter.limit);
    },
    prune: (before, limit) => db.count(SQL.pruneAudit, [auditIdAt(before), limit]),
  };
}
