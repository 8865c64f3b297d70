/**
 * What SQLite itself takes for the rows that one submitted job makes, on this disk, one, 50 or 1,000 jobs in each transaction:
 * no rule, no thread.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { open } from "../contenders/windlass-embedded.ts";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { COMMITTED_AT_ONCE, copiesOf, idAfter } from "../servers/copied-rows.ts";

const SAMPLE_MS = { full: 1_500, quick: 100 } as const;

export const groupInserts = (group: number): Entrant => ({
  name: `ceiling: raw inserts, ${group} a commit`,
  missing: () => null,
  async measure(scale) {
    const queue = await open({});
    const { id } = await queue.windlass.engine.jobs.submit({ ...JOB_OF_WINDLASS, queue: "copied" });
    await queue.windlass.close();
    const db = new DatabaseSync(join(queue.folder, "windlass.db"));
    db.exec(COMMITTED_AT_ONCE);
    const rate = insertRate(db, { id, group, sampleMs: SAMPLE_MS[scale] });
    db.close();
    await queue.remove();
    return { "": rate };
  },
});

/** Rows of one statement; more make it no quicker. */
const ROWS_MAX = 125;

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
    db.exec("BEGIN IMMEDIATE");
    for (let done = 0; done < group; done += rows) {
      const ids = Array.from({ length: rows }, () => idAfter(id, ++count));
      for (const { insert, common } of copies) insert.run(...common, ...ids);
    }
    db.exec("COMMIT");
  }
  return count / ((performance.now() - from) / 1_000);
}
