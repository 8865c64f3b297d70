/**
 * The claims of SQLite that were answered and do not stand in the tables yet. What is in the rows is written and read by
 * held-claims.ts of drivers/sqlite alone.
 */
import type { Dialect } from "./migration.ts";

export function heldClaimsMigration({ hasIntake, text, integer, table }: Dialect): readonly string[] {
  return hasIntake ? [`CREATE TABLE held_claims (number ${integer} NOT NULL PRIMARY KEY, claimed ${text} NOT NULL)${table}`] : [];
}
