/** Keeps secret values out of JSON: texts, names of fields, and where asked for numbers that are secrets. Pure. */
import type { Json } from "./json.ts";
import type { Mask } from "./mask.ts";

/** What is nested deeper is not looked through; a mask stands in its place. */
const DEPTH_MAX = 200;
const TOO_DEEP = "***";

/** Of what a user's program made: a number that has a secret in it, as it is written, becomes a text. */
export function maskedJson(value: Json, mask: Mask): Json {
  return masked(value, { mask, numbers: true, depth: 0 });
}

/** Of what we observed ourselves: numbers are ours. */
export function maskedTexts(value: Json, mask: Mask): Json {
  return masked(value, { mask, numbers: false, depth: 0 });
}

interface Masking {
  readonly mask: Mask;
  readonly numbers: boolean;
  readonly depth: number;
}

function masked(value: Json, { mask, numbers, depth }: Masking): Json {
  if (typeof value === "string") return mask.text(value);
  if (typeof value === "number") return numbers ? unlessMasked(value, mask) : value;
  if (value === null || typeof value !== "object") return value;
  if (depth === DEPTH_MAX) return TOO_DEEP;
  const within = { mask, numbers, depth: depth + 1 };
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => masked(item, within));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [mask.text(key), masked(field, within)]));
}

function unlessMasked(value: number, mask: Mask): Json {
  const text = String(value);
  const hidden = mask.text(text);
  return hidden === text ? value : hidden;
}
