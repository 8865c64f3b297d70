/** Places in the feed that are kept: the statements that both drivers run. */
import type { Placeholder } from "./list-jobs.ts";

/** The numbers in the texts are the order of the values. */
export function feedPlaceStatements(placeholder: Placeholder): Readonly<Record<"get" | "add" | "move", string>> {
  const p = placeholder;
  return {
    get: `SELECT feed_position FROM feed_places WHERE name = ${p(1)}`,
    add: `INSERT INTO feed_places (feed_position, name) VALUES (${p(1)}, ${p(2)}) ON CONFLICT DO NOTHING`,
    move: `UPDATE feed_places SET feed_position = ${p(1)} WHERE name = ${p(2)} AND feed_position = ${p(3)}`,
  };
}
