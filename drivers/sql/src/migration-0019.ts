/**
 * The intake of SQLite: jobs that were acknowledged and do not lie in their tables yet, in the order in which they came. Its
 * rows go with the next change of another kind, so it is empty most of the time. PostgreSQL has none.
 */
import type { Dialect } from "./migration.ts";

export function intakeMigration({ hasIntake, text, integer, table }: Dialect): readonly string[] {
  return hasIntake ? [`CREATE TABLE intake (number ${integer} NOT NULL PRIMARY KEY, made ${text} NOT NULL)${table}`] : [];
}
