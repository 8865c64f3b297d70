/**
 * pg-boss on the PostgreSQL of the run.
 * Settings, from pgboss.io/api/workers and /api/queues: batches (`batchSize`, `insert`), no rest between full batches
 * (`burstWhenBatchFull`), wake-ups (`useListenNotify` and the queue's `notify`). It keeps its finished jobs for 7 days.
 */
import { PgBoss } from "pg-boss";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING, untilNone } from "../servers/postgres.ts";
import { batches, PAYLOAD, type Contender } from "./contender.ts";

const NAME = "noop";
/** Its own is 10. */
const POOL = 25;

export const pgBoss: Contender = {
  name: "pg-boss",
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async open() {
    const database = await postgresDatabase();
    const boss = new PgBoss({ connectionString: database.url, max: POOL, useListenNotify: true, schedule: false });
    boss.on("error", (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
    await boss.start();
    await boss.createQueue(NAME, { notify: true });
    return {
      enqueue: async () => void (await boss.send(NAME, PAYLOAD)),
      async enqueueMany(count) {
        for (const size of batches(count))
          await boss.insert(
            NAME,
            Array.from({ length: size }, () => ({ data: PAYLOAD })),
          );
      },
      async work({ concurrency, onJob }) {
        // So that not more than `concurrency` handlers run at once.
        const options = { batchSize: concurrency, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
        await boss.work(NAME, options, async (jobs) => {
          for (let i = 0; i < jobs.length; i++) onJob();
        });
        return {
          stored: () => untilNone(database, `SELECT 1 FROM pgboss.job WHERE name = '${NAME}' AND state <= 'active' LIMIT 1`),
          stop: () => boss.offWork(NAME),
        };
      },
      async close() {
        await boss.stop({ graceful: false });
        await database.drop();
      },
    };
  },
};
