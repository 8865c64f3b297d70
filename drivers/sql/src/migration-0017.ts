/** Schedules, their cursors, and the ledger of their occurrences. */
import type { Dialect } from "./migration.ts";

export function schedulesMigration({ text, integer, table, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE schedules (
      id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, name ${text} NOT NULL, timing ${text} NOT NULL, overlap ${text} NOT NULL,
      catch_up ${text} NOT NULL, template ${text} NOT NULL, input ${text}, labels ${text} NOT NULL,
      paused ${integer} NOT NULL, paused_by ${text}, paused_at ${integer}, paused_reason ${text}, source ${text},
      created_by ${text} NOT NULL, created_at ${integer} NOT NULL, changed_by ${text} NOT NULL, changed_at ${integer} NOT NULL, revision ${integer} NOT NULL, may_command ${integer} NOT NULL
    )${table}`,
    "CREATE UNIQUE INDEX schedules_by_name ON schedules (workspace, name)",
    `CREATE TABLE schedule_cursors (
      schedule_id ${text} NOT NULL PRIMARY KEY, at ${integer} NOT NULL, next_at ${integer}, running ${text} NOT NULL, waiting ${text} NOT NULL,
      wakes ${integer} NOT NULL, revision ${integer} NOT NULL
    )${keyedTable}`,
    "CREATE INDEX schedules_due ON schedule_cursors (next_at) WHERE next_at IS NOT NULL",
    `CREATE TABLE occurrences (
      schedule_id ${text} NOT NULL, nominal_at ${integer} NOT NULL, run ${text} NOT NULL, workspace ${text} NOT NULL, last_at ${integer} NOT NULL,
      count ${integer} NOT NULL, origin ${text} NOT NULL, due_at ${integer} NOT NULL, decision ${text} NOT NULL, reason ${text} NOT NULL,
      message ${text}, job_id ${text}, behind ${text}, into_at ${integer}, decided_at ${integer} NOT NULL, settled_at ${integer},
      PRIMARY KEY (schedule_id, nominal_at, run)
    )${keyedTable}`,
    `ALTER TABLE jobs_live ADD COLUMN schedule_id ${text}`,
  ];
}
