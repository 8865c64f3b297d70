/**
 * Tells webhooks what happened. The log of events, which is written with the changes themselves, is what it works from: of
 * those that a webhook wants it makes deliveries, and sends them. One process leads; more do no harm.
 *
 * B1. Deliveries and the place in the feed behind them are stored together: no event is passed over, none becomes two.
 * B2. A delivery is sent until that it was taken is stored: whoever dies in between sends it again, under the same id.
 * B3. Of one webhook one delivery is on its way at a time (kernel, H2). One that does not answer holds up no other webhook.
 * B4. No more than a page of deliveries lies ahead of a webhook: what it has not been told yet stays in the log of events.
 * B5. Where there are no webhooks nothing is read but that there are none, and no change costs more.
 */
import {
  afterSending,
  days,
  matchesWebhook,
  messageOf,
  PAUSE_AFTER_MS,
  seconds,
  webhookBody,
  type Delivery,
  type Webhook,
} from "@windlass/kernel";
import type { FeedEntry, Outbound } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import { leadership } from "./lead.ts";
import { loop, serviceOf, type Loop, type Service } from "./service.ts";
import { sendSigned } from "./send-signed.ts";

/** How often it looks although nothing woke it: whether there are webhooks, and whether a wake was lost. */
const REST_MS: number = seconds(5);
const LEAD_MS: number = seconds(10);
/** Events that one look takes. */
const PAGE = 500;
/** Deliveries that may lie ahead of a webhook before more are made. */
const AHEAD_MAX = 100;
/** Webhooks that are called at the same time. */
const CALLS_MAX = 50;
/** A place is stored although nothing was wanted before it, so that the next start does not read it all again. */
const PLACE_MS: number = seconds(30);
/** Settled deliveries are shown for so long. */
const KEPT_MS: number = days(30);
const PRUNE_MS: number = seconds(60);
const PRUNE_BATCH = 1_000;

interface Relay {
  readonly context: EngineContext;
  readonly outbound: Outbound;
  /** Webhooks that are being called: key → what it ends with. */
  readonly calls: Map<string, Promise<void>>;
  /** Up to where each has been looked through, beyond what is stored. */
  readonly seen: Map<string, { readonly position: string; readonly storedAt: number }>;
  readonly wake: () => void;
  /** When the next delivery is due that was not taken. */
  nextAt: number;
  closing: boolean;
}

const keyOf = ({ workspace, name }: Pick<Webhook, "workspace" | "name">): string => `${workspace}/${name}`;

export function webhookRelay(
  context: EngineContext,
  { session, outbound }: { readonly session: () => string; readonly outbound: Outbound },
): Service {
  return serviceOf("webhooks", async () => {
    const leads = leadership(context, { chore: "webhooks", session, leadMs: LEAD_MS });
    const timeToPrune = every(context, PRUNE_MS);
    let isIdle = true;
    const relay: Relay = {
      context,
      outbound,
      calls: new Map(),
      seen: new Map(),
      wake: () => passes.wake(),
      nextAt: Infinity,
      closing: false,
    };
    const passes: Loop = loop({
      name: "webhooks",
      clock: context.clock,
      random: context.random,
      logger: context.logger,
      restMs: () => Math.max(0, Math.min(REST_MS, relay.nextAt - context.now())),
      subscribe(wake) {
        const ends = [context.bus.subscribe("webhooks", wake), context.bus.subscribe("events", () => !isIdle && wake())];
        return () => ends.forEach((end) => end());
      },
      pass: async () => {
        const all = await context.store.webhooks.list(null);
        const active = all.filter(({ paused }) => !paused);
        isIdle = active.length === 0;
        context.figures.webhooks.active = active.length;
        if (all.length === 0 || !(await leads())) return false;
        if (timeToPrune()) await context.store.webhooks.prune(context.now() - KEPT_MS, PRUNE_BATCH);
        return active.length > 0 && (await relayOnce(relay, active));
      },
    });
    await passes.start();
    return async () => {
      relay.closing = true;
      await passes.stop();
      await Promise.all(relay.calls.values());
    };
  });
}

/** True when there is likely more to do at once. */
async function relayOnce(relay: Relay, active: readonly Webhook[]): Promise<boolean> {
  const pages = new Map<string, Promise<readonly FeedEntry[]>>();
  let more = false;
  relay.nextAt = Infinity;
  for (const webhook of active) {
    const key = keyOf(webhook);
    if (relay.closing || relay.calls.has(key)) continue;
    const { store } = relay.context;
    const pending = await store.webhooks.deliveries({ ...nameOf(webhook), state: "pending", order: "oldest", limit: AHEAD_MAX });
    const made = pending.length < AHEAD_MAX ? await takeMore(relay, webhook, pages) : NOTHING_MADE;
    more ||= made.more;
    const due = [...pending, ...made.deliveries];
    const [first] = due;
    if (first === undefined || relay.calls.size >= CALLS_MAX) continue;
    if ((first.nextAt ?? 0) > relay.context.now()) {
      relay.nextAt = Math.min(relay.nextAt, first.nextAt ?? 0);
      continue;
    }
    const call = tellAll(relay, webhook, due)
      .catch((error: unknown) => relay.context.logger.error("a webhook could not be told", { webhook: key, error: messageOf(error) }))
      .finally(() => {
        relay.calls.delete(key);
        relay.wake();
      });
    relay.calls.set(key, call);
  }
  return more;
}

