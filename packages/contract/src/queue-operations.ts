/** What can be done with queues over the API. */
import { CONCURRENCY_LIMIT_MAX, RATE_LIMIT_MAX, RATE_SECONDS_MAX } from "@windlass/kernel";
import * as z from "zod";
import { idCursor, namePage, nameParams, nextCursor, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

/** Starts in a time; as many may start at once after a rest. */
export const rateLimitJson = z
  .strictObject({ limit: z.int().min(1).max(RATE_LIMIT_MAX), perSeconds: z.int().min(1).max(RATE_SECONDS_MAX) })
  .meta({ id: "RateLimit" });

/** What may be set of a queue. */
const settings = z.strictObject({
  paused: z.boolean(),
  /** Attempts that may be alive at once. */
  concurrencyLimit: z.int().min(0).max(CONCURRENCY_LIMIT_MAX).nullable(),
  /** Attempts that may start in a time. */
  rateLimit: rateLimitJson.nullable(),
  /** Attempts of each fairness key that may be alive at once; jobs without a key are not counted. */
  keyConcurrencyLimit: z.int().min(1).max(CONCURRENCY_LIMIT_MAX).nullable(),
  /** Attempts of each fairness key that may start in a time. */
  keyRateLimit: rateLimitJson.nullable(),
  /** Whether handler jobs that failed for good become dead letters. */
  deadLetters: z.boolean(),
});

export const queueJson = z
  .object({
    name: z.string(),
    ...settings.shape,
    pausedBy: z.string().nullable(),
    pausedAt: time.nullable(),
    /** Grows with each change; 0: nobody has set anything of it. */
    revision: z.int(),
    scheduled: z.int(),
    /** At most 100,000 are counted; then there may be more. */
    queued: z.int(),
    running: z.int(),
    waiting: z.int(),
    /** What the concurrency limit counts, and what a drained queue has none of. */
    attemptsAlive: z.int(),
    oldestQueuedAt: time.nullable(),
  })
  .meta({ id: "Queue" });

export type QueueJson = z.output<typeof queueJson>;

/** Which of the jobs that wait are meant; all when left out. */
const waiting = {
  jobName: z.string().max(200).optional(),
  fairnessKey: z.string().max(200).optional(),
  /** Goes on behind the batch that told it. */
  cursor: idCursor("job").optional(),
};

export const sweptJson = z
  .object({
    /** Jobs that were meant, of this batch. */
    matched: z.int(),
    /** Those with which it was done; 0 in a preview. Others were started meanwhile, or are steps. */
    done: z.int(),
    /** Those that belong to an execution. */
    steps: z.int(),
    /** True when there are more than one call looks at: `nextCursor` is where to go on, though nothing was done in this batch. */
    more: z.boolean(),
    nextCursor,
  })
  .meta({ id: "Swept" });

export type SweptJson = z.output<typeof sweptJson>;

export const queueOperations = {
  list: operation("queues.list", {
    summary: "List queues with their figures",
    permission: "queues:read",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(queueJson), nextCursor }),
  }),
  get: operation("queues.get", {
    summary: "Show a queue",
    permission: "queues:read",
    params: nameParams,
    result: queueJson,
    errors: ["not_found"],
  }),
  put: operation("queues.put", {
    summary: "Pause or resume a queue, or set its limits and rates; what is left out stays as it is; made when it is not there",
    permission: "queues:write",
    params: nameParams,
    body: settings.partial(),
    result: queueJson,
    errors: ["revision_mismatch"],
    conditional: true,
  }),
  delete: operation("queues.delete", {
    summary: "Forget what was set of a queue; refused while anything of it is alive",
    permission: "queues:write",
    params: nameParams,
    result: z.object({ name: z.string() }),
    errors: ["not_found", "conflict", "revision_mismatch"],
    conditional: true,
  }),
  move: operation("queues.move", {
    summary: "Move what waits in a queue to another, in batches: again with nextCursor until it is null",
    permission: "queues:write",
    params: nameParams,
    body: z.strictObject({ to: z.string().max(256), ...waiting, dryRun: z.boolean().default(false) }),
    result: sweptJson,
    errors: ["not_found"],
  }),
  purge: operation("queues.purge", {
    summary:
      "Cancel what waits in a queue, in batches: again with nextCursor until it is null. Steps are left to their executions. Only counts unless dryRun is false",
    permission: "queues:purge",
    params: nameParams,
    body: z.strictObject({
      ...waiting,
      dryRun: z.boolean().default(true),
      /** Also remove those that were never started. */
      remove: z.boolean().default(false),
    }),
    result: sweptJson,
    errors: ["not_found"],
  }),
} as const;
