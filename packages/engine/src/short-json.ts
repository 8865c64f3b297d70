/** Whether a value is so small that its text need not be made to know that it is not too long. Most payloads are, and it takes a third of the time. */

/** Far below every limit of a length, and enough for a usual payload. */
const LENGTH_MAX = 10_000;
/** A value that holds itself has no text; who makes it finds out. */
const DEPTH_MAX = 20;
/** A character may need six: `\u0000`. */
const ESCAPED = 6;
/** More than a number, a time or the brackets of an object take. */
const ATOM = 32;

/** False when it may be longer than ten thousand characters as JSON, or has a text of its own making. */
export function isShort(value: unknown): boolean {
  return left(value, LENGTH_MAX, DEPTH_MAX) >= 0;
}

/** What is left of so much room, at least; below 0: perhaps nothing. */
function left(value: unknown, room: number, depth: number): number {
  if (typeof value === "string") return room - ATOM - ESCAPED * value.length;
  if (typeof value !== "object" || value === null) return typeof value === "bigint" ? -1 : room - ATOM;
  if (depth === 0 || "toJSON" in value) return -1;
  let rest = room - ATOM;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && rest >= 0; i++) rest = left(value[i], rest, depth - 1);
    return rest;
  }
  for (const key in value) {
    if (rest < 0) return rest;
    rest = left((value as Record<string, unknown>)[key], rest - ATOM - ESCAPED * key.length, depth - 1);
  }
  return rest;
}
