/**
 * Which of the ready jobs may start now: pauses, limits and rates of queues, and concurrency keys. Pure; a store hands in
 * candidates in order (turn.ts) with their queues and keys locked, so that what is counted here cannot change before it
 * is written.
 *
 * D1. A key is never held by more jobs than its limit; a descendant of a holder is let in without a place of its own.
 * D2. A job whose key is full leaves the ready index (`blocked`) until the key has room.
 * D3. Limits and rates count attempts: a job without executor has none, so only a pause holds it back.
 * D4. A resumed attempt was admitted before: no pause, limit, rate or key applies to it again.
 * D5. A job whose start deadline has passed is not started; its timer lets it expire.
 * D6. What a fairness key may not start holds back no other key, what a queue may not start no other queue.
 * D7. What is read ahead (claimed before there is a slot for it) loses nothing by lying with a worker: another attempt
 *     follows if the worker is lost, no time limit runs, and no start of a rate is spent. The order stays: it is read ahead
 *     in turn over fairness keys, and a job of another key that comes later waits for no more than that.
 * D8. What is read ahead has a place of each limit, as any attempt. No more than half of the places of a limit are used, itself counted,
 *     when it takes one: the other half is for those who have a slot.
 */
import type { LiveJob } from "./job.ts";
import { UNSET, type QueueSettings } from "./queue.ts";
import { nextStartAt, spentBy, startsLeft } from "./rate.ts";
import { DEFAULT_RETRY } from "./retry.ts";
import { blocked, claimed, startDeadlineOf, type Claim } from "./transition.ts";
import type { WorkingSet } from "./working-set.ts";

/** What has been used of a limit: attempts alive, and when its bucket is full again (rate.ts). Counted only where there is a limit. */
export interface Used {
  running: number;
  spentUntil: number;
}

/** One limit over several queues, and what has been used of it. */
export interface Overall {
  readonly limit: number;
  running: number;
}

