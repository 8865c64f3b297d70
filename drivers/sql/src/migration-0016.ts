/** What jobs do that find their concurrency key full. */
import type { Dialect } from "./migration.ts";

export function conflictsMigration({ text }: Dialect): readonly string[] {
  return [
    `ALTER TABLE jobs_live ADD COLUMN on_conflict ${text}`,
    "CREATE INDEX live_contending ON jobs_live (id) WHERE on_conflict IS NOT NULL",
  ];
}
