/**
 * Statements over many rows. Most of what a small statement costs is to be called at all: rows go in groups of 128, 64, 32 … 1,
 * so that there are few texts and each is prepared once (measured on rows of events: 1.2 µs each instead of 3.2). What all rows
 * of an insert have in common is bound once: to hand a value to SQLite takes as long as to store it (a new job in three tables: 6 µs
 * instead of 10).
 *
 * M1. Rows are written in the order in which they were given.
 */
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
  readonly #inserts = new Map<string, Insert>();

  constructor(name: string, columns: readonly string[], onConflict = "") {
    [this.name, this.columns, this.onConflict] = [name, columns, onConflict];
  }

  /** One row with the names of its columns, as JSON: `["table",["a","b"],[1,2]]`. Columns that are null are left out. */
  named(row: Row): string {
    const { named, used } = this.insertOf([row], ALONE);
    return `[${named},${JSON.stringify(used.map((i) => row[i]))}]`;
  }

  /** The insert that these rows go by, which are at least one. */
  insertOf(rows: readonly Row[], alikeMin = ALIKE_MIN): Insert {
    const ways = waysOf(this.columns.length, rows, alikeMin);
    let insert = this.#inserts.get(ways);
    if (insert !== undefined) return insert;
    if (this.#inserts.size === INSERTS_MAX) this.#inserts.clear();
    this.#inserts.set(ways, (insert = new Insert(this, ways)));
    return insert;
  }
}

/** So many rows go without what is the same in all of them. Fewer are not worth texts of their own. */
const ALIKE_MIN = 8;
const ALONE = Infinity;
/** What is the same differs from call to call; a store has a handful of ways. */
const INSERTS_MAX = 64;

/** How the values of a column get into the rows of an insert. */
const WAY = {
  /** All are null: the column is left out. */
  none: "0",
  own: "1",
  /** All are the same, and are bound once: to copy and to bind a text takes as long as a third of an index. */
  same: "2",
  /** Each is what the first column has in that row. */
  first: "3",
} as const;

/** A character for each column. */
function waysOf(columns: number, rows: readonly Row[], alikeMin: number): string {
  let ways = "";
  for (let i = 0; i < columns; i++) ways += wayOf(i, rows, rows.length >= alikeMin);
  return ways.includes(WAY.own) ? ways : ways.replaceAll(WAY.same, WAY.own);
}

function wayOf(column: number, rows: readonly Row[], mayBeAlike: boolean): string {
  const value = rows[0]?.[column] ?? null;
  let same = 0;
  while (same < rows.length && rows[same]?.[column] === value) same++;
  if (same === rows.length && (mayBeAlike || value === null)) return value === null ? WAY.none : WAY.same;
  return mayBeAlike && column > 0 && rows.every((row) => row[column] === row[0]) ? WAY.first : WAY.own;
}

/** Into the same columns of a table: a text for each size, made once. */
class Insert {
  /** The columns that are not left out. */
  readonly used: readonly number[];
  /** Of these, the columns that all rows have the same value in, and those that each row has its own in. */
  readonly same: readonly number[];
  readonly own: readonly number[];
  /** The table and the columns that are not left out, as JSON without the brackets around it. */
  readonly named: string;
  readonly #begin: string;
  readonly #end: string;
  readonly #texts = new Map<number, string>();

  constructor({ name, columns, onConflict }: Target, ways: string) {
    const going = (wanted: string): number[] => columns.flatMap((_, i) => (wanted.includes(ways.charAt(i)) ? [i] : []));
    this.used = going(WAY.own + WAY.same + WAY.first);
    this.same = going(WAY.same);
    this.own = going(WAY.own);
    const names = this.used.map((i) => columns[i]);
    this.named = `${JSON.stringify(name)},${JSON.stringify(names)}`;
    const isPlain = this.own.length === this.used.length;
    const into = `INSERT INTO ${name} (${names.join(", ")})`;
    const valueOf = (i: number): string =>
      ways.charAt(i) === WAY.same ? "?" : `column${this.own.indexOf(ways.charAt(i) === WAY.first ? 0 : i) + 1}`;
    this.#begin = isPlain ? `${into} VALUES ` : `${into} SELECT ${this.used.map(valueOf).join(", ")} FROM (VALUES `;
    const conflict = onConflict === "" ? "" : ` ${onConflict}`;
    // Without a WHERE, SQLite takes the ON for that of a join.
    this.#end = isPlain ? conflict : conflict === "" ? ")" : `) WHERE true${conflict}`;
  }

  text(rows: number): string {
    let text = this.#texts.get(rows);
    if (text === undefined) {
      const row = `(${marks(this.own.length)})`;
      text = this.#begin + Array.from({ length: rows }, () => row).join(", ") + this.#end;
      this.#texts.set(rows, text);
    }
    return text;
  }
}

/** Inserts rows whose values stand in the order of the columns. Columns that are null in all of them are left out. */
export function insertMany(db: Database, into: Target, rows: readonly Row[]): void {
  const [first] = rows;
  if (first === undefined) return;
  const insert = into.insertOf(rows);
  const { own } = insert;
  for (const group of grouped(rows)) {
    const values: SqlValue[] = insert.same.map((i) => first[i] ?? null);
    for (const row of group) for (let k = 0; k < own.length; k++) values.push(row[own[k] as number] ?? null);
    db.run(insert.text(group.length), values);
  }
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

/** Rows that get the same values. */
export interface Alike {
  /** `a = ?, b = ?`. */
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

  groups(): readonly Alike[] {
    return [...this.#groups.values()];
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
