/** Dead letters on SQLite. */
import { deadLetterOf, tallyOf, UNSET, type DeadLetter, type WorkingSet } from "@windlass/kernel";
import type { DeadLetterFilter, DeadLetterStore } from "@windlass/ports";
import { deadLetterQuery, deadLetterStatements, deadLettersTable } from "@windlass/sql";
import type { Database } from "./database.ts";
import { records } from "./job-queries.ts";
import { getQueue } from "./queues.ts";

const SQL = deadLetterStatements(() => "?");

/** Keeps those of the jobs that died which their queue, or whoever submitted them, wants to be told of. */
export function storeDeadLetters(db: Database, { writes: { died, ended }, tally }: WorkingSet): void {
  if (died.length === 0) return;
  for (const record of records(db, died)) {
    const final = ended.get(record.id)?.final;
    const letter = final === undefined ? null : deadLetterOf(record, final, getQueue(db, record.queue) ?? UNSET);
    if (letter === null) continue;
    db.run(SQL.add, deadLettersTable.encode(letter));
    tallyOf(tally, letter.queue).died++;
  }
}

export function listDeadLetters(db: Database, filter: DeadLetterFilter): DeadLetter[] {
  const { sql, values } = deadLetterQuery(filter, () => "?");
  return db.all(sql, values).map((row) => deadLettersTable.decode(row));
}

type Marking = Parameters<DeadLetterStore["redriven"]>;

export function markRedriven(db: Database, marks: Marking[0], { by, at }: Marking[1]): void {
  for (const { jobId, redrives, as } of marks) db.run(SQL.redriven, [at, by, as, jobId, redrives]);
}

export function removeDeadLetters(db: Database, jobIds: readonly string[]): number {
  return jobIds.reduce((removed, id) => removed + db.run(SQL.remove, [id]), 0);
}
