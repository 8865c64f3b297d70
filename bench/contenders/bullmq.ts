/**
 * BullMQ on a Redis that flushes before it answers.
 * Settings, from docs.bullmq.io: `concurrency` (guide/workers/concurrency), `addBulk` for batches (guide/queues/adding-bulks),
 * `maxRetriesPerRequest: null` for workers and `noeviction` (guide/going-to-production), `removeOnComplete` so that what
 * is done does not fill the memory (guide/queues/auto-removal-of-jobs): BullMQ forgets its finished jobs, Windlass keeps them.
 */
import { Queue, Worker } from "bullmq";
import { hasRedis, REDIS_MISSING, startRedis } from "../servers/redis.ts";
import { batches, PAYLOAD, type Contender } from "./contender.ts";

const NAME = "bench";
const JOB = { name: "noop", data: PAYLOAD, opts: { removeOnComplete: true } } as const;

export const bullmq: Contender = {
  name: "bullmq",
  missing: () => (hasRedis() ? null : REDIS_MISSING),
  async open() {
    const redis = await startRedis();
    const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
    const queue = new Queue(NAME, { connection });
    await queue.waitUntilReady();
    return {
      enqueue: async () => void (await queue.add(JOB.name, JOB.data, JOB.opts)),
      async enqueueMany(count) {
        for (const size of batches(count)) await queue.addBulk(Array.from({ length: size }, () => JOB));
      },
      async work({ concurrency, onJob }) {
        const worker = new Worker(NAME, async () => onJob(), { connection, concurrency });
        // Emitted when Redis has answered that the end is stored.
        let completed = 0;
        let look = (): void => {};
        worker.on("completed", () => {
          completed++;
          look();
        });
        await worker.waitUntilReady();
        return {
          stored: (count) =>
            new Promise((resolve) => {
              look = () => completed >= count && resolve();
              look();
            }),
          stop: () => worker.close(),
        };
      },
      async close() {
        await queue.close();
        await redis.stop();
      },
    };
  },
};
