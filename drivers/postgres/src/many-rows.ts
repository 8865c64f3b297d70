/**
 * Statements over many rows: one for all of them, with an array for each column. Rows that are written together are much
 * alike, so a column that has one value in all of them goes as that value, and one that is null in all of them not at
 * all: arrays of 500 texts were a third of what a claim cost here and there.
 */
import { differOf, type Column, type Kind, type SqlValue, type Table } from "@windlass/sql";
import type { Querier, Value } from "./connection.ts";

interface Given {
  readonly name: string;
  readonly kind: Kind;
  /** Its value in each row. */
  readonly values: readonly SqlValue[];
}

/** Inserts the records in their order. */
export async function insertMany<T extends object>(db: Querier, table: Table<T>, records: readonly T[]): Promise<void> {
  await insertRows(db, table.name, columnsOf(table, records));
}

/** What the records have in each column of the table. */
export function columnsOf<T extends object>(table: Table<T>, records: readonly T[]): Given[] {
  const rows = records.map((record) => table.encode(record));
  return table.columns.map(({ name, kind }, i) => ({ name, kind, values: rows.map((row) => row[i] ?? null) }));
}

/** Inserts rows that are given column by column. */
export async function insertRows(db: Querier, table: string, columns: readonly Given[]): Promise<void> {
  if ((columns[0]?.values.length ?? 0) === 0) return;
  const { arrays, single, values } = parted(columns.filter((column) => !isOneValue(column) || column.values[0] !== null));
  const names = [...arrays, ...single].map(({ name }) => name).join(", ");
  const from = arrays.length === 0 ? "" : ` FROM ${unnested(arrays)}`;
  const given = [...arrays.map(({ name }) => `given.${name}`), ...single.map(({ expression }) => expression)].join(", ");
  await db.write(`INSERT INTO ${table} (${names}) SELECT ${given}${from}`, values);
}

/** Writes the columns of rows with an `id` that differ in any of them. */
export async function updateRows(
  db: Querier,
  table: string,
  { ids, columns }: { readonly ids: readonly string[]; readonly columns: readonly Given[] },
): Promise<void> {
  if (columns.length === 0 || ids.length === 0) return;
  const { arrays, single, values } = parted(columns, [{ name: "given_id", kind: "text", values: ids }]);
  const set = [
    ...arrays.filter(({ name }) => name !== "given_id").map(({ name }) => `${name} = given.${name}`),
    ...single.map(({ name, expression }) => `${name} = ${expression}`),
  ].join(", ");
  if (arrays.length === 1) await db.write(`UPDATE ${table} SET ${set} WHERE id = ANY($1::text[])`, values);
  else await db.write(`UPDATE ${table} SET ${set} FROM ${unnested(arrays)} WHERE ${table}.id = given.given_id`, values);
}

/** Of rows before and after a change: which of these columns of the table differ in any of them, with their values. */
export function changedIn<T extends object>(
  table: Table<T>,
  columns: readonly Column<T>[] = table.columns,
): (changes: readonly { readonly now: T; readonly before: T }[]) => Given[] {
  const differ = differOf(columns);
  return (changes) => {
    let bits = 0;
    for (const { now, before } of changes) bits |= differ(now, before, []);
    const changed = new Set(columns.filter((_, i) => (bits & (1 << i)) !== 0).map(({ name }) => name));
    return columnsOf(
      table,
      changes.map(({ now }) => now),
    ).filter(({ name }) => changed.has(name));
  };
}

interface Parted {
  readonly arrays: readonly { readonly name: string; readonly cast: string }[];
  readonly single: readonly { readonly name: string; readonly expression: string }[];
  readonly values: readonly Value[];
}

/** `always` are given as arrays whatever is in them. */
function parted(columns: readonly Given[], always: readonly Given[] = []): Parted {
  const many = [...always, ...columns.filter((column) => !isOneValue(column))];
  const one = columns.filter(isOneValue);
  return {
    arrays: many.map(({ name, kind }) => ({ name, cast: `${typeOf(kind)}[]` })),
    single: one.map(({ name, kind }, i) => ({ name, expression: `$${many.length + i + 1}::${typeOf(kind)}` })),
    values: [...many.map(({ values }) => values), ...one.map(({ values }) => values[0] ?? null)],
  };
}

function isOneValue({ values }: Given): boolean {
  const [first] = values;
  return values.every((value) => value === first);
}

function unnested(arrays: Parted["arrays"]): string {
  return `unnest(${arrays.map(({ cast }, i) => `$${i + 1}::${cast}`).join(", ")}) AS given (${arrays.map(({ name }) => name).join(", ")})`;
}

function typeOf(kind: Kind): string {
  return kind === "integer" || kind === "flag" ? "bigint" : "text";
}

/** One array for each column of `rows`, as they are stored. */
export function transposed(rows: readonly (readonly SqlValue[])[], width: number): Value[] {
  return Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));
}
