/** How far those have come in the feed who tell others what happened. */
import type { Dialect } from "./migration.ts";

export function feedPlacesMigration({ text, keyedTable }: Dialect): readonly string[] {
  return [`CREATE TABLE feed_places (name ${text} NOT NULL PRIMARY KEY, feed_position ${text} NOT NULL)${keyedTable}`];
}
