/** Dead letters, and concurrency keys that are removed when nobody uses them. */
import type { Dialect } from "./migration.ts";

export function deadLettersMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `ALTER TABLE jobs ADD COLUMN dead_letter ${integer}`,
    `CREATE TABLE dead_letters (
      job_id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, queue ${text} NOT NULL, name ${text} NOT NULL,
      outcome ${text} NOT NULL, reason ${text} NOT NULL, message ${text}, attempts ${integer} NOT NULL, died_at ${integer} NOT NULL,
      redrives ${integer} NOT NULL, redriven_at ${integer}, redriven_by ${text}, redriven_as ${text}
    )${keyedTable}`,
    "CREATE INDEX dead_letters_by_queue ON dead_letters (workspace, queue, job_id)",
    // Whether anybody still uses a key; only jobs that have one are in it.
    "CREATE INDEX live_key ON jobs_live (concurrency_key) WHERE concurrency_key IS NOT NULL",
  ];
}
