/** The fourth schema: answers that are given again when a call is repeated under its key. */
import type { Dialect } from "./migration.ts";

export function answersMigration({ text, integer, table }: Dialect): readonly string[] {
  return [
    `CREATE TABLE answers (
      workspace ${text} NOT NULL, principal ${text} NOT NULL, operation ${text} NOT NULL, idempotency_key ${text} NOT NULL,
      request_hash ${text} NOT NULL, holder ${text} NOT NULL, status ${integer}, body ${text}, expires_at ${integer} NOT NULL,
      PRIMARY KEY (workspace, principal, operation, idempotency_key)
    )${table}`,
    "CREATE INDEX answers_by_end ON answers (expires_at)",
  ];
}