export interface QueueState extends Used {
  readonly settings: QueueSettings;
  /** The same object for each queue that it is over; null: none is. */
  overall: Overall | null;
  /** The same of each fairness key; one that is not here has used nothing. */
  readonly fairness: Map<string, Used>;
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

export function queueState(settings: Partial<QueueSettings> = {}, used: Partial<Used> = {}): QueueState {
  return { settings: { ...UNSET, ...settings }, overall: null, running: 0, spentUntil: 0, ...used, fairness: new Map() };
}

/** Claims up to `limit + ahead` candidates; returns the ids of those that were. Others stay or become blocked. */
export function admit(set: WorkingSet, admission: Admission): string[] {
  const admitted: string[] = [];
  const { now } = admission;
  for (const live of admission.candidates) {
    if (admitted.length >= admission.limit + admission.ahead) break;
    if (live.state !== "queued" || live.blocked) continue;
    const startDeadline = startDeadlineOf(live);
    if (startDeadline !== null && startDeadline <= now) continue;
    const queue = admission.queues.get(live.queue);
    if (!live.resumed && queue !== undefined && (roomInQueue(queue, live, now) < 1 || roomOfFairnessKey(queue, live, now) < 1)) continue;
    if (admitted.length >= admission.limit && !mayBeReadAhead(live, queue)) break;
    if (!live.resumed && !takeKey(set, live, admission.keys)) continue;
    if (queue !== undefined && live.executor !== "none") count(set, queue, { live, now });
    set.take(live, claimed(live, admission.claim, now));
    admitted.push(live.id);
  }
  return admitted;
}

function mayBeReadAhead(live: LiveJob, queue: QueueState | undefined): boolean {
  const { limit, on } = live.retry ?? DEFAULT_RETRY;
  const followed = on.includes("failed_node_lost") && live.attempt < limit;
  const plain = live.timeoutMs === null && live.concurrencyKey === null;
  const hasRoom = queue === undefined || (aheadInQueue(queue) >= 1 && aheadOfFairnessKey(queue, live.fairnessKey) >= 1);
  return followed && plain && !live.resumed && hasRoom;
}

/** How many jobs with an executor may be read ahead now, as far as it is up to the queue as a whole (D8). */
export function aheadInQueue({ settings, overall, running }: QueueState): number {
  const { concurrencyLimit, rateLimit } = settings;
  return overall !== null || rateLimit !== null ? 0 : aheadUnder(concurrencyLimit, running);
}

/** How many, as far as it is up to their fairness key. */
export function aheadOfFairnessKey({ settings, fairness }: QueueState, fairnessKey: string): number {
  if (fairnessKey === "") return Infinity;
  const { keyConcurrencyLimit, keyRateLimit } = settings;
  return keyRateLimit === null ? aheadUnder(keyConcurrencyLimit, fairness.get(fairnessKey)?.running ?? 0) : 0;
}

function aheadUnder(limit: number | null, running: number): number {
  return limit === null ? Infinity : Math.max(0, Math.floor(limit / 2) - running);
}

/** How many jobs like this one may start now, as far as it is up to the queue as a whole. */
export function roomInQueue(
  { settings, overall, running, spentUntil }: QueueState,
  { executor }: Pick<LiveJob, "executor">,
  now: number,
): number {
  if (settings.paused) return 0;
  if (executor === "none") return Infinity;
  const { concurrencyLimit, rateLimit } = settings;
  return Math.min(roomOver(overall), roomUnder({ limit: concurrencyLimit, rate: rateLimit }, { running, spentUntil }, now));
}

function roomOver(overall: Overall | null): number {
  return overall === null ? Infinity : Math.max(0, overall.limit - overall.running);
}

/** How many jobs like this one may start now, as far as it is up to their fairness key. */
export function roomOfFairnessKey(
  { settings, fairness }: QueueState,
  { executor, fairnessKey }: Pick<LiveJob, "executor" | "fairnessKey">,
  now: number,
): number {
  if (executor === "none" || fairnessKey === "") return Infinity;
  const { keyConcurrencyLimit, keyRateLimit } = settings;
  return roomUnder({ limit: keyConcurrencyLimit, rate: keyRateLimit }, fairness.get(fairnessKey) ?? UNUSED, now);
}

/** Why a ready job does not start now, as far as it is up to its queue; null: its queue lets it. */
export interface Hold {
  readonly reason: "queue_paused" | "queue_limit" | "spawner_limit" | "fairness_limit" | "rate_limit";
  /** True when it is the share of its fairness key that is used up. */
  readonly ofKey: boolean;
  /** Until when, for rates. */
  readonly until: number | null;
}

export function holdOf(queue: QueueState, live: Pick<LiveJob, "executor" | "fairnessKey" | "resumed">, now: number): Hold | null {
  const { settings } = queue;
  if (live.resumed) return null;
  if (settings.paused) return { reason: "queue_paused", ofKey: false, until: null };
  const used = queue.fairness.get(live.fairnessKey) ?? UNUSED;
  if (live.executor !== "none" && roomOver(queue.overall) < 1) return { reason: "spawner_limit", ofKey: false, until: null };
  if (roomInQueue(queue, live, now) < 1)
    return settings.concurrencyLimit !== null && queue.running >= settings.concurrencyLimit
      ? { reason: "queue_limit", ofKey: false, until: null }
      : { reason: "rate_limit", ofKey: false, until: untilOf(settings.rateLimit, queue, now) };
  if (roomOfFairnessKey(queue, live, now) >= 1) return null;
  return settings.keyConcurrencyLimit !== null && used.running >= settings.keyConcurrencyLimit
    ? { reason: "fairness_limit", ofKey: true, until: null }
    : { reason: "rate_limit", ofKey: true, until: untilOf(settings.keyRateLimit, used, now) };
}

function untilOf(rate: QueueSettings["rateLimit"], { spentUntil }: Used, now: number): number | null {
  return rate === null ? null : nextStartAt(rate, spentUntil, now);
}

/** Whether anything could hold a ready job of this queue back. */
export function isUnhindered({ settings, overall }: QueueState): boolean {
  const { paused, concurrencyLimit, rateLimit, keyConcurrencyLimit, keyRateLimit } = settings;
  if (overall !== null) return false;
  return !paused && concurrencyLimit === null && rateLimit === null && keyConcurrencyLimit === null && keyRateLimit === null;
}

/** When a rate that holds jobs of this queue back lets the next one start; null: no rate does. */
export function heldUntil({ settings, spentUntil, fairness }: QueueState, now: number): number | null {
  if (settings.paused) return null;
  const { rateLimit, keyRateLimit } = settings;
  if (rateLimit !== null && startsLeft(rateLimit, spentUntil, now) < 1) return nextStartAt(rateLimit, spentUntil, now);
  if (keyRateLimit === null) return null;
  let earliest: number | null = null;
  for (const used of fairness.values()) {
    if (startsLeft(keyRateLimit, used.spentUntil, now) > 0) continue;
    const at = nextStartAt(keyRateLimit, used.spentUntil, now);
    earliest = earliest === null ? at : Math.min(earliest, at);
  }
  return earliest;
}

const UNUSED: Used = { running: 0, spentUntil: 0 };

function roomUnder(
  { limit, rate }: { readonly limit: number | null; readonly rate: QueueSettings["rateLimit"] },
  { running, spentUntil }: Used,
  now: number,
): number {
  const places = limit === null ? Infinity : Math.max(0, limit - running);
  return rate === null ? places : Math.min(places, startsLeft(rate, spentUntil, now));
}

/** One more attempt of the queue and of its fairness key. One that goes on is alive again, but starts nothing (D4). */
function count(set: WorkingSet, queue: QueueState, { live, now }: { readonly live: LiveJob; readonly now: number }): void {
  const { rateLimit, keyConcurrencyLimit, keyRateLimit } = queue.settings;
  const spend = (used: Used, rate: QueueSettings["rateLimit"], fairnessKey: string): void => {
    used.running++;
    if (rate === null || live.resumed) return;
    used.spentUntil = spentBy(rate, used.spentUntil, now);
    set.writes.spent.set(`${live.queue} ${fairnessKey}`, { queue: live.queue, fairnessKey, spentUntil: used.spentUntil });
  };
  spend(queue, rateLimit, "");
  if (queue.overall !== null) queue.overall.running++;
  if (live.fairnessKey === "" || (keyConcurrencyLimit === null && keyRateLimit === null)) return;
  const used = queue.fairness.get(live.fairnessKey) ?? { ...UNUSED };
  queue.fairness.set(live.fairnessKey, used);
  spend(used, keyRateLimit, live.fairnessKey);
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
