/** Secrets, sealed. Keyed by what finds them; there are few, so nothing else is indexed. */
import type { Dialect } from "./migration.ts";

export function secretsMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE secrets (
      workspace ${text} NOT NULL, scope ${text} NOT NULL, name ${text} NOT NULL, version ${integer} NOT NULL, key_id ${text} NOT NULL,
      created_by ${text} NOT NULL, created_at ${integer} NOT NULL, changed_by ${text} NOT NULL, changed_at ${integer} NOT NULL,
      sealed ${text} NOT NULL, PRIMARY KEY (workspace, scope, name)
    )${keyedTable}`,
  ];
}
