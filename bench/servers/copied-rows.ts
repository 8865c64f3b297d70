/** Rows like those of a job that Windlass stored: they are copied from a real one, so they stay the same when the tables change. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** As Windlass has it, but that SQLite itself waits for the disk. */
export const COMMITTED_AT_ONCE = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000";

/** Ids of jobs grow, as this one does, so that the rows land where real ones would. */
export function idAfter(id: string, count: number): string {
  return `${id.slice(0, -8)}${String(10_000_000 + count)}`;
}

/** One statement for the rows that a group, or a part of it, has in a table. */
export interface Copy {
  readonly insert: StatementSync;
  /** What all of them have in common, bound once: what is left is the id of each. */
  readonly common: readonly SQLInputValue[];
}

/** For every row that names the job: a statement that inserts one like it for each of so many. */
export function copiesOf(db: DatabaseSync, { id, rows: count }: { readonly id: string; readonly rows: number }): readonly Copy[] {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
  return tables.flatMap(({ name }) => {
    const table = String(name);
    const columns = db.prepare(`SELECT name, type, pk FROM pragma_table_info('${table}')`).all();
    const holding = columns.find((column) => column["name"] === "id" || column["name"] === "job_id");
    // A number that the table gives out itself is left to it.
    const own = columns.find((column) => column["pk"] === 1 && column["type"] === "INTEGER")?.["name"];
    const rows = holding === undefined ? [] : db.prepare(`SELECT * FROM ${table} WHERE ${String(holding["name"])} = ?`).all(id);
    return rows.map((row): Copy => {
      const given = Object.entries(row).filter(([key]) => key !== own);
      const names = given.map(([key]) => key).join(", ");
      const values = given.map(([, value]) => (value === id ? "column1" : "?")).join(", ");
      const ids = Array.from({ length: count }, () => "(?)").join(", ");
      const insert = db.prepare(`INSERT INTO ${table} (${names}) SELECT ${values} FROM (VALUES ${ids})`);
      return { insert, common: given.map(([, value]) => value as SQLInputValue).filter((value) => value !== id) };
    });
  });
}
