/** Dead letters on PostgreSQL. */
import type pg from "pg";
import { deadLetterOf, tallyOf, UNSET, type WorkingSet } from "@windlass/kernel";
import type { DeadLetterStore } from "@windlass/ports";
import { deadLetterQuery, deadLetterStatements, deadLettersTable, jobsTable, queuesTable } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";

const SQL = deadLetterStatements((n) => `$${n}`);
const RECORDS = `SELECT ${jobsTable.list()} FROM jobs WHERE id = ANY($1::text[])`;
const QUEUES = `SELECT ${queuesTable.list()} FROM queues WHERE name = ANY($1::text[])`;

/** Keeps those of the jobs that died which their queue, or whoever submitted them, wants to be told of. */
export async function storeDeadLetters(db: Querier, { writes: { died, ended }, tally }: WorkingSet): Promise<void> {
  if (died.length === 0) return;
  const records = (await db.rows(RECORDS, [died])).map((row) => jobsTable.decode(row));
  const settings = (await db.rows(QUEUES, [[...new Set(records.map(({ queue }) => queue))]])).map((row) => queuesTable.decode(row));
  const queues = new Map(settings.map((queue) => [queue.name, queue]));
  for (const record of records) {
    const final = ended.get(record.id)?.final;
    const letter = final === undefined ? null : deadLetterOf(record, final, queues.get(record.queue) ?? UNSET);
    if (letter === null) continue;
    await db.write(SQL.add, deadLettersTable.encode(letter));
    tallyOf(tally, letter.queue).died++;
  }
}

export function deadLetterStore(db: Querier, pool: pg.Pool): DeadLetterStore {
  return {
    list: async (filter) => {
      const { sql, values } = deadLetterQuery(filter, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => deadLettersTable.decode(row));
    },
    redriven: (marks, { by, at }) =>
      inTransaction(pool, async (tx) => {
        for (const { jobId, redrives, as } of marks) await tx.rows(SQL.redriven, [at, by, as, jobId, redrives]);
      }),
    remove: (jobIds) => inTransaction(pool, (tx) => tx.count("DELETE FROM dead_letters WHERE job_id = ANY($1::text[])", [jobIds])),
  };
}
