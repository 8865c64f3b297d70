/**
 * Values of JSON that many rows have in common: ten thousand schedules have a handful of timings and templates between them. The same
 * text gives the same value, so that it is read once, and so that what is made of it can be remembered by it (a `WeakMap`).
 *
 * J1. A value that is shared is frozen, through and through: nobody changes it for others. It is read where it is used: a copy
 *     that one thread makes for another is not frozen any more, though what is the same within it stays so.
 */
import type { Json } from "@windlass/kernel";

/** Of texts that are remembered. Longer ones are rarely the same, and would fill the memory. */
const LENGTH_MAX = 1_024;
/** Then all are forgotten. With what is read of them: 20 to 50 MB when all are as long as they may be, 230 MB when they are lists of nothing but empty objects. */
const TEXTS_MAX = 10_000;

const known = new Map<string, Json>();

/** What `text` says, as `JSON.parse` gives it but for J1. */
export function sharedJson(text: string): Json {
  const value = known.get(text);
  if (value !== undefined) return value;
  const read = frozen(JSON.parse(text) as Json);
  if (text.length <= LENGTH_MAX) {
    if (known.size >= TEXTS_MAX) known.clear();
    known.set(text, read);
  }
  return read;
}

function frozen(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}
