/** What callers may do with webhooks: make, change, look at, try, and send again what was given up. */
import {
  didYouMean,
  hasCode,
  messageOf,
  WEBHOOK_NAME,
  WindlassError,
  WORKSPACE_SCOPE,
  type Delivery,
  type Expected,
  type Fault,
  type Sent,
  type Webhook,
  type WebhookFilter,
} from "@windlass/kernel";
import type { DeliveryFilter, Outbound } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { readyToSeal, type Secrets } from "./secrets.ts";
import { SECRET_PREFIX, sendSigned } from "./send-signed.ts";

export interface WebhookRequest {
  readonly url: string;
  readonly filter: WebhookFilter;
  /** Alias of a secret of the workspace; one is made when left out. */
  readonly secret?: string | undefined;
  readonly paused?: boolean | undefined;
}

export interface Webhooks {
  list(workspace: string): Promise<readonly Webhook[]>;
  /** Throws `not_found`. */
  get(workspace: string, name: string): Promise<Webhook>;
  /**
   * What happens from now on is told to it. `signingSecret` is given once, when it was made here. Throws `invalid`, `conflict`
   * when there is one of that name, `unavailable` where nobody can be called.
   */
  create(
    id: { readonly workspace: string; readonly name: string },
    request: WebhookRequest,
    by: string,
  ): Promise<{ readonly webhook: Webhook; readonly signingSecret: string | null }>;
  /** What is left out stays. Throws `not_found`, `invalid`, `revision_mismatch`. */
  update(
    id: { readonly workspace: string; readonly name: string },
    change: { readonly [K in keyof WebhookRequest]?: WebhookRequest[K] | undefined },
    made: { readonly by: string; readonly expected: Expected },
  ): Promise<Webhook>;
  remove(workspace: string, name: string, expected: Expected): Promise<void>;
  /** Sends a message of the type `webhook.test`, once, and tells what came of it. */
  test(workspace: string, name: string): Promise<Sent>;
  deliveries(filter: DeliveryFilter): Promise<readonly Delivery[]>;
  /** Sends dead deliveries again. Returns how many. */
  redrive(workspace: string, name: string, ids: readonly string[] | null): Promise<number>;
}

const SECRET_BYTES = 24;

interface Parts {
  readonly context: EngineContext;
  readonly secrets: Secrets;
  /** Null: nobody is called from here. */
  readonly outbound: Outbound | null;
}

export function webhooks(context: EngineContext, calling: Omit<Parts, "context">): Webhooks {
  const parts = { context, ...calling };
  const { store, bus } = context;
  const find = (workspace: string, name: string): Promise<Webhook> => findWebhook(context, workspace, name);
  return {
    list: (workspace) => store.webhooks.list(workspace),
    get: find,
    async create(id, request, by) {
      const made = await create(parts, { ...id, ...request }, by);
      bus.publish("webhooks", "");
      return made;
    },
    async update({ workspace, name }, change, made) {
      const webhook = await update(parts, await find(workspace, name), { change, ...made });
      bus.publish("webhooks", "");
      return webhook;
    },
    async remove(workspace, name, expected) {
      await find(workspace, name);
      await store.webhooks.remove(workspace, name, expected);
      bus.publish("webhooks", "");
    },
    async test(workspace, name) {
      const webhook = await find(workspace, name);
      const timestamp = new Date(context.now()).toISOString();
      const body = JSON.stringify({ type: "webhook.test", timestamp, data: { workspace, webhook: name } });
      return sendSigned(context, callerOf(parts), { webhook, id: context.newId("msg"), body });
    },
    deliveries: (filter) => store.webhooks.deliveries(filter),
    async redrive(workspace, name, ids) {
      const count = await store.webhooks.redrive(await find(workspace, name), ids, context.now());
      bus.publish("webhooks", "");
      return count;
    },
  };
}

function callerOf({ outbound }: Parts): Outbound {
  if (outbound !== null) return outbound;
  throw new WindlassError("unavailable", "this server calls nobody, so it has no webhooks");
}

async function findWebhook({ store }: EngineContext, workspace: string, name: string): Promise<Webhook> {
  const all = await store.webhooks.list(workspace);
  const found = all.find((webhook) => webhook.name === name);
  if (found !== undefined) return found;
  const near = didYouMean(
    name,
    all.map((webhook) => webhook.name),
  );
  throw new WindlassError("not_found", `there is no webhook ${name}${near}`);
}

