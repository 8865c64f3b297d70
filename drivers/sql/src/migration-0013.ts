/** What is known of attempts that go on outside. */
import type { Dialect } from "./migration.ts";

export function observedMigration({ text }: Dialect): readonly string[] {
  return [`ALTER TABLE jobs_live ADD COLUMN observed ${text}`];
}
