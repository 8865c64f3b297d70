/**
 * Rows that are mostly alike, column by column: what is the same in all of them stands there once. Jobs that are claimed
 * together differ in their ids and hardly anything else, so that a thousand of them are a short text (packed.ts).
 */
import type { AlikeRows, SqlValue, Table } from "@windlass/sql";
import type { Row } from "./database.ts";

export function alike(rows: readonly Row[]): AlikeRows {
  const [first = []] = rows;
  return { count: rows.length, columns: first.map((_, column) => columnOf(rows, column)) };
}

function columnOf(rows: readonly Row[], column: number): SqlValue[] {
  const value = rows[0]?.[column] ?? null;
  if (rows.every((row) => row[column] === value)) return [value];
  if (column > 0 && rows.every((row) => row[column] === row[0])) return [];
  return rows.map((row) => row[column] ?? null);
}

/** The records of rows of a table. JSON that is the same in all of them is one object: for who changes nothing in it. */
export function recordsOf<T>(table: Table<T>, { count, columns }: AlikeRows): T[] {
  const read = columns.map((values, i) => (values.length === 1 && table.columns[i]?.kind === "json" ? [readOnce(values[0])] : values));
  return Array.from(rowsOf({ count, columns: read }), (row) => table.decode(row));
}

/** A text in JSON, and what is no object, is read by each record itself. */
function readOnce(text: SqlValue | undefined): SqlValue | object {
  const value = typeof text === "string" ? (JSON.parse(text) as unknown) : null;
  return typeof value === "object" && value !== null ? value : (text ?? null);
}

/** Each row in turn. It is one list that is written over for the next: whoever keeps a row copies it. */
export function* rowsOf<V = SqlValue>({ count, columns }: AlikeRows<V>): Generator<readonly (V | null)[], void, void> {
  const row: (V | null)[] = columns.map(([value = null]) => value);
  const different = columns.flatMap((values, column) => (values.length === 1 ? [] : [{ column, values }]));
  for (let i = 0; i < count; i++) {
    if (count > 1) for (const { column, values } of different) row[column] = values.length === 0 ? (row[0] ?? null) : (values[i] ?? null);
    yield row;
  }
}
