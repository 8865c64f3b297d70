/** The second schema: workspaces, roles, tokens, and who changed what. */
import type { Dialect } from "./migration.ts";

export function accessMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE workspaces (name ${text} NOT NULL PRIMARY KEY, created_by ${text} NOT NULL, created_at ${integer} NOT NULL)${keyedTable}`,
    `CREATE TABLE roles (
      name ${text} NOT NULL PRIMARY KEY, permissions ${text} NOT NULL, created_by ${text} NOT NULL, created_at ${integer} NOT NULL
    )${keyedTable}`,
    `CREATE TABLE tokens (
      id ${text} NOT NULL PRIMARY KEY, name ${text} NOT NULL, hash ${text} NOT NULL, roles ${text} NOT NULL, permissions ${text} NOT NULL,
      workspaces ${text}, created_by ${text} NOT NULL, created_at ${integer} NOT NULL, expires_at ${integer}, revoked_by ${text},
      revoked_at ${integer}, last_used_at ${integer}
    )${keyedTable}`,
    "CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash)",
    "CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL",
    `CREATE TABLE audit (
      id ${text} NOT NULL PRIMARY KEY, at ${integer} NOT NULL, workspace ${text} NOT NULL, actor_id ${text} NOT NULL, actor_name ${text} NOT NULL,
      operation ${text} NOT NULL, object ${text}, outcome ${text} NOT NULL, request_id ${text} NOT NULL
    )${keyedTable}`,
    "CREATE INDEX audit_by_workspace ON audit (workspace, id)",
    "CREATE INDEX audit_by_object ON audit (object, id) WHERE object IS NOT NULL",
  ];
}
