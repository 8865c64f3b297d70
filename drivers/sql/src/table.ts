/**
 * How a record of the kernel becomes a row and comes back: one list of columns for each table, used by both drivers.
 * Values are texts and whole numbers only, so that SQLite and PostgreSQL store the same; JSON is kept as text.
 */
import { assert } from "@windlass/kernel";
import { sharedJson } from "./shared-json.ts";

export type SqlValue = string | number | null;
export type Kind = "text" | "integer" | "flag" | "json";

export interface Column<T> {
  readonly name: string;
  readonly kind: Kind;
  readonly key: keyof T & string;
}

/** One for each column: the value that all rows have, or one for each row; nothing: in each row what its first column has. */
export interface AlikeRows<V = SqlValue> {
  readonly count: number;
  readonly columns: readonly (readonly V[])[];
}

export interface Table<T> {
  readonly name: string;
  readonly columns: readonly Column<T>[];
  /** Column names joined by commas, each with `prefix` before it. */
  list(prefix?: string): string;
  /** The values of a row, in the order of `columns`. */
  encode(record: T): SqlValue[];
  /** The same of many. What is the same object in one record and in the next is written as JSON once. */
  encodeAll(records: readonly T[]): SqlValue[][];
  /** The same of many that are mostly alike, column by column. */
  alike(records: readonly T[]): AlikeRows;
  /** A record from the values of a row, of which the first stands at `from`. JSON that was read already stays as it is. */
  decode(row: readonly (SqlValue | object)[], from?: number): T;
  /** The same, where many rows say the same: what they have in common is one value, which is frozen. */
  decodeShared(row: readonly SqlValue[], from?: number): T;
}

/** A table whose columns are the fields of `T`. The compiler refuses a list that lacks a field. */
export function tableOf<T extends object>(
  name: string,
  kinds: { readonly [K in keyof T & string]: Kind },
  names: Partial<Record<keyof T & string, string>> = {},
): Table<T> {
  const columns = (Object.keys(kinds) as (keyof T & string)[]).map((key) => ({
    key,
    kind: kinds[key],
    name: names[key] ?? snakeCase(key),
  }));
  return {
    name,
    columns,
    list: (prefix = "") => columns.map((column) => prefix + column.name).join(", "),
    encode: encoderOf(columns),
    encodeAll: allEncoderOf(columns),
    alike: alikeOf(columns, encoderOf(columns)),
    decode: decoderOf(columns, JSON.parse),
    decodeShared: decoderOf(columns, sharedJson),
  };
}

const ENCODED: Record<Kind, (value: string) => string> = {
  text: (value) => `${value} ?? null`,
  integer: (value) => `${value} ?? null`,
  flag: (value) => `${value} == null ? null : ${value} === true ? 1 : 0`,
  json: (value) => `${value} == null ? null : JSON.stringify(${value})`,
};

/**
 * The two ways of a row are written out as code, once for each table: going through the columns for each row took a third
 * of the time of a claim. Only keys and kinds of our own tables get into the text.
 */
function encoderOf<T>(columns: readonly Column<T>[]): Table<T>["encode"] {
  const body = columns.map(({ kind, key }) => ENCODED[kind](`record[${JSON.stringify(key)}]`));
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  return new Function("record", `return [${body.join(", ")}];`) as Table<T>["encode"];
}

function allEncoderOf<T>(columns: readonly Column<T>[]): Table<T>["encodeAll"] {
  const known: string[] = [];
  const body = columns.map(({ kind, key }, i) => {
    const value = `record[${JSON.stringify(key)}]`;
    if (kind !== "json") return ENCODED[kind](value);
    known.push(`let value${i} = null, text${i} = null;`);
    const encoded = `(value${i} = ${value}) == null ? null : JSON.stringify(value${i})`;
    return `${value} === value${i} ? text${i} : (text${i} = ${encoded})`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  return new Function("records", `${known.join(" ")} return records.map((record) => [${body.join(", ")}]);`) as Table<T>["encodeAll"];
}

const NULL: readonly SqlValue[] = [null];

/** A column is gone through once, and no further than it is the same; one record alone is the same in all. */
function alikeOf<T>(columns: readonly Column<T>[], encode: Table<T>["encode"]): Table<T>["alike"] {
  const body = columns.map(({ kind, key }) => {
    const value = `record[${JSON.stringify(key)}]`;
    const encoded = kind === "json" ? `${value} === value ? text : (text = ${ENCODED.json(`(value = ${value})`)})` : ENCODED[kind](value);
    return `{
      let value = null, text = null;
      const encode = (record) => ${encoded};
      const first = encode(records[0]);
      let same = 1;
      while (same < count && encode(records[same]) === first) same++;
      columns.push(same === count ? [first] : ownOf(records.map(encode), columns[0]));
    }`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  const make = new Function(
    "ownOf",
    `return (records) => { const count = records.length, columns = []; if (count > 0) { ${body.join("\n")} } return { count, columns }; };`,
  );
  const alike = make(ownOf) as Table<T>["alike"];
  return (records) => {
    const [only] = records;
    return records.length === 1 && only !== undefined
      ? { count: 1, columns: encode(only).map((value) => (value === null ? NULL : [value])) }
      : alike(records);
  };
}

/** `first`: the first column, where there is one. */
function ownOf(values: readonly SqlValue[], first: readonly SqlValue[] = []): readonly SqlValue[] {
  return values.every((value, i) => value === first[i]) ? [] : values;
}

/** Which of the columns differ, as bits in their order; the values that `record` has in them are appended to `values`. */
export type Differ<T> = (record: T, before: T, values: SqlValue[]) => number;

/** Bits of a small integer. */
const DIFFER_COLUMNS_MAX = 30;

/** For at most 30 columns; written out as code for the same reason. */
export function differOf<T>(columns: readonly Column<T>[]): Differ<T> {
  assert(columns.length <= DIFFER_COLUMNS_MAX, `${columns.length} columns fit into the bits of a small integer`);
  const body = columns.map(({ kind, key }, i) => {
    const [now, old] = [`record[${JSON.stringify(key)}]`, `before[${JSON.stringify(key)}]`];
    return `if (${now} !== ${old}) { bits |= ${1 << i}; values.push(${ENCODED[kind](now)}); }`;
  });
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  return new Function("record", "before", "values", `let bits = 0; ${body.join(" ")} return bits;`) as Differ<T>;
}

function decoderOf<T>(columns: readonly Column<T>[], parse: (text: string) => unknown): Table<T>["decode"] {
  const values: Record<Kind, (value: string) => string> = {
    text: (value) => `${value} ?? null`,
    integer: (value) => `${value} ?? null`,
    flag: (value) => `${value} == null ? null : ${value} === 1`,
    json: (value) => `typeof ${value} === "string" ? parse(${value}) : ${value} ?? null`,
  };
  const body = columns.map(({ kind, key }, i) => `${JSON.stringify(key)}: ${values[kind](`row[from + ${i}]`)}`);
  // oxlint-disable-next-line typescript/no-implied-eval -- see above
  return new Function("parse", `return (row, from = 0) => ({ ${body.join(", ")} });`)(parse) as Table<T>["decode"];
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