function nameOf({ workspace, name }: Webhook): { readonly workspace: string; readonly webhook: string } {
  return { workspace, webhook: name };
}

interface Made {
  readonly deliveries: readonly Delivery[];
  readonly more: boolean;
}

const NOTHING_MADE: Made = { deliveries: [], more: false };

/** Makes deliveries of the next page of events (B1). Webhooks that have come equally far share what is read. */
async function takeMore({ context, seen }: Relay, webhook: Webhook, pages: Map<string, Promise<readonly FeedEntry[]>>): Promise<Made> {
  const { store } = context;
  const key = keyOf(webhook);
  const place = seen.get(key);
  const from = place === undefined || place.position < webhook.position ? webhook.position : place.position;
  const read = pages.get(from) ?? store.reads.feed(from, PAGE);
  pages.set(from, read);
  const entries = await read;
  const to = entries.at(-1)?.position ?? from;
  const deliveries = await deliveriesOf(context, webhook, entries);
  const now = context.clock.monotonic();
  if (deliveries.length === 0 && (to === webhook.position || now - (place?.storedAt ?? 0) < PLACE_MS)) {
    seen.set(key, { position: to, storedAt: place?.storedAt ?? now });
    return { deliveries, more: entries.length === PAGE };
  }
  const isStored = await store.webhooks.take(webhook, { from: webhook.position, to, deliveries });
  seen.set(key, { position: to, storedAt: now });
  if (!isStored) seen.delete(key);
  return isStored ? { deliveries, more: entries.length === PAGE } : { deliveries: [], more: true };
}

async function deliveriesOf(context: EngineContext, webhook: Webhook, entries: readonly FeedEntry[]): Promise<readonly Delivery[]> {
  const { types } = webhook.filter;
  const wanted = entries.filter(
    ({ workspace, event }) => workspace === webhook.workspace && (types.length === 0 || types.includes(event.type)),
  );
  if (wanted.length === 0) return [];
  const ids = [...new Set(wanted.map(({ event }) => event.jobId))];
  const records = new Map((await context.store.jobs.records(ids)).map((record) => [record.id, record]));
  return wanted.flatMap(({ position, workspace, event }) => {
    const record = records.get(event.jobId);
    if (record === undefined || !matchesWebhook(webhook.filter, event, record)) return [];
    const now = context.now();
    return {
      id: context.newId("msg"),
      ...nameOf(webhook),
      position,
      jobId: event.jobId,
      seq: event.seq,
      type: event.type,
      body: webhookBody({ workspace, event, record }),
      state: "pending" as const,
      tries: 0,
      nextAt: now,
      lastAt: null,
      lastStatus: null,
      lastError: null,
      tookMs: null,
      settledAt: null,
      createdAt: now,
    };
  });
}

/** One after the other (B3), until one is to be sent again later. */
async function tellAll(relay: Relay, webhook: Webhook, deliveries: readonly Delivery[]): Promise<void> {
  const { context, outbound } = relay;
  const { webhooks: counted } = context.figures;
  let { failingSince } = webhook;
  for (const delivery of deliveries) {
    if (relay.closing || (delivery.nextAt ?? 0) > context.now()) return;
    const sent = await sendSigned(context, outbound, { webhook, id: delivery.id, body: delivery.body });
    const now = context.now();
    const after = afterSending(delivery, sent, { now, random: context.random.next() });
    // Somebody else leads now, or it was removed: the rest is theirs.
    if (!(await context.store.webhooks.record(after))) return;
    counted.sent++;
    if (sent.error !== null) counted.failed++;
    if (after.state === "dead") counted.dead++;
    const failing = sent.error === null ? null : (failingSince ?? now);
    const pausedAt = failing !== null && now - failing >= PAUSE_AFTER_MS ? now : null;
    if (failing !== failingSince || pausedAt !== null) await context.store.webhooks.mark(webhook, { failingSince: failing, pausedAt });
    failingSince = failing;
    if (pausedAt !== null)
      context.logger.warn("a webhook is paused: it took nothing for a day", { webhook: keyOf(webhook), error: sent.error });
    if (after.state === "pending" || pausedAt !== null) return;
  }
}
