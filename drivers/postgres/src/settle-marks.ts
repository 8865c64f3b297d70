/**
 * Brings the log of events into the numbers of this cluster: after a restore into another one, the transaction numbers that mark
 * the events may be greater than all that are still to come, and what happens next would sort before them.
 *
 * M1. All events become old together, which keeps their order; so do the places in the log up to which others have been told.
 * M2. Nothing is passed over: a place is set before the first event that lay behind it. What was told of may be told again.
 */
import { MARK_DIGITS } from "./feed-position.ts";

/** What is no place of ours is left as it is. */
const isPlace = (text: string): string => `${text} ~ '^[0-9]{${MARK_DIGITS}}-[0-9]{${MARK_DIGITS}}$'`;
const COMING = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
const OLD = "0".repeat(MARK_DIGITS);
const digits = (number: string): string => `lpad((${number})::text, ${MARK_DIGITS}, '0')`;
const markIn = (place: string): string => `left(${place}, ${MARK_DIGITS})`;
const positionIn = (place: string): string => `substr(${place}, ${MARK_DIGITS + 2})::numeric`;

/** What has events, and where the first of a row stands. */
const LOGS: Readonly<Record<string, string>> = { events: "position", event_groups: "position - size + 1" };

/** Before the first event that lies behind a place; of a group it is told again from its beginning. See M2. What was written since, with smaller numbers than the place has, lies behind it by its position. */
function settled(place: string, logs: readonly string[]): string {
  const firsts = logs.map(
    (table) =>
      `(SELECT min(${LOGS[table] ?? ""}) - 1 FROM ${table} WHERE (mark, position) > (${markIn(place)}::numeric, ${positionIn(place)}))`,
  );
  return `'${OLD}-' || ${digits(`coalesce(least(${firsts.join(", ")}), ${positionIn(place)})`)}`;
}

/** Where places in the log are kept. */
const PLACES: readonly (readonly [table: string, column: string])[] = [
  ["feed_places", "feed_position"],
  ["webhooks", "position"],
];

/**
 * One statement: each part of it sees what was there before. Without effect where the numbers are of this cluster. `tables`: those that
 * there are, which is not all of them in a back-up of an older Windlass.
 */
export function settleMarks(tables: ReadonlySet<string>): string {
  const logs = Object.keys(LOGS).filter((table) => tables.has(table));
  const places = PLACES.filter(([table]) => tables.has(table));
  const are = "(SELECT are_there FROM foreign_numbers)";
  const foreign = [
    ...logs.map((table) => `EXISTS (SELECT 1 FROM ${table} WHERE mark > ${COMING})`),
    ...places.map(
      ([table, column]) => `EXISTS (SELECT 1 FROM ${table} WHERE ${isPlace(column)} AND ${markIn(column)} > ${digits(COMING)})`,
    ),
  ];
  const changes = [
    ...places.map(
      ([table, column]) => `UPDATE ${table} SET ${column} = ${settled(`${table}.${column}`, logs)} WHERE ${isPlace(column)} AND ${are}`,
    ),
    ...(tables.has("webhook_deliveries")
      ? [
          `UPDATE webhook_deliveries SET feed_position = '${OLD}' || substr(feed_position, ${MARK_DIGITS + 1}) WHERE ${isPlace("feed_position")} AND ${are}`,
        ]
      : []),
    ...logs.map((table) => `UPDATE ${table} SET mark = 0 WHERE mark <> 0 AND ${are}`),
  ];
  const parts = changes.map((change, i) => `change_${i} AS (${change})`);
  return `WITH foreign_numbers AS (SELECT ${foreign.join(" OR ")} AS are_there), ${parts.join(", ")} SELECT 1`;
}
