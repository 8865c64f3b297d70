/**
 * Reads the fields of one object that a person wrote: each by its camelCase or its snake_case key, each with its type,
 * everything wrong noted as a finding and reading on. A key that is not known is refused with the nearest that is.
 */
import { camelCaseOf, snakeCaseOf } from "@windlass/contract";
import { isJsonObject, nearest, type Json, type JsonObject } from "@windlass/kernel";
import { FINDINGS_MAX, shown, sortOf, type Finding, type Path } from "./finding.ts";

interface Keys {
  readonly known: readonly string[];
  /** Keys of the format that this version does not carry out yet: refused, and said so. */
  readonly later?: readonly string[];
}

export class Fields {
  readonly path: Path;
  readonly #findings: Finding[];
  readonly #values = new Map<string, { raw: string; value: Json }>();

  constructor({ value, path, findings, keys }: { value: Json; path: Path; findings: Finding[]; keys: Keys }) {
    this.path = path;
    this.#findings = findings;
    if (!isJsonObject(value)) {
      this.note([], `expected an object with ${listed(keys.known)}, found ${sortOf(value)}`);
      return;
    }
    for (const [raw, field] of Object.entries(value)) this.#take(raw, field, keys);
  }

  #take(raw: string, value: Json, keys: Keys): void {
    if (this.#findings.length >= FINDINGS_MAX) return;
    const key = camelCaseOf(raw);
    const before = this.#values.get(key);
    if (before !== undefined) this.note([raw], `the same key as ${before.raw}, given twice`, true);
    else if (keys.known.includes(key)) this.#values.set(key, { raw, value });
    else if (keys.later?.includes(key) === true) this.note([raw], `${spelled(key)} is not supported yet`, true);
    else this.note([raw], unknownText(raw, keys), true);
  }

  note(more: Path, message: string, atKey = false): void {
    this.#findings.push({ path: [...this.path, ...more], message, ...(atKey ? { atKey } : {}) });
  }

  /** Path of a field as it was written. */
  pathOf(key: string): Path {
    return [...this.path, this.#values.get(key)?.raw ?? key];
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  raw(key: string): Json | undefined {
    return this.#values.get(key)?.value;
  }

  /** Notes a fault of a field. */
  fault(key: string, message: string): void {
    this.#findings.push({ path: this.pathOf(key), message });
  }

  missing(key: string, what: string): void {
    this.note([], `${spelled(key)} is missing: ${what}`);
  }

  text(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "string") return value;
    this.fault(key, `expected text, found ${sortOf(value)}${typeof value === "object" ? "" : ` (${shown(value)}); put it in quotes`}`);
    return undefined;
  }

  boolean(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "boolean") return value;
    this.fault(key, `expected true or false, found ${shown(value)}`);
    return undefined;
  }

  number(key: string, bounds: { min: number; max: number; whole?: boolean }): number | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const { min, max, whole = false } = bounds;
    if (typeof value === "number" && value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
    this.fault(key, `expected a ${whole ? "whole " : ""}number from ${min} to ${max}, found ${shown(value)}`);
    return undefined;
  }

  oneOf<Word extends string>(key: string, words: readonly Word[], later: readonly string[] = []): Word | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const word = words.find((candidate) => candidate === value);
    if (word !== undefined) return word;
    if (typeof value === "string" && later.includes(value))
      this.fault(key, `${value} is not supported yet; supported: ${words.join(", ")}`);
    else
      this.fault(
        key,
        `expected one of ${words.join(", ")}, found ${shown(value)}${typeof value === "string" ? suggestion(value, [...words, ...later]) : ""}`,
      );
    return undefined;
  }

  list(key: string): readonly Json[] | undefined {
    const value = this.raw(key);
    if (value === undefined || Array.isArray(value)) return value as readonly Json[] | undefined;
    this.fault(key, `expected a list, found ${sortOf(value)}`);
    return undefined;
  }

  texts(key: string): readonly string[] | undefined {
    const list = this.list(key);
    if (list === undefined) return undefined;
    for (const [index, item] of list.entries()) {
      if (typeof item !== "string")
        this.#findings.push({ path: [...this.pathOf(key), index], message: `expected text, found ${shown(item)}; put it in quotes` });
    }
    return list.filter((item) => typeof item === "string");
  }

  object(key: string): JsonObject | undefined {
    const value = this.raw(key);
    if (value === undefined || isJsonObject(value)) return value;
    this.fault(key, `expected an object, found ${sortOf(value)}`);
    return undefined;
  }

  /** The fields of an object in a list of this one. */
  item(key: string, index: number, keys: Keys): Fields {
    const value = this.list(key)?.[index] ?? null;
    return new Fields({ value, path: [...this.pathOf(key), index], findings: this.#findings, keys });
  }

  /** The fields of an object in this one; undefined when there is none. */
  inner(key: string, keys: Keys): Fields | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : new Fields({ value, path: this.pathOf(key), findings: this.#findings, keys });
  }
}

export function suggestion(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : `; did you mean ${found}?`;
}

function unknownText(raw: string, { known, later = [] }: Keys): string {
  const near = nearest(snakeCaseOf(raw), [...known, ...later].map(spelled));
  return `unknown key ${shown(raw)}${near === undefined ? `; known here: ${listed(known)}` : `; did you mean ${near}?`}`;
}

function listed(keys: readonly string[]): string {
  return keys.map(spelled).join(", ");
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Only what is there: optional fields are left out instead of being undefined. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** How files write a key, as messages name it: snake_case, but for the one that Kubernetes made known otherwise. */
function spelled(key: string): string {
  return key === "apiVersion" ? key : snakeCaseOf(key);
}
