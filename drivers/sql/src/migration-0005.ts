/** Which server has the logs of a place, and how others ask it. */
import type { Dialect } from "./migration.ts";

export function placesMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE places (
      place ${text} NOT NULL PRIMARY KEY, host ${text} NOT NULL, url ${text} NOT NULL, secret ${text} NOT NULL, seen_at ${integer} NOT NULL
    )${keyedTable}`,
  ];
}
