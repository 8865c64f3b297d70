/**
 * What many jobs did alike, in one row: PostgreSQL spent a quarter of a drained job on the rows of its events and their three index
 * entries each. What is in the rows is written and read by event-groups.ts of drivers/postgres alone.
 */
import type { Dialect } from "./migration.ts";

export function eventGroupsMigration({ numbersEvents, text, integer }: Dialect): readonly string[] {
  if (!numbersEvents) return [];
  return [
    `CREATE TABLE event_groups (
      mark ${integer} NOT NULL, position ${integer} NOT NULL PRIMARY KEY, found_at ${integer} NOT NULL, at ${integer} NOT NULL, type ${text} NOT NULL,
      seq ${integer} NOT NULL, attempt ${integer}, data ${text}, size ${integer} NOT NULL, jobs_left ${integer} NOT NULL, job_ids TEXT[] COLLATE "C" NOT NULL
    )`,
    // Lists are read in every page of the feed: they lie as they are. How long one is says `size`, without fetching it.
    "ALTER TABLE event_groups ALTER COLUMN job_ids SET STORAGE EXTERNAL",
    "CREATE INDEX event_groups_feed ON event_groups (mark, position)",
    "CREATE INDEX event_groups_by_time ON event_groups (found_at)",
    `CREATE TABLE event_times (job_id ${text} NOT NULL, at ${integer} NOT NULL, PRIMARY KEY (job_id, at))`,
  ];
}
