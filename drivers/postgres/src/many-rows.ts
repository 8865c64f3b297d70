/**
 * Statements over many rows: one for all of them, with an array for each column. Rows that are written together are much
 * alike, so a column that has one value in all of them goes as that value, and one that is null in all of them not at
 * all: arrays of 500 texts were a third of what a claim cost here and there.
 */
import { differOf, type AlikeRows, type Column, type Kind, type SqlValue, type Table } from "@windlass/sql";
import type { Querier, Value } from "./connection.ts";

export interface Given {
  readonly name: string;
  readonly kind: Kind;
  /** The value that all rows have, alone; or that of each row; none: each row has what it has in the first column. */
  readonly values: readonly SqlValue[];
}

/** Inserts the records in their order. */
export async function insertMany<T extends object>(db: Querier, table: Table<T>, records: readonly T[]): Promise<void> {
  if (records.length === 0) return;
  let insert = inserts.get(table);
  if (insert === undefined) inserts.set(table, (insert = insertInto(table)));
  await insert(db, table.alike(records).columns);
}

const inserts = new WeakMap<Target, ReturnType<typeof insertInto>>();

/** What the records, of which there is one at least, have in each column of the table. */
function columnsOf<T extends object>(table: Table<T>, records: readonly T[]): Given[] {
  const { columns } = table.alike(records);
  return table.columns.map(({ name, kind }, i) => ({ name, kind, values: columns[i] ?? [] }));
}

/** A column with these values, of which there is one at least. */
export function columnOf(name: string, kind: Kind, values: readonly SqlValue[]): Given {
  const [first = null] = values;
  return { name, kind, values: values.every((value) => value === first) ? [first] : values };
}

interface Target {
  readonly name: string;
  readonly columns: readonly Pick<Given, "name" | "kind">[];
}

interface Inserting {
  /** Columns of which PostgreSQL works out the value, and what it is; a `(SELECT …)` is worked out once for all rows. */
  readonly computed?: Readonly<Record<string, string>>;
  /** Whether they are given a number that the table would otherwise always give by itself. */
  readonly isNumberedHere?: boolean;
}

/** The number of the row among those of its statement, from 1, for what is computed. */
export const ROW_NUMBER = "given.row_number";

/** Of more kinds the texts are made anew: users' jobs are mostly of a few. */
const TEXTS_MAX = 200;

/**
 * Inserts rows whose values are given column by column, as `Given` says. The text says which of them come once, for each row, or not at
 * all: it is made once for all rows that are alike in that, for a job that comes alone would else spend more on texts than on itself.
 */
export function insertInto(table: Target, inserting: Inserting = {}): (db: Querier, columns: AlikeRows["columns"]) => Promise<void> {
  const texts = new Map<string, string>();
  return async (db, columns) => {
    const key = columns.map(wayOf).join("");
    let text = texts.get(key);
    if (text === undefined) {
      if (texts.size >= TEXTS_MAX) texts.clear();
      const given = table.columns.map(({ name, kind }, i) => ({ name, kind, values: columns[i] ?? [] }));
      texts.set(key, (text = insertText(table.name, given, inserting)));
    }
    await db.write(text, valuesOf(columns));
  };
}

/** How a column is given: for each row, once for all, as the first column, or not at all, which is null. */
type Way = "*" | "1" | "=" | "-";

function wayOf(values: Given["values"]): Way {
  if (values.length !== 1) return values.length === 0 ? "=" : "*";
  return values[0] === null ? "-" : "1";
}

function insertText(table: string, columns: readonly Given[], { computed = {}, isNumberedHere = false }: Inserting): string {
  const inWay = (...ways: readonly Way[]): Given[] => columns.filter(({ values }) => ways.includes(wayOf(values)));
  const same = inWay("=");
  const { arrays, single } = parted(inWay("*", "1"));
  const names = [...[...arrays, ...same, ...single].map(({ name }) => name), ...Object.keys(computed)].join(", ");
  const isNumbered = Object.values(computed).some((expression) => expression.includes(ROW_NUMBER));
  const from = arrays.length > 0 ? ` FROM ${unnested(arrays, isNumbered)}` : isNumbered ? " FROM (SELECT 1 AS row_number) AS given" : "";
  const given = [
    ...arrays.map(({ name }) => `given.${name}`),
    ...same.map(() => `given.${columns[0]?.name ?? ""}`),
    ...single.map(({ expression }) => expression),
    ...Object.values(computed),
  ].join(", ");
  const overriding = isNumberedHere ? " OVERRIDING SYSTEM VALUE" : "";
  return `INSERT INTO ${table} (${names})${overriding} SELECT ${given}${from}`;
}

/** In the order of `parted`. */
function valuesOf(columns: AlikeRows["columns"]): Value[] {
  const arrays: Value[] = [];
  const single: Value[] = [];
  for (const values of columns) {
    const value = values[0] ?? null;
    if (values.length > 1) arrays.push(values);
    else if (value !== null) single.push(value);
  }
  return arrays.length === 0 ? single : [...arrays, ...single];
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
    if (bits === 0) return [];
    const changed = new Set(columns.filter((_, i) => (bits & (1 << i)) !== 0).map(({ name }) => name));
    const all = columnsOf(
      table,
      changes.map(({ now }) => now),
    );
    return all
      .filter(({ name }) => changed.has(name))
      .map((column) => (column.values.length > 0 ? column : { ...column, values: all[0]?.values ?? [] }));
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
  return values.length === 1;
}

/** Row by row. */
export function rowsOf({ columns, count }: AlikeRows): SqlValue[][] {
  const [first = []] = columns;
  const own = columns.map((values) => (values.length > 0 ? values : first));
  return Array.from({ length: count }, (_, i) => own.map((values) => (values.length === 1 ? values[0] : values[i]) ?? null));
}

function unnested(arrays: Parted["arrays"], isNumbered = false): string {
  const names = [...arrays.map(({ name }) => name), ...(isNumbered ? ["row_number"] : [])].join(", ");
  return `unnest(${arrays.map(({ cast }, i) => `$${i + 1}::${cast}`).join(", ")})${isNumbered ? " WITH ORDINALITY" : ""} AS given (${names})`;
}

function typeOf(kind: Kind): string {
  return kind === "integer" || kind === "flag" ? "bigint" : "text";
}

/** One array for each column of `rows`, as they are stored. */
export function transposed(rows: readonly (readonly SqlValue[])[], width: number): Value[] {
  return Array.from({ length: width }, (_, i) => rows.map((row) => row[i] ?? null));
}
