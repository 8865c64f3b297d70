/** Secrets on SQLite. */
import type { SealedSecret, Secret, SecretId } from "@windlass/kernel";
import type { SecretFilter, SecretStore } from "@windlass/ports";
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
import type { Database } from "./database.ts";

const SQL = secretStatements(() => "?");

export function listSecrets(db: Database, filter: SecretFilter): Secret[] {
  const { sql, values } = secretQuery(filter, () => "?");
  return db.all(sql, values).map((row) => secretsTable.decode(row));
}

export function findSecrets(db: Database, wanted: Parameters<SecretStore["find"]>[0]): SealedSecret[] {
  const { sql, values } = findSecretsQuery(wanted, () => "?");
  return db.all(sql, values).map((row) => sealedTable.decode(row));
}

export function putSecret(db: Database, secret: SealedSecret): boolean {
  demandWorkspace(db, secret.workspace);
  const changed = secret.version === 1 ? db.run(SQL.add, sealedTable.encode(secret)) : db.run(SQL.change, changeValues(secret));
  return changed === 1;
}

export function removeSecret(db: Database, id: SecretId): boolean {
  return db.run(SQL.remove, idValues(id)) === 1;
}

export function secretsSealedOtherwise(
  db: Database,
  keyId: string,
  { after, limit }: { readonly after: SecretId | null; readonly limit: number },
): SealedSecret[] {
  return db.all(SQL.sealedOtherwise, otherwiseValues(keyId, after, limit)).map((row) => sealedTable.decode(row));
}

export function resealSecret(db: Database, secret: SealedSecret, from: string): boolean {
  return db.run(SQL.reseal, resealValues(secret, from)) === 1;
}

export function secretKeys(db: Database): Awaited<ReturnType<SecretStore["keys"]>> {
  return db.all(SQL.keys).map(([keyId, secrets]) => ({ keyId: keyId as string, secrets: secrets as number }));
}
