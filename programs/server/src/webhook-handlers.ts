/** The operations on webhooks. */
import type { DeliveryJson, WebhookJson } from "@windlass/contract";
import type { Delivery, Webhook } from "@windlass/kernel";
import { pageOf } from "./page-of.ts";
import { isoTime, maybeTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function webhookHandlers({ engine: { webhooks } }: ServerContext): Handlers<"webhooks"> {
  return {
    list: async ({ query }, { workspace }) => pageOf((await webhooks.list(workspace)).map(presentWebhook), query, ({ name }) => name),
    get: async ({ params: { name } }, { workspace }) => presentWebhook(await webhooks.get(workspace, name)),
    async create({ body: { name, ...request } }, { workspace, principal }) {
      const { webhook, signingSecret } = await webhooks.create({ workspace, name }, request, principal.name);
      return { ...presentWebhook(webhook), signingSecret };
    },
    update: async ({ params: { name }, body }, { workspace, principal, expected }) =>
      presentWebhook(await webhooks.update({ workspace, name }, body, { by: principal.name, expected })),
    async delete({ params: { name } }, { workspace, expected }) {
      await webhooks.remove(workspace, name, expected);
      return { name };
    },
    async test({ params: { name } }, { workspace }) {
      const { status, error, tookMs } = await webhooks.test(workspace, name);
      return { status, error, tookMs };
    },
    async deliveries({ params: { name }, query: { state, limit, cursor } }, { workspace }) {
      await webhooks.get(workspace, name);
      const found = await webhooks.deliveries({ workspace, webhook: name, state, after: cursor, limit: limit + 1 });
      const shown = found.slice(0, limit);
      return { items: shown.map(presentDelivery), nextCursor: found.length > limit ? (shown.at(-1)?.position ?? null) : null };
    },
    redrive: async ({ params: { name }, body: { ids = null } }, { workspace }) => ({
      redriven: await webhooks.redrive(workspace, name, ids),
    }),
  };
}

function presentWebhook({
  name,
  url,
  filter,
  secret,
  paused,
  pausedBy,
  pausedAt,
  failingSince,
  createdBy,
  createdAt,
  revision,
}: Webhook): WebhookJson {
  const { types, kinds, names, outcomes, labels } = filter;
  return {
    name,
    url,
    filter: { types: [...types], kinds: [...kinds], names: [...names], outcomes: [...outcomes], labels },
    secret,
    paused,
    pausedBy,
    pausedAt: maybeTime(pausedAt),
    failingSince: maybeTime(failingSince),
    createdBy,
    createdAt: isoTime(createdAt),
    revision,
  };
}

function presentDelivery({
  id,
  jobId,
  seq,
  type,
  state,
  tries,
  nextAt,
  lastAt,
  lastStatus,
  lastError,
  tookMs,
  settledAt,
  createdAt,
}: Delivery): DeliveryJson {
  return {
    id,
    jobId,
    seq,
    type,
    state,
    tries,
    nextAt: maybeTime(nextAt),
    lastAt: maybeTime(lastAt),
    lastStatus,
    lastError,
    tookMs,
    settledAt: maybeTime(settledAt),
    createdAt: isoTime(createdAt),
  };
}
