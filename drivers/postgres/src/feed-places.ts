/** Places in the feed that are kept, on PostgreSQL. */
import type { FeedPlaceStore } from "@windlass/ports";
import { feedPlaceStatements } from "@windlass/sql";
import type { Querier } from "./connection.ts";

const SQL = feedPlaceStatements((n) => `$${n}`);

export function feedPlaceStore(db: Querier): FeedPlaceStore {
  return {
    async get(name) {
      const [row] = await db.rows(SQL.get, [name]);
      return row === undefined ? null : String(row[0]);
    },
    async move(name, { from, to }) {
      return (from === null ? await db.count(SQL.add, [to, name]) : await db.count(SQL.move, [to, name, from])) === 1;
    },
  };
}
