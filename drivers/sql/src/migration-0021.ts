/** Definitions of which nothing new is taken: beside their versions, which never change. */
import type { Dialect } from "./migration.ts";

export function disabledMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE disabled_definitions (
      workspace ${text} NOT NULL, type ${text} NOT NULL, name ${text} NOT NULL,
      disabled_by ${text} NOT NULL, disabled_at ${integer} NOT NULL, reason ${text}, PRIMARY KEY (workspace, type, name)
    )${keyedTable}`,
  ];
}
