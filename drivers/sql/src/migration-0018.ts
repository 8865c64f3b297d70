/**
 * Why a schedule could not be decided about. What is due is walked in pages, and the ledger by its age: what is old is found without
 * looking at the rest.
 */
import type { Dialect } from "./migration.ts";

export function failingSchedulesMigration({ text }: Dialect): readonly string[] {
  return [
    `ALTER TABLE schedule_cursors ADD COLUMN failing ${text}`,
    "DROP INDEX schedules_due",
    "CREATE INDEX schedules_due ON schedule_cursors (next_at, schedule_id) WHERE next_at IS NOT NULL",
    "CREATE INDEX occurrences_by_age ON occurrences (decided_at)",
  ];
}
