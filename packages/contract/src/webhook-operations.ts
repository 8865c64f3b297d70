/** What can be done with webhooks over the API: who elsewhere is told what happens, and what became of each telling. */
import { DELIVERY_STATES, eventTypes, JOB_KINDS, WEBHOOK_NAME } from "@windlass/kernel";
import * as z from "zod";
import { outcome } from "./job-json.ts";
import { labels, namePage, nameParams, nextCursor, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

const LIST_MAX = 50;
const NAME_RULE = "it must have 1 to 63 lower-case letters, digits and -, begin with a letter and not end with -";

/** What of all events of the workspace is told; an empty list narrows nothing. */
const filterJson = z
  .strictObject({
    types: z.array(z.enum(eventTypes)).max(LIST_MAX).default([]),
    kinds: z.array(z.enum(JOB_KINDS)).max(LIST_MAX).default([]),
    /** Of jobs. */
    names: z.array(z.string().max(200)).max(LIST_MAX).default([]),
    outcomes: z.array(outcome).max(LIST_MAX).default([]),
    labels: labels.default({}),
  })
  .meta({ id: "WebhookFilter" });

export const webhookJson = z
  .object({
    name: z.string(),
    url: z.string(),
    filter: filterJson,
    /** Alias of the secret that deliveries are signed with. */
    secret: z.string(),
    paused: z.boolean(),
    /** Who paused it; `windlass` when nothing was taken for a day. */
    pausedBy: z.string().nullable(),
    pausedAt: time.nullable(),
    /** Since when nothing was taken any more. */
    failingSince: time.nullable(),
    createdBy: z.string(),
    createdAt: time,
    revision: z.int(),
  })
  .meta({ id: "Webhook" });

export const deliveryJson = z
  .object({
    /** Sent with it as `webhook-id`: the same however often it is sent. */
    id: z.string(),
    jobId: z.string(),
    seq: z.int(),
    type: z.enum(eventTypes),
    state: z.enum(DELIVERY_STATES),
    tries: z.int(),
    nextAt: time.nullable(),
    lastAt: time.nullable(),
    /** HTTP status of the last answer; null: there was none. */
    lastStatus: z.int().nullable(),
    lastError: z.string().nullable(),
    tookMs: z.int().nullable(),
    settledAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: "WebhookDelivery" });

export type WebhookJson = z.output<typeof webhookJson>;
export type DeliveryJson = z.output<typeof deliveryJson>;

/** How many dead deliveries one call names. */
const REDRIVE_MAX = 500;

const url = z.string().min(1).max(4_000);
const secret = z.string().min(1).max(100);

export const webhookOperations = {
  list: operation("webhooks.list", {
    summary: "List webhooks",
    permission: "webhooks:read",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(webhookJson), nextCursor }),
  }),
  get: operation("webhooks.get", {
    summary: "Show a webhook",
    permission: "webhooks:read",
    params: nameParams,
    result: webhookJson,
    errors: ["not_found"],
  }),
  create: operation("webhooks.create", {
    summary: "Have events told to a server elsewhere, from now on, signed as Standard Webhooks says",
    permission: "webhooks:write",
    status: 201,
    secret: true,
    body: z.strictObject({
      name: z.string().max(256).regex(WEBHOOK_NAME, NAME_RULE),
      url,
      /** Only the ends of jobs when left out. */
      filter: filterJson.default({ types: ["job.finished"], kinds: [], names: [], outcomes: [], labels: {} }),
      /** Alias of a secret of the workspace to sign with; one is made, and told once, when left out. */
      secret: secret.optional(),
      paused: z.boolean().default(false),
    }),
    result: webhookJson.extend({ signingSecret: z.string().nullable() }),
    errors: ["conflict"],
  }),
  update: operation("webhooks.update", {
    summary: "Change a webhook, pause it or let it go on; what is left out stays as it is",
    permission: "webhooks:write",
    params: nameParams,
    body: z.strictObject({ url: url.optional(), filter: filterJson.optional(), secret: secret.optional(), paused: z.boolean().optional() }),
    result: webhookJson,
    errors: ["not_found", "revision_mismatch"],
    conditional: true,
  }),
  delete: operation("webhooks.delete", {
    summary: "Delete a webhook with its deliveries; nothing more is told to it",
    permission: "webhooks:write",
    params: nameParams,
    result: z.object({ name: z.string() }),
    errors: ["not_found"],
  }),
  test: operation("webhooks.test", {
    summary: "Send a message of the type webhook.test, once, and tell what came of it",
    permission: "webhooks:write",
    params: nameParams,
    body: z.strictObject({}),
    result: z.object({ status: z.int().nullable(), error: z.string().nullable(), tookMs: z.int() }),
    errors: ["not_found"],
  }),
  deliveries: operation("webhooks.deliveries", {
    summary: "List what was told, and is to be told, to a webhook, newest event first",
    permission: "webhooks:read",
    params: nameParams,
    query: z.strictObject({
      state: z.enum(DELIVERY_STATES).optional(),
      limit: z.int().min(1).max(500).default(50),
      cursor: z
        .string()
        .regex(/^[0-9]{1,30}(?:-[0-9]{1,30})?$/u, "expected the nextCursor of an earlier answer")
        .optional(),
    }),
    result: z.object({ items: z.array(deliveryJson), nextCursor: z.string().nullable() }),
    errors: ["not_found"],
  }),
  redrive: operation("webhooks.redrive", {
    summary: "Send deliveries again that were given up, under their ids; all of the webhook, or those that are named",
    permission: "webhooks:write",
    params: nameParams,
    body: z.strictObject({ ids: z.array(z.string().max(64)).min(1).max(REDRIVE_MAX).optional() }),
    result: z.object({ redriven: z.int() }),
    errors: ["not_found"],
  }),
} as const;
