/** Secrets on PostgreSQL. */
import type { SecretStore } from "@windlass/ports";
import {
  changeValues,
  findSecretsQuery,
  idValues,
  otherwiseValues,
  resealValues,
  sealedTable,
  secretQuery,
  secretStatements,
  secretsTable,
} from "@windlass/sql";
import type { Querier } from "./connection.ts";

const SQL = secretStatements((n) => `$${n}`);

export function secretStore(db: Querier): SecretStore {
  return {
    async list(filter) {
      const { sql, values } = secretQuery(filter, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => secretsTable.decode(row));
    },
    async find(wanted) {
      const { sql, values } = findSecretsQuery(wanted, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => sealedTable.decode(row));
    },
    async put(secret) {
      const changed = secret.version === 1 ? db.count(SQL.add, sealedTable.encode(secret)) : db.count(SQL.change, changeValues(secret));
      return (await changed) === 1;
    },
    remove: async (id) => (await db.count(SQL.remove, idValues(id))) === 1,
    sealedOtherwise: async (keyId, { after, limit }) =>
      (await db.rows(SQL.sealedOtherwise, otherwiseValues(keyId, after, limit))).map((row) => sealedTable.decode(row)),
    reseal: async (secret, from) => (await db.count(SQL.reseal, resealValues(secret, from))) === 1,
    keys: async () => (await db.rows(SQL.keys)).map(([keyId, secrets]) => ({ keyId: keyId as string, secrets: Number(secrets) })),
  };
}
