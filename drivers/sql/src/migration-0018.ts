/** Why a schedule could not be decided about, and the ledger by its age: what is old is found without looking at the rest. */
import type { Dialect } from "./migration.ts";

export function failingSchedulesMigration({ text }: Dialect): readonly string[] {
  return [`ALTER TABLE schedule_cursors ADD COLUMN failing ${text}`, "CREATE INDEX occurrences_by_age ON occurrences (decided_at)"];
}
