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

/** Before the first of a table that lies behind a place; of a group it is told again from its beginning. */
const firstBehind = (table: string, place: string): string => `(SELECT min(${table === "events" ? "position" : "position - size + 1"}) - 1
      FROM ${table} WHERE (mark, position) > (${markIn(place)}::numeric, ${positionIn(place)}))`;

/** See M2. What was written since, with smaller numbers than the place has, lies behind it by its position. */
const settled = (place: string): string =>
  `'${OLD}-' || ${digits(`coalesce(
    least(${["events", "event_groups"].map((table) => firstBehind(table, place)).join(", ")}), ${positionIn(place)})`)}`;

/** In one statement: each part sees what was there before. Without effect where the numbers are of this cluster. */
export const SETTLE_MARKS: string = `WITH foreign_numbers AS (SELECT
    EXISTS (SELECT 1 FROM events WHERE mark > ${COMING})
    OR EXISTS (SELECT 1 FROM event_groups WHERE mark > ${COMING})
    OR EXISTS (SELECT 1 FROM feed_places WHERE ${isPlace("feed_position")} AND ${markIn("feed_position")} > ${digits(COMING)})
    OR EXISTS (SELECT 1 FROM webhooks WHERE ${isPlace("position")} AND ${markIn("position")} > ${digits(COMING)}) AS are_there),
  places AS (UPDATE feed_places SET feed_position = ${settled("feed_places.feed_position")}
    WHERE ${isPlace("feed_position")} AND (SELECT are_there FROM foreign_numbers)),
  hooks AS (UPDATE webhooks SET position = ${settled("webhooks.position")}
    WHERE ${isPlace("position")} AND (SELECT are_there FROM foreign_numbers)),
  deliveries AS (UPDATE webhook_deliveries SET feed_position = '${OLD}' || substr(feed_position, ${MARK_DIGITS + 1})
    WHERE ${isPlace("feed_position")} AND (SELECT are_there FROM foreign_numbers)),
  groups AS (UPDATE event_groups SET mark = 0 WHERE mark <> 0 AND (SELECT are_there FROM foreign_numbers))
  UPDATE events SET mark = 0 WHERE mark <> 0 AND (SELECT are_there FROM foreign_numbers)`;
