/**
 * So many schedules that all fire at each full minute: how much later than its minute each handler begins, on the queue's own
 * scheduler and worker. Every contender runs its handlers in this process, at most 100 at once; they do nothing.
 */
import { setTimeout as rest } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { Logger, makeWorkerUtils, parseCronItems, run } from "graphile-worker";
import { open, openOnPostgres, type OpenWindlass } from "../contenders/windlass-embedded.ts";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING } from "../servers/postgres.ts";
import { hasRedis, REDIS_MISSING, startRedis } from "../servers/redis.ts";
import { percentile } from "../workloads/percentile.ts";
import { byCron, HANDLER, makeSchedules } from "./make-schedules.ts";

const CRON = "* * * * *";
const MINUTE_MS = 60_000;
const CONCURRENCY = 100;
/** Before the first minute that counts, once all schedules are there. */
const RESERVE_MS = 2_000;
/** Behind the last one, for what is late. */
const TAIL_MS = 20_000;
const AT_ONCE = 200;

export interface Punctuality {
  readonly name: string;
  readonly missing: () => string | null;
  /** Makes the schedules and calls `began` with the nominal time of each run; what it returns ends all of it. */
  start(count: number, began: (nominal: number) => void): Promise<() => Promise<void>>;
}

export type Lateness = Readonly<Record<"runs" | "p50, ms" | "p99, ms" | "latest, ms", number>>;

/** Over so many full minutes. */
export async function latenessOf(
  contender: Punctuality,
  { count, minutes }: { readonly count: number; readonly minutes: number },
): Promise<Lateness> {
  const late: number[] = [];
  let [from, until] = [Infinity, -Infinity];
  const end = await contender.start(count, (nominal) => {
    if (nominal >= from && nominal < until) late.push(Date.now() - nominal);
  });
  from = nextMinute(Date.now() + RESERVE_MS);
  until = from + minutes * MINUTE_MS;
  await rest(until - MINUTE_MS + TAIL_MS - Date.now());
  await end();
  return {
    runs: late.length,
    "p50, ms": percentile(late, 0.5),
    "p99, ms": percentile(late, 0.99),
    "latest, ms": late.reduce((most, one) => Math.max(most, one), 0),
  };
}

function nextMinute(instant: number): number {
  return Math.ceil(instant / MINUTE_MS) * MINUTE_MS;
}

const windlass = (name: string, missing: () => string | null, opened: () => Promise<OpenWindlass>): Punctuality => ({
  name,
  missing,
  async start(count, began) {
    const queue = await opened();
    await makeSchedules(queue.windlass.engine.context.store, {
      count,
      timing: byCron(CRON),
      template: HANDLER,
      nextAt: nextMinute(Date.now()),
    });
    const noop = ({ input }: { readonly input: unknown }): void => began(Date.parse((input as { readonly at: string }).at));
    await queue.windlass.worker({ concurrency: CONCURRENCY, handlers: { noop } });
    return () => queue.close();
  },
});

/** Job schedulers, `docs.bullmq.io/guide/job-schedulers`: each has its next job in the queue already, delayed until then. */
const bullmq: Punctuality = {
  name: "bullmq",
  missing: () => (hasRedis() ? null : REDIS_MISSING),
  async start(count, began) {
    const redis = await startRedis();
    const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
    const queue = new Queue("bench", { connection });
    let next = 0;
    const make = async (): Promise<void> => {
      for (let i = next++; i < count; i = next++)
        await queue.upsertJobScheduler(`s${i}`, { pattern: CRON }, { name: "noop", opts: { removeOnComplete: true } });
    };
    await Promise.all(Array.from({ length: AT_ONCE }, make));
    // The id of such a job is `repeat:<scheduler>:<its time>`.
    const worker = new Worker("bench", async ({ id }) => began(Number(id?.split(":").at(-1))), { connection, concurrency: CONCURRENCY });
    await worker.waitUntilReady();
    return async () => {
      await worker.close();
      await queue.close();
      await redis.stop();
    };
  },
};

/** `parsedCronItems`, worker.graphile.org/docs/cron, beside the settings of the contender of the queue's own benchmark. */
const graphileWorker: Punctuality = {
  name: "graphile-worker",
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async start(count, began) {
    const database = await postgresDatabase();
    const logger = new Logger(() => () => {});
    const utils = await makeWorkerUtils({ connectionString: database.url, logger });
    await utils.migrate();
    await utils.release();
    const runner = await run({
      connectionString: database.url,
      logger,
      preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0, concurrentJobs: CONCURRENCY } },
      parsedCronItems: parseCronItems(Array.from({ length: count }, (_, i) => ({ task: "noop", match: CRON, identifier: `s${i}` }))),
      taskList: { noop: (payload) => began(Date.parse((payload as { readonly _cron: { readonly ts: string } })._cron.ts)) },
      noHandleSignals: true,
    });
    return async () => {
      await runner.stop();
      await database.drop();
    };
  },
};

export const PUNCTUAL: readonly Punctuality[] = [
  windlass(
    "windlass sqlite",
    () => null,
    () => open({}),
  ),
  windlass("windlass postgres", () => (hasPostgres() ? null : POSTGRES_MISSING), openOnPostgres),
  bullmq,
  graphileWorker,
];
