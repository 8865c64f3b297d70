/** Places in the feed that are kept, on SQLite. */
import type { FeedStep } from "@windlass/ports";
import { feedPlaceStatements } from "@windlass/sql";
import type { Database } from "./database.ts";

const SQL = feedPlaceStatements(() => "?");

export function getFeedPlace(db: Database, name: string): string | null {
  const [position] = db.get(SQL.get, [name]) ?? [];
  return typeof position === "string" ? position : null;
}

export function moveFeedPlace(db: Database, name: string, { from, to }: FeedStep): boolean {
  return (from === null ? db.run(SQL.add, [to, name]) : db.run(SQL.move, [to, name, from])) === 1;
}
