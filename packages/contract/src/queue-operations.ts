/** What can be done with queues over the API. */
import * as z from "zod";
import { nameParams, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

export const queueJson = z
  .object({
    name: z.string(),
    paused: z.boolean(),
    pausedBy: z.string().nullable(),
    pausedAt: time.nullable(),
    concurrencyLimit: z.int().nullable(),
    scheduled: z.int(),
    queued: z.int(),
    running: z.int(),
    waiting: z.int(),
    oldestQueuedAt: time.nullable(),
  })
  .meta({ id: "Queue" });

export type QueueJson = z.output<typeof queueJson>;

export const queueOperations = {
  list: operation("queues.list", {
    summary: "List queues with their figures",
    permission: "queues:read",
    result: z.object({ items: z.array(queueJson) }),
  }),
  get: operation("queues.get", {
    summary: "Show a queue",
    permission: "queues:read",
    params: nameParams,
    result: queueJson,
    errors: ["not_found"],
  }),
  put: operation("queues.put", {
    summary: "Pause or resume a queue, or limit how many of its jobs run at once; made when it is not there",
    permission: "queues:write",
    params: nameParams,
    body: z.strictObject({ paused: z.boolean().optional(), concurrencyLimit: z.int().min(0).nullable().optional() }),
    result: queueJson,
  }),
} as const;
