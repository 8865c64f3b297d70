/** What may be stored, sent and compared: JSON values, and nothing that JSON cannot carry. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * Text of a value that is the same for equal values whatever the order of their keys.
 * Used for content hashes, so it must never change.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const keys = Object.keys(value).toSorted();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`).join(",")}}`;
}

/** `canonicalJson` of what JSON makes of the value (fields that are undefined are left out), without making it. Undefined where JSON makes nothing of it. */
export function canonicalJsonOf(value: unknown): string | undefined {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  // Not with `map`, which passes over what a list has not.
  if (Array.isArray(value)) return `[${Array.from(value, (item) => canonicalJsonOf(item) ?? "null").join(",")}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const fields = value as Readonly<Record<string, unknown>>;
  if ((prototype !== Object.prototype && prototype !== null) || typeof fields["toJSON"] === "function") {
    const made: string | undefined = JSON.stringify(value);
    return made === undefined ? undefined : canonicalJsonOf(JSON.parse(made));
  }
  let text = "";
  for (const { key, written } of inOrder(Object.keys(fields))) {
    const field = fields[key];
    const fieldText = typeof field === "string" ? textOfString(field) : canonicalJsonOf(field);
    if (fieldText !== undefined) text += text === "" ? written + fieldText : `,${written}${fieldText}`;
  }
  return `{${text}}`;
}

/** What JSON writes without an escape, as far as that is quickly seen. */
const PLAIN = /^[\w .:/@+-]*$/u;

function textOfString(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

interface WrittenKey {
  readonly key: string;
  /** As JSON, with what follows it. */
  readonly written: string;
}

interface Order {
  /** As they came. */
  readonly keys: readonly string[];
  readonly sorted: readonly WrittenKey[];
}

/** Of objects with more keys few are alike. */
const REMEMBERED_KEYS_MAX = 32;
/** Longer keys are data, and are not held on to. */
const REMEMBERED_LENGTH_MAX = 64;
/** Of each number of keys so many: a request, its specification and its input are mostly like those of the one before. */
const REMEMBERED_MAX = 8;
/** By the number of keys, the newest first. */
const orders: Order[][] = Array.from({ length: REMEMBERED_KEYS_MAX + 1 }, () => []);

/** In the order of `toSorted`: by the units of their texts. */
function inOrder(keys: readonly string[]): readonly WrittenKey[] {
  const known = orders[keys.length];
  if (known === undefined) return keys.toSorted().map(writtenKey);
  for (const order of known) if (isSame(keys, order.keys)) return order.sorted;
  const sorted = sortedFew(keys).map(writtenKey);
  if (keys.every((key) => key.length <= REMEMBERED_LENGTH_MAX)) known.unshift({ keys, sorted });
  if (known.length > REMEMBERED_MAX) known.pop();
  return sorted;
}

const writtenKey = (key: string): WrittenKey => ({ key, written: `${textOfString(key)}:` });

function isSame(keys: readonly string[], others: readonly string[]): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i] !== others[i]) return false;
  return true;
}

/** Few are sorted more quickly here than by the language. */
function sortedFew(given: readonly string[]): string[] {
  const keys = [...given];
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] as string;
    let at = i;
    for (; at > 0 && (keys[at - 1] as string) > key; at--) keys[at] = keys[at - 1] as string;
    keys[at] = key;
  }
  return keys;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

/** True when the value is JSON all the way down: no functions, dates, maps, NaN or cycles. */
export function isJson(value: unknown, above: ReadonlySet<object> = new Set()): value is Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || above.has(value)) return false;
  const inside = new Set(above).add(value);
  if (Array.isArray(value)) return value.every((item) => isJson(item, inside));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return Object.values(value).every((item) => item === undefined || isJson(item, inside));
}
