/**
 * graphile-worker on the PostgreSQL of the run.
 * Settings, from worker.graphile.org/docs/performance: jobs fetched in batches (`localQueue.size` 500), completions in
 * batches (`completeJobBatchDelay` 0), `addJobs` for batches. It deletes its finished jobs, Windlass keeps them.
 */
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING, untilNone } from "../servers/postgres.ts";
import { batches, PAYLOAD, type Contender } from "./contender.ts";

const TASK = "noop";
const LOCAL_QUEUE = 500;
/** Its own is 10; the page on performance has 25. */
const POOL = 25;

const silent = new Logger(() => () => {});

export const graphileWorker: Contender = {
  name: "graphile-worker",
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async open() {
    const database = await postgresDatabase();
    // Of our own, because `release` does not wait until its connections are closed.
    const pgPool = new pg.Pool({ connectionString: database.url, max: POOL });
    pgPool.on("error", () => {});
    pgPool.on("connect", (client) => client.on("error", () => {}));
    const shared = { pgPool, logger: silent };
    const utils = await makeWorkerUtils(shared);
    await utils.migrate();
    return {
      enqueue: async () => void (await utils.addJob(TASK, PAYLOAD)),
      async enqueueMany(count) {
        for (const size of batches(count))
          await utils.addJobs(Array.from({ length: size }, () => ({ identifier: TASK, payload: PAYLOAD })));
      },
      async work({ concurrency, onJob }) {
        const batching = { localQueue: { size: LOCAL_QUEUE }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
        const runner = await run({
          ...shared,
          preset: { worker: { ...batching, concurrentJobs: concurrency } },
          taskList: { [TASK]: () => onJob() },
          noHandleSignals: true,
        });
        return {
          stored: () => untilNone(database, "SELECT 1 FROM graphile_worker._private_jobs LIMIT 1"),
          stop: () => runner.stop(),
        };
      },
      async close() {
        await utils.release();
        await pgPool.end();
        await database.drop();
      },
    };
  },
};
