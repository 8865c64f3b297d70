/** Secrets: the table, and the statements that both drivers run. Each uses its values in order, each once. */
import type { SealedSecret, Secret, SecretId } from "@windlass/kernel";
import type { SecretFilter } from "@windlass/ports";
import type { Placeholder, Query } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

const told = {
  workspace: "text",
  scope: "text",
  name: "text",
  version: "integer",
  keyId: "text",
  createdBy: "text",
  createdAt: "integer",
  changedBy: "text",
  changedAt: "integer",
} as const;

/** What lists show: what is sealed is not even read. */
export const secretsTable = tableOf<Secret>("secrets", told);
export const sealedTable = tableOf<SealedSecret>("secrets", { ...told, sealed: "text" });

const ID_IS = "workspace, scope, name";

export function secretStatements(placeholder: Placeholder) {
  const p = placeholder;
  return {
    add: `INSERT INTO secrets (${sealedTable.list()}) VALUES (${sealedTable.columns.map((_, i) => p(i + 1)).join(", ")}) ON CONFLICT DO NOTHING`,
    change: `UPDATE secrets SET version = ${p(1)}, key_id = ${p(2)}, changed_by = ${p(3)}, changed_at = ${p(4)}, sealed = ${p(5)}
      WHERE workspace = ${p(6)} AND scope = ${p(7)} AND name = ${p(8)} AND version = ${p(9)}`,
    remove: `DELETE FROM secrets WHERE workspace = ${p(1)} AND scope = ${p(2)} AND name = ${p(3)}`,
    reseal: `UPDATE secrets SET key_id = ${p(1)}, sealed = ${p(2)}
      WHERE workspace = ${p(3)} AND scope = ${p(4)} AND name = ${p(5)} AND version = ${p(6)} AND key_id = ${p(7)}`,
    sealedOtherwise: `SELECT ${sealedTable.list()} FROM secrets WHERE key_id <> ${p(1)} AND (${ID_IS}) > (${p(2)}, ${p(3)}, ${p(4)})
      ORDER BY ${ID_IS} LIMIT ${p(5)}`,
    keys: "SELECT key_id, count(*) FROM secrets GROUP BY key_id ORDER BY key_id",
  } as const;
}

export function idValues({ workspace, scope, name }: SecretId): SqlValue[] {
  return [workspace, scope, name];
}

/** The values of `change`. */
export function changeValues(secret: SealedSecret): SqlValue[] {
  const { version, keyId, changedBy, changedAt, sealed } = secret;
  return [version, keyId, changedBy, changedAt, sealed, ...idValues(secret), version - 1];
}

/** The values of `reseal`. */
export function resealValues(secret: SealedSecret, from: string): SqlValue[] {
  return [secret.keyId, secret.sealed, ...idValues(secret), secret.version, from];
}

/** The values of `sealedOtherwise`; no name is empty, so everything stands behind three empty texts. */
export function otherwiseValues(keyId: string, after: SecretId | null, limit: number): SqlValue[] {
  return [keyId, ...(after === null ? ["", "", ""] : idValues(after)), limit];
}

export function secretQuery({ workspace, scope, after, limit }: SecretFilter, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where = [`workspace = ${value(workspace)}`];
  if (scope !== undefined) where.push(`scope = ${value(scope)}`);
  if (after !== undefined) where.push(`(scope, name) > (${value(after.scope)}, ${value(after.name)})`);
  const sql = `SELECT ${secretsTable.list()} FROM secrets WHERE ${where.join(" AND ")} ORDER BY scope, name LIMIT ${value(limit)}`;
  return { sql, values };
}

export function findSecretsQuery(
  { workspace, scopes, names }: { readonly workspace: string; readonly scopes: readonly string[]; readonly names: readonly string[] },
  placeholder: Placeholder,
): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const sql = `SELECT ${sealedTable.list()} FROM secrets WHERE workspace = ${value(workspace)}
    AND scope IN (${scopes.map(value).join(", ")}) AND name IN (${names.map(value).join(", ")})`;
  return { sql, values };
}
