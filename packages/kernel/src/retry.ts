/** When a failed attempt is followed by another, and when. Keys on outcome and reason, never on a text. Pure. */
import { minutes, seconds, storableDelay, type Duration } from "./duration.ts";
import type { Outcome } from "./outcome.ts";
import type { Reason } from "./reason.ts";

export interface Backoff {
  readonly initial: Duration;
  readonly factor: number;
  readonly max: Duration;
  /** Part of the delay that is random, 0..1: the delay lies in [d × (1 - jitter), d]. */
  readonly jitter: number;
}

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly limit: number;
  readonly on: readonly Outcome[];
  readonly backoff: Backoff;
}

export const DEFAULT_BACKOFF: Backoff = { initial: seconds(1), factor: 2, max: minutes(5), jitter: 0.2 };

/** What may be repeated is repeated twice when what carried it out was lost; nothing else is. */
export const DEFAULT_RETRY: RetryPolicy = { limit: 2, on: ["failed_node_lost"], backoff: DEFAULT_BACKOFF };

export const NO_RETRY: RetryPolicy = { limit: 0, on: [], backoff: DEFAULT_BACKOFF };

/** The most attempts that a policy may ask for. */
export const RETRY_LIMIT_MAX = 1000;

/** No policy repeats these: the result would be the same, or somebody decided. */
const NEVER_AGAIN: ReadonlySet<Reason> = new Set([
  "failed_for_good",
  "cancel_requested",
  "parent_ended",
  "replaced",
  "vanished_unobserved",
  "handler_unknown",
]);

export interface Ended {
  readonly outcome: Outcome;
  readonly reason: Reason;
  /** The number of the attempt that ended, from 1. */
  readonly attempt: number;
  /** What the handler asked for, if it did. */
  readonly retryAfterMs?: number | undefined;
  /** A number in [0, 1) for the jitter, handed in. */
  readonly random: number;
}

/** How long to wait before the next attempt, or undefined when there is to be none. */
export function retryDelay(policy: RetryPolicy, ended: Ended): Duration | undefined {
  if (NEVER_AGAIN.has(ended.reason)) return undefined;
  if (ended.attempt > policy.limit) return undefined;
  if (ended.retryAfterMs !== undefined) return storableDelay(ended.retryAfterMs);
  if (!policy.on.includes(ended.outcome)) return undefined;
  return storableDelay(backoffDelay(policy.backoff, ended.attempt, ended.random));
}

/** The delay after the `attempt`-th failure. */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): Duration {
  const full = Math.min(backoff.max, backoff.initial * backoff.factor ** (attempt - 1));
  return Math.round(full * (1 - backoff.jitter * random)) as Duration;
}
