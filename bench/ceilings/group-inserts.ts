/**
 * What SQLite itself takes for the rows that one submitted job makes, on this disk, one or 50 jobs in each transaction:
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

interface Copy {
  readonly insert: StatementSync;
  readonly values: readonly SQLInputValue[];
}

interface Inserting {
  readonly id: string;
  readonly group: number;
  readonly sampleMs: number;
}

function insertRate(db: DatabaseSync, { id, group, sampleMs }: Inserting): number {
  const copies = copiesOf(db, id);
  let count = 0;
  const from = performance.now();
  while (performance.now() - from < sampleMs) {
    db.exec("BEGIN IMMEDIATE");
    for (let i = 0; i < group; i++) {
      // Ids of jobs grow, as this one does, so that the rows land where a real one would.
      const next = `${id.slice(0, -8)}${String(10_000_000 + ++count)}`;
      for (const { insert, values } of copies) insert.run(...values.map((value) => (value === id ? next : value)));
    }
    db.exec("COMMIT");
  }
  return count / ((performance.now() - from) / 1_000);
}

/** For every row that names the job: a statement that inserts one like it. */
function copiesOf(db: DatabaseSync, id: string): readonly Copy[] {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
  return tables.flatMap(({ name }) => {
    const columns = db.prepare(`SELECT name, type, pk FROM pragma_table_info('${String(name)}')`).all();
    const holding = columns.filter((column) => column["name"] === "id" || column["name"] === "job_id");
    return holding.flatMap((column) =>
      db
        .prepare(`SELECT * FROM ${String(name)} WHERE ${String(column["name"])} = ?`)
        .all(id)
        .map((row): Copy => {
          // A number that the table gives out itself is left to it.
          const given = Object.entries(row).filter(
            ([key]) => !columns.some((one) => one["name"] === key && one["pk"] === 1 && one["type"] === "INTEGER"),
          );
          const insert = db.prepare(
            `INSERT INTO ${String(name)} (${given.map(([key]) => key).join(", ")}) VALUES (${given.map(() => "?").join(", ")})`,
          );
          return { insert, values: given.map(([, value]) => value as SQLInputValue) };
        }),
    );
  });
}
