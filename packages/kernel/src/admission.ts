/**
 * Which of the ready jobs may start now: pauses, queue limits and concurrency keys. Pure; a store hands in candidates in
 * order (highest priority, then oldest) with their queues and keys locked, so that what is counted here cannot change
 * before it is written.
 *
 * D1. A key is never held by more jobs than its limit; a descendant of a holder is let in without a place of its own.
 * D2. A job whose key is full leaves the ready index (`blocked`) until the key has room.
 * D3. A queue's limit counts attempts: a job without executor has none, so only a pause holds it back.
 * D4. A resumed attempt was admitted before: no pause, limit or key applies to it again.
 * D5. A job whose start deadline has passed is not started; its timer lets it expire.
 * D6. What is read ahead (claimed before there is a slot for it) loses nothing by lying with a worker: another attempt
 *     follows if the worker is lost, no time limit runs, and nothing that is limited is kept from others. The order stays.
 */
import type { LiveJob } from "./job.ts";
import { DEFAULT_RETRY } from "./retry.ts";
import { blocked, claimed, startDeadlineOf, type Claim } from "./transition.ts";
import type { WorkingSet } from "./working-set.ts";

export interface QueueState {
  readonly paused: boolean;
  readonly limit: number | null;
  /** Attempts of this queue that are alive; needed only where there is a limit. */
  running: number;
}

export interface KeyState {
  readonly limit: number;
  readonly holders: Set<string>;
}

export interface Admission {
  readonly candidates: readonly LiveJob[];
  readonly queues: ReadonlyMap<string, QueueState>;
  readonly keys: ReadonlyMap<string, KeyState>;
  readonly claim: Claim;
  /** Jobs for which there is a slot. */
  readonly limit: number;
  /** Jobs beyond `limit` that are read ahead. */
  readonly ahead: number;
  readonly now: number;
}

/** Claims up to `limit + ahead` candidates; returns the ids of those that were. Others stay or become blocked. */
export function admit(set: WorkingSet, admission: Admission): string[] {
  const admitted: string[] = [];
  for (const live of admission.candidates) {
    if (admitted.length >= admission.limit + admission.ahead) break;
    if (live.state !== "queued" || live.blocked) continue;
    const startDeadline = startDeadlineOf(live);
    if (startDeadline !== null && startDeadline <= admission.now) continue;
    const queue = admission.queues.get(live.queue);
    if (admitted.length >= admission.limit && !mayBeReadAhead(live, queue)) break;
    if (!live.resumed) {
      if (queue !== undefined && (queue.paused || isFull(queue, live))) continue;
      if (!takeKey(set, live, admission.keys)) continue;
    }
    set.take(live, claimed(live, admission.claim, admission.now));
    if (queue !== undefined && live.executor !== "none") queue.running++;
    admitted.push(live.id);
  }
  return admitted;
}

function mayBeReadAhead(live: LiveJob, queue: QueueState | undefined): boolean {
  const { limit, on } = live.retry ?? DEFAULT_RETRY;
  const followed = on.includes("failed_node_lost") && live.attempt < limit;
  return followed && !live.resumed && live.timeoutMs === null && live.concurrencyKey === null && (queue?.limit ?? null) === null;
}

function isFull(queue: QueueState, live: LiveJob): boolean {
  return live.executor !== "none" && queue.limit !== null && queue.running >= queue.limit;
}

/** How many blocked jobs of a key may become ready now. */
export function roomOf(key: KeyState): number {
  return Math.max(0, key.limit - key.holders.size);
}

function takeKey(set: WorkingSet, live: LiveJob, keys: ReadonlyMap<string, KeyState>): boolean {
  if (live.concurrencyKey === null) return true;
  const key = keys.get(live.concurrencyKey);
  if (key === undefined || key.holders.has(live.id) || descendsFromHolder(live, key.holders)) return true;
  if (roomOf(key) === 0) {
    set.take(live, blocked(live, [...key.holders]));
    return false;
  }
  key.holders.add(live.id);
  set.writes.keysTaken.push({ key: live.concurrencyKey, jobId: live.id });
  return true;
}

function descendsFromHolder(live: LiveJob, holders: ReadonlySet<string>): boolean {
  return live.path !== "" && live.path.split("/").some((ancestor) => holders.has(ancestor));
}
