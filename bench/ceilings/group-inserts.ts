/**
 * What SQLite itself takes for the rows that one submitted job makes, on this disk, one, 50 or 1,000 jobs in each transaction:
 * no rule, no thread. The rows are copied from a real submit, so they stay the same when the tables change.
 */
import { join } from "node:path";
import { DatabaseSync, type StatementSync, type SQLInputValue } from "node:sqlite";
import { open } from "../contenders/windlass-embedded.ts";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";

const SAMPLE_MS = { full: 1_500, quick: 100 } as const;

export const groupInserts = (group: number): Entrant => ({
  name: `ceiling: raw inserts, ${group} a commit`,
  missing: () => null,
  async measure(scale) {
    const queue = await open({});
    const { id } = await queue.windlass.engine.jobs.submit({ ...JOB_OF_WINDLASS, queue: "copied" });
    await queue.windlass.close();
    const db = new DatabaseSync(join(queue.folder, "windlass.db"));
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000");
    const rate = insertRate(db, { id, group, sampleMs: SAMPLE_MS[scale] });
    db.close();
    await queue.remove();
    return { "": rate };
  },
});

/** Rows of one statement; more make it no quicker. */
const ROWS_MAX = 125;

/** One statement for the rows that a group, or a part of it, has in a table. */
interface Copy {
  readonly insert: StatementSync;
  /** What all of them have in common, bound once: what is left is the id of each. */
  readonly common: readonly SQLInputValue[];
}

interface Inserting {
  readonly id: string;
  readonly group: number;
  readonly sampleMs: number;
}

function insertRate(db: DatabaseSync, { id, group, sampleMs }: Inserting): number {
  const rows = Math.min(group, ROWS_MAX);
  const copies = copiesOf(db, { id, rows });
  let count = 0;
  const from = performance.now();
  while (performance.now() - from < sampleMs) {
    // Ids of jobs grow, as this one does, so that the rows land where real ones would.
    db.exec("BEGIN IMMEDIATE");
    for (let done = 0; done < group; done += rows) {
      const ids = Array.from({ length: rows }, () => `${id.slice(0, -8)}${String(10_000_000 + ++count)}`);
      for (const { insert, common } of copies) insert.run(...common, ...ids);
    }
    db.exec("COMMIT");
  }
  return count / ((performance.now() - from) / 1_000);
}

/** For every row that names the job: a statement that inserts one like it for each of so many. */
function copiesOf(db: DatabaseSync, { id, rows: count }: { readonly id: string; readonly rows: number }): readonly Copy[] {
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
