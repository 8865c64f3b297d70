/**
 * JSON ⇄ CEL values. Whole numbers become CEL's `int` (a bigint), others `double`: with plain JavaScript numbers `n + 1`
 * has no overload. Maps are real Maps, so no key (`__proto__`, `constructor`) means anything but itself.
 */
import { isCelList, isCelMap, isCelUint, type CelInput, type CelValue } from "@bufbuild/cel";
import { isJsonObject, OUTPUT_LENGTH_MAX, type Json } from "@windlass/kernel";

/** What a value costs while it is turned into JSON: about its length as text. */
const DEPTH_MAX = 50;

export function celOf(value: Json): CelInput {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (!isJsonObject(value)) return value.map(celOf);
  return new Map(Object.entries(value).map(([key, field]) => [key, celOf(field)]));
}

/** Throws an Error with a message for the author of the expression when the value has no JSON form or is too large. */
export function jsonOf(value: CelValue): Json {
  let room = OUTPUT_LENGTH_MAX;
  const spend = (cost: number): void => {
    room -= cost;
    if (room < 0) throw new Error(`its value is larger than ${OUTPUT_LENGTH_MAX} characters`);
  };
  const convert = (part: CelValue, depth: number): Json => {
    if (depth > DEPTH_MAX) throw new Error(`its value is nested more than ${DEPTH_MAX} deep`);
    spend(typeof part === "string" ? part.length + 2 : 2);
    if (part === null || typeof part === "boolean" || typeof part === "string") return part;
    if (typeof part === "number") return finite(part);
    if (typeof part === "bigint") return safe(part);
    if (isCelUint(part)) return safe(part.value);
    if (isCelList(part)) return Array.from(part, (item) => convert(item, depth + 1));
    if (!isCelMap(part)) throw new Error("its value has no JSON form; turn it into text with string(…)");
    return Object.fromEntries(
      Array.from(part.entries(), ([key, field]): [string, Json] => {
        if (typeof key !== "string") throw new Error("its value is a map with keys that are not text");
        if (key === "__proto__") throw new Error("its value has the key __proto__, which is not allowed");
        spend(key.length + 2);
        return [key, convert(field, depth + 1)];
      }),
    );
  };
  return convert(value, 0);
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Error("its value is not a finite number");
  return value;
}

function safe(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new Error(`its value ${value} is too large to be kept exactly as a number; turn it into text with string(…)`);
  return number;
}