type Wanted = WebhookRequest & Pick<Webhook, "workspace" | "name">;

async function create(
  parts: Parts,
  { workspace, name, url, filter, secret, paused = false }: Wanted,
  by: string,
): Promise<{ readonly webhook: Webhook; readonly signingSecret: string | null }> {
  const { context, secrets } = parts;
  const { store } = context;
  checked(name, faultOfUrl(callerOf(parts), url));
  if ((await store.webhooks.list(workspace)).some((webhook) => webhook.name === name)) throw taken(name);
  const made = secret === undefined ? `${SECRET_PREFIX}${Buffer.from(context.random.bytes(SECRET_BYTES)).toString("base64")}` : null;
  const alias = secret ?? `webhook-${name}`;
  await (made === null ? demandSecret(context, workspace, alias) : readyToSeal(context));
  const now = context.now();
  const position = await store.reads.feedEnd();
  const pause = pausing(paused, { by, now });
  const fresh = { workspace, name, url, filter, secret: alias, ...pause, position, failingSince: null, createdBy: by, createdAt: now };
  const webhook = await store.webhooks.put(fresh, 0).catch((error: unknown) => {
    throw hasCode(error, "revision_mismatch") ? taken(name) : error;
  });
  // Behind it: of two that make the webhook at once, the one that is refused would change the secret of the other.
  if (made !== null)
    await secrets.set({ workspace, scope: WORKSPACE_SCOPE, name: alias }, made, by).catch(async (error: unknown) => {
      // Nobody was told its secret, and who tries again is to find the name free.
      await store.webhooks.remove(workspace, name, webhook.revision).catch((lost: unknown) => {
        context.logger.warn("a webhook that has no secret could not be removed", { workspace, webhook: name, error: messageOf(lost) });
      });
      throw error;
    });
  return { webhook, signingSecret: made };
}

function taken(name: string): WindlassError {
  return new WindlassError("conflict", `there is a webhook ${name} already`);
}

interface Updating {
  readonly change: Parameters<Webhooks["update"]>[1];
  readonly by: string;
  readonly expected: Expected;
}

async function update(parts: Parts, before: Webhook, { change, by, expected }: Updating): Promise<Webhook> {
  const { context } = parts;
  const { revision, ...rest } = before;
  const { url, filter, secret, paused } = change;
  if (url !== undefined) checked(before.name, faultOfUrl(callerOf(parts), url));
  if (secret !== undefined) await demandSecret(context, before.workspace, secret);
  const isNews = paused !== undefined && paused !== before.paused;
  const next = {
    ...rest,
    url: url ?? before.url,
    filter: filter ?? before.filter,
    secret: secret ?? before.secret,
    // Whoever lets it go on gives it a whole day again.
    ...(isNews ? { ...pausing(paused, { by, now: context.now() }), failingSince: null } : {}),
  };
  return context.store.webhooks.put(next, expected ?? revision);
}

function pausing(
  paused: boolean,
  { by, now }: { readonly by: string; readonly now: number },
): Pick<Webhook, "paused" | "pausedBy" | "pausedAt"> {
  return { paused, pausedBy: paused ? by : null, pausedAt: paused ? now : null };
}

function faultOfUrl(outbound: Outbound, url: string): Fault | null {
  const fault = outbound.fault(url);
  return fault === null ? null : { path: "url", message: fault };
}

function checked(name: string, fault: Fault | null): void {
  const message = `"${name}" cannot name a webhook; a name has 1 to 63 lower-case letters, digits and -, begins with a letter and does not end with -`;
  const faults = [...(WEBHOOK_NAME.test(name) ? [] : [{ path: "name", message }]), ...(fault === null ? [] : [fault])];
  if (faults.length > 0) throw new WindlassError("invalid", faults.map((one) => one.message).join("; "), { faults });
}

async function demandSecret({ store }: EngineContext, workspace: string, alias: string): Promise<void> {
  const found = await store.secrets.find({ workspace, scopes: [WORKSPACE_SCOPE], names: [alias] });
  if (found.length > 0) return;
  const message = `there is no secret "${alias}" in the workspace; windlass secrets set ${alias}, or leave it out and one is made`;
  throw new WindlassError("invalid", message, { faults: [{ path: "secret", message }] });
}
