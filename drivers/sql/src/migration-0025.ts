/**
 * Numbers of events in blocks: what is written with one statement takes one number of the sequence and counts on from there. To take
 * one for each row was a tenth of what PostgreSQL spent on an event.
 */
import type { Dialect } from "./migration.ts";

/** So far apart are the numbers that the sequence gives. JavaScript counts as far as 2^53: enough for 8 * 10^12 statements. */
export const POSITIONS_OF_BLOCK = 1_024;

/** The sequence, as PostgreSQL named it. */
export const POSITIONS = "events_position_seq";

export function positionBlocksMigration({ numbersEvents }: Dialect): readonly string[] {
  // Whoever still takes a number for each row gets the first of a block, which nobody else has. The table is left alone: to change its
  // column would wait for everybody who only reads it, a dump of hours too, and all that is to be written would wait behind.
  return numbersEvents ? [`ALTER SEQUENCE ${POSITIONS} INCREMENT BY ${POSITIONS_OF_BLOCK}`] : [];
}
