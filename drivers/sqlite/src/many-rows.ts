/**
 * Statements over many rows. Most of what a small statement costs is to be called at all: rows go in groups of 128, 64, 32 … 1,
 * so that there are few texts and each is prepared once (measured on rows of events: 1.2 µs each instead of 3.2).
 *
 * M1. Rows are written in the order in which they were given.
 */
import { assert } from "@windlass/kernel";
import type { SqlValue } from "@windlass/sql";
import type { Database, Row } from "./database.ts";

/** Powers of two: a handful of statements for any number of rows, and few texts. */
const SIZES = [128, 64, 32, 16, 8, 4, 2, 1] as const;

/** One text for each table, set of columns and size: the same object each time, so that its statement is found at once. */
const texts = new Map<string, string>();

function textOf(key: string, make: () => string): string {
  let text = texts.get(key);
  if (text === undefined) texts.set(key, (text = make()));
  return text;
}

function* grouped<T>(items: readonly T[]): Generator<readonly T[]> {
  let from = 0;
  for (const size of SIZES) {
    for (; items.length - from >= size; from += size) yield size === items.length ? items : items.slice(from, from + size);
  }
}

const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");

/** Where rows are inserted. */
export class Target {
  readonly name: string;
  readonly columns: readonly string[];
  /** What becomes of a row that is there, as the end of the statement. */
  readonly onConflict: string;
  readonly #inserts = new Map<number, Insert>();

  constructor(name: string, columns: readonly string[], onConflict = "") {
    assert(columns.length <= COLUMNS_MAX, `${name} has ${columns.length} columns, which fit into the bits of a number`);
    [this.name, this.columns, this.onConflict] = [name, columns, onConflict];
  }

  /** One row with the names of its columns, as JSON: `["table",["a","b"],[1,2]]`. Columns that are null are left out. */
  named(row: Row): string {
    const insert = this.insertOf(usedBits(this.columns.length, [row]));
    return `[${insert.named},${JSON.stringify(insert.used.map((i) => row[i]))}]`;
  }

  /** The insert of the columns whose bits are set. */
  insertOf(bits: number): Insert {
    let insert = this.#inserts.get(bits);
    if (insert === undefined) this.#inserts.set(bits, (insert = new Insert(this, bits)));
    return insert;
  }
}

/** Bits that a number holds exactly. */
const COLUMNS_MAX = 53;

/** Into the same columns of a table: a text for each size, made once. */
class Insert {
  readonly used: readonly number[];
  /** The table and these columns, as JSON without the brackets around it. */
  readonly named: string;
  readonly #into: string;
  readonly #onConflict: string;
  readonly #texts = new Map<number, string>();

  constructor({ name, columns, onConflict }: Target, bits: number) {
    this.used = columns.flatMap((_, i) => (Math.floor(bits / 2 ** i) % 2 === 1 ? [i] : []));
    const names = this.used.map((i) => columns[i]);
    this.named = `${JSON.stringify(name)},${JSON.stringify(names)}`;
    this.#into = `INSERT INTO ${name} (${names.join(", ")}) VALUES `;
    this.#onConflict = onConflict === "" ? "" : ` ${onConflict}`;
  }

  text(rows: number): string {
    let text = this.#texts.get(rows);
    if (text === undefined) {
      text = this.#into + Array.from({ length: rows }, () => `(${marks(this.used.length)})`).join(", ") + this.#onConflict;
      this.#texts.set(rows, text);
    }
    return text;
  }
}

/** Inserts rows whose values stand in the order of the columns. Columns that are null in all of them are left out. */
export function insertMany(db: Database, into: Target, rows: readonly Row[]): void {
  if (rows.length === 0) return;
  const insert = into.insertOf(usedBits(into.columns.length, rows));
  for (const group of grouped(rows)) {
    const values: SqlValue[] = [];
    for (const row of group) for (const i of insert.used) values.push(row[i] ?? null);
    db.run(insert.text(group.length), values);
  }
}

/** The columns that are not null in every row. */
function usedBits(columns: number, rows: readonly Row[]): number {
  let bits = 0;
  for (let i = 0, bit = 1; i < columns; i++, bit *= 2) if (rows.some((row) => row[i] !== null)) bits += bit;
  return bits;
}

/** Runs `<statement> (?, ?, …)` over the ids; `first` are the values of the statement before them. */
export function runForIds(
  db: Database,
  statement: string,
  { first = [], ids }: { first?: readonly SqlValue[]; ids: readonly string[] },
): void {
  for (const group of grouped(ids)) db.run(withIds(statement, group.length), [...first, ...group]);
}

/** All rows of `<statement> (?, ?, …)` over the ids, in no particular order. */
export function rowsOfIds(db: Database, statement: string, ids: readonly string[]): Row[] {
  const rows: Row[] = [];
  for (const group of grouped(ids)) rows.push(...db.all(withIds(statement, group.length), group));
  return rows;
}

function withIds(statement: string, count: number): string {
  return textOf(`${statement} ${count}`, () => `${statement} (${marks(count)})`);
}

interface Alike {
  readonly columns: string;
  readonly values: readonly SqlValue[];
  readonly ids: string[];
}

/** Those that are to get the same values, together. */
export class SameChanges {
  readonly #groups = new Map<string, Alike>();
  /** The group that was added to last: jobs that are claimed together mostly change alike, and need no key then. */
  #last: Alike | undefined;

  /** `columns` is the text between SET and WHERE. */
  add(id: string, columns: string, values: readonly SqlValue[]): void {
    const last = this.#last;
    if (last?.columns === columns && values.every((value, i) => value === last.values[i])) return void last.ids.push(id);
    let key = columns;
    // The columns say what each value is, so that no two kinds of value meet under one text.
    for (const value of values) key += value === null ? "\u0000" : `\u0001${value}`;
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = { columns, values, ids: [] }));
    group.ids.push(id);
    this.#last = group;
  }

  update(db: Database, table: string): void {
    for (const { columns, values, ids } of this.#groups.values())
      runForIds(
        db,
        textOf(`update ${table} ${columns}`, () => `UPDATE ${table} SET ${columns} WHERE id IN`),
        { first: values, ids },
      );
  }
}
