/**
 * Room in the pages of live jobs. PostgreSQL keeps the old version of a row beside the new one, and each job is written twice and then
 * gone: with room both lie in one page, and the index by id need not split its pages for the second one.
 */
import type { Dialect } from "./migration.ts";

export function roomMigration({ keepsVersions }: Dialect): readonly string[] {
  return keepsVersions ? ["ALTER TABLE jobs_live SET (fillfactor = 45)", "ALTER INDEX jobs_live_pkey SET (fillfactor = 50)"] : [];
}
