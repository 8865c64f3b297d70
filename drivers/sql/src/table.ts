/**
 * How a record of the kernel becomes a row and comes back: one list of columns for each table, used by both drivers.
 * Values are texts and whole numbers only, so that SQLite and PostgreSQL store the same; JSON is kept as text.
 */
import type { Json } from "@windlass/kernel";

export type SqlValue = string | number | null;
export type Kind = "text" | "integer" | "flag" | "json";

export interface Column<T> {
  readonly name: string;
  readonly kind: Kind;
  readonly key: keyof T & string;
}

export interface Table<T> {
  readonly name: string;
  readonly columns: readonly Column<T>[];
  /** Column names joined by commas, each with `prefix` before it. */
  list(prefix?: string): string;
  /** The values of a row, in the order of `columns`. */
  encode(record: T): SqlValue[];
  /** A record from the values of a row, of which the first stands at `from`. */
  decode(row: readonly SqlValue[], from?: number): T;
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
    encode: (record) => columns.map((column) => encodeValue(column.kind, record[column.key])),
    decode: (row, from = 0) => {
      const record: Record<string, unknown> = {};
      for (let i = 0; i < columns.length; i++) {
        const column = columns[i] as Column<T>;
        record[column.key] = decodeValue(column.kind, row[from + i] ?? null);
      }
      return record as T;
    },
  };
}

export function encodeValue(kind: Kind, value: unknown): SqlValue {
  if (value === null || value === undefined) return null;
  if (kind === "json") return JSON.stringify(value);
  if (kind === "flag") return value === true ? 1 : 0;
  return value as string | number;
}

export function decodeValue(kind: Kind, value: SqlValue): Json {
  if (value === null) return null;
  if (kind === "json") return JSON.parse(value as string) as Json;
  return kind === "flag" ? value === 1 : value;
}

function snakeCase(key: string): string {
  return key.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
