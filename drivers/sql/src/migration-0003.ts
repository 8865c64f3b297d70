/**
 * What a claim and an end write, made less: rows of `jobs` lie in their primary key (SQLite), live jobs that are queued
 * are in the index of those who claim and not in the one by state, and one index finds what is held, by queue and session.
 */
import { jobsTableSql, jobsIndexes } from "./migration-0001.ts";
import type { Dialect } from "./migration.ts";

export function slimmerMigration(dialect: Dialect): readonly string[] {
  return [
    ...(dialect.rowsLieInKeys ? clustered(dialect) : []),
    "DROP INDEX live_session",
    "DROP INDEX live_held",
    "CREATE INDEX live_held ON jobs_live (queue, session) WHERE holder <> 'none'",
    "DROP INDEX live_state",
    "CREATE INDEX live_state ON jobs_live (state, id) WHERE state <> 'queued'",
  ];
}

/** SQLite's way to change how a table lies: another table, the rows, and the old name. Its indexes are made anew. */
function clustered(dialect: Dialect): string[] {
  return [
    "ALTER TABLE jobs RENAME TO jobs_before",
    jobsTableSql(dialect, dialect.keyedTable),
    "INSERT INTO jobs SELECT * FROM jobs_before",
    "DROP TABLE jobs_before",
    ...jobsIndexes,
  ];
}
