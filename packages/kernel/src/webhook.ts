/**
 * Webhooks: who elsewhere is told of events, of which, and what becomes of each telling. Pure.
 *
 * H1. A delivery has one id for as long as it exists, however often it is sent: whoever is told twice can know it.
 * H2. The events of one webhook are told in the order in which they were committed; a later one only once the one before
 *     was taken, or given up as dead.
 */
import { days, minutes, seconds } from "./duration.ts";
import type { EventType, JobEvent } from "./event.ts";
import { isJsonObject } from "./json.ts";
import type { JobKindName, JobRecord } from "./job.ts";
import type { Outcome } from "./outcome.ts";
import { backoffDelay, type Backoff } from "./retry.ts";

/** What of all events of a workspace is told. An empty list narrows nothing. */
export interface WebhookFilter {
  readonly types: readonly EventType[];
  readonly kinds: readonly JobKindName[];
  readonly names: readonly string[];
  /** Of events that say how something ended; of others nothing when there is one. */
  readonly outcomes: readonly Outcome[];
  /** All of them, with these values. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface Webhook {
  readonly workspace: string;
  readonly name: string;
  readonly url: string;
  readonly filter: WebhookFilter;
  /** Alias of the secret of the workspace that deliveries are signed with. */
  readonly secret: string;
  readonly paused: boolean;
  /** Who paused it; `windlass` when it had failed for too long. */
  readonly pausedBy: string | null;
  readonly pausedAt: number | null;
  /** Up to where in the feed its deliveries were made. */
  readonly position: string;
  /** Since when nothing was taken any more; null: the last one was, or nothing was sent. */
  readonly failingSince: number | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly revision: number;
}

export const DELIVERY_STATES = ["pending", "delivered", "dead"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface Delivery {
  /** Told with it (`webhook-id`); see H1. */
  readonly id: string;
  readonly workspace: string;
  readonly webhook: string;
  /** Of the event in the feed: what orders them (H2). */
  readonly position: string;
  readonly jobId: string;
  readonly seq: number;
  readonly type: EventType;
  /** What is sent, as text. */
  readonly body: string;
  readonly state: DeliveryState;
  readonly tries: number;
  /** When it is sent (again); null once it is settled. */
  readonly nextAt: number | null;
  readonly lastAt: number | null;
  /** HTTP status of the last answer; null: there was none. */
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly tookMs: number | null;
  readonly settledAt: number | null;
  readonly createdAt: number;
}

/** What one sending came to. */
export interface Sent {
  readonly status: number | null;
  /** Null: it was taken. */
  readonly error: string | null;
  readonly tookMs: number;
  /** How long the receiver wants to be left alone. */
  readonly retryAfterMs?: number | undefined;
}

/** A receiver that asks for longer is asked again all the same. */
const RETRY_AFTER_MS_MAX: number = minutes(60);
/** About an hour in all: a receiver that is being deployed loses nothing, and one event holds the others up no longer. */
const TRIES_MAX = 13;
/** Of what the receiver says that it will never take. */
const REFUSED_TRIES_MAX = 3;
const BACKOFF: Backoff = { initial: seconds(1), factor: 3, max: minutes(10), jitter: 0.3 };
/** A webhook that failed for so long, without one success in between, is paused. */
export const PAUSE_AFTER_MS: number = days(1);
/** Answers that say "later", not "never". */
const LATER: readonly number[] = [408, 409, 423, 425, 429];

export function matchesWebhook({ types, kinds, names, outcomes, labels }: WebhookFilter, event: JobEvent, record: JobRecord): boolean {
  if (types.length > 0 && !types.includes(event.type)) return false;
  if (kinds.length > 0 && !kinds.includes(record.kind)) return false;
  if (names.length > 0 && !names.includes(record.name)) return false;
  if (outcomes.length > 0 && !outcomes.includes((isJsonObject(event.data) ? event.data["outcome"] : null) as Outcome)) return false;
  return Object.entries(labels).every(([label, value]) => record.labels[label] === value);
}

/** The delivery once it was sent: taken, to be sent again, or dead. */
export function afterSending(
  delivery: Delivery,
  { status, error, tookMs, retryAfterMs = 0 }: Sent,
  { now, random }: { readonly now: number; readonly random: number },
): Delivery {
  const tries = delivery.tries + 1;
  const sent = { ...delivery, tries, lastAt: now, lastStatus: status, lastError: error, tookMs };
  if (error === null) return { ...sent, state: "delivered", nextAt: null, settledAt: now };
  const isRefused = status !== null && status >= 400 && status < 500 && !LATER.includes(status);
  if (tries >= (isRefused ? REFUSED_TRIES_MAX : TRIES_MAX)) return { ...sent, state: "dead", nextAt: null, settledAt: now };
  return { ...sent, nextAt: now + Math.max(backoffDelay(BACKOFF, tries, random), Math.min(retryAfterMs, RETRY_AFTER_MS_MAX)) };
}

/** What is told: the kind of message, when it happened, and the event with its job (standardwebhooks.com, "payload structure"). */
export function webhookBody({
  workspace,
  event,
  record,
}: {
  readonly workspace: string;
  readonly event: JobEvent;
  readonly record: JobRecord;
}): string {
  const { id, kind, name, parentId, rootId, childKey: key, labels, commit } = record;
  const job = { id, kind, name, parentId, rootId, key, labels, commit };
  const { seq, attempt, data } = event;
  const timestamp = new Date(event.at).toISOString();
  return JSON.stringify({ type: event.type, timestamp, data: { workspace, job, event: { seq, attempt, data } } });
}

/** Of a webhook: part of addresses, and of the name of its secret. */
export const WEBHOOK_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/u;
