/** Secrets on PostgreSQL. */
import type pg from "pg";
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
import { demandWorkspace } from "./access.ts";
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";

const SQL = secretStatements((n) => `$${n}`);

export function secretStore(db: Querier, pool: pg.Pool): SecretStore {
  return {
    async list(filter) {
      const { sql, values } = secretQuery(filter, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => secretsTable.decode(row));
    },
    async find(wanted) {
      const { sql, values } = findSecretsQuery(wanted, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => sealedTable.decode(row));
    },
    put: (secret) =>
      inTransaction(pool, async (tx) => {
        await demandWorkspace(tx, secret.workspace);
        const changed = secret.version === 1 ? tx.count(SQL.add, sealedTable.encode(secret)) : tx.count(SQL.change, changeValues(secret));
        return (await changed) === 1;
      }),
    remove: async (id) => (await db.count(SQL.remove, idValues(id))) === 1,
    sealedOtherwise: async (keyId, { after, limit }) =>
      (await db.rows(SQL.sealedOtherwise, otherwiseValues(keyId, after, limit))).map((row) => sealedTable.decode(row)),
    reseal: async (secret, from) => (await db.count(SQL.reseal, resealValues(secret, from))) === 1,
    keys: async () => (await db.rows(SQL.keys)).map(([keyId, secrets]) => ({ keyId: keyId as string, secrets: Number(secrets) })),
  };
}
