/** Queues: order, pause and limits of the jobs that wait to be started. */
import { DEFAULT_WORKSPACE } from "./job.ts";
import type { RateLimit } from "./rate.ts";

/** A higher limit of attempts alive at once holds nothing back. */
export const CONCURRENCY_LIMIT_MAX = 1_000_000;

/** What somebody may set of a queue. */
export interface QueueSettings {
  readonly paused: boolean;
  /** The most attempts of this queue that may be alive at once; null: no limit. Parked jobs do not count. */
  readonly concurrencyLimit: number | null;
  /** The most attempts of this queue that may start in a time. */
  readonly rateLimit: RateLimit | null;
  /** The same two for each fairness key by itself. Jobs without a key are not counted. */
  readonly keyConcurrencyLimit: number | null;
  readonly keyRateLimit: RateLimit | null;
  /** Whether handler jobs of this queue that failed for good become dead letters. */
  readonly deadLetters: boolean;
}

export interface Queue extends QueueSettings {
  /** As it is stored: its key. */
  readonly name: string;
  readonly pausedBy: string | null;
  readonly pausedAt: number | null;
  /** Grows with each change; 0: nobody has set anything. */
  readonly revision: number;
}

/**
 * Jobs of a queue that wait to be started and are counted: a list of queues costs the same whether a million wait or ten. Of
 * more, those are looked at that are started first.
 */
export const QUEUED_COUNTED_MAX = 100_000;

/** A queue with its figures, as it is listed. */
export interface QueueView extends Queue {
  readonly scheduled: number;
  /** At most `QUEUED_COUNTED_MAX`: then there may be more. */
  readonly queued: number;
  readonly running: number;
  readonly waiting: number;
  /** Attempts that are alive: what the concurrency limit counts, and what a drained queue has none of. */
  readonly attemptsAlive: number;
  /** When the job that has waited longest became part of the queue. */
  readonly oldestQueuedAt: number | null;
}

/** A queue that nobody has set anything of. */
export function unsetQueue(name: string): Queue {
  return { ...UNSET, name, pausedBy: null, pausedAt: null, revision: 0 };
}

export const UNSET: QueueSettings = {
  paused: false,
  concurrencyLimit: null,
  rateLimit: null,
  keyConcurrencyLimit: null,
  keyRateLimit: null,
  deadLetters: true,
};

/** In words, behind "a queue's name has". */
export const QUEUE_NAME_RULE = "lower-case letters, digits and . _ - / only, at most 128, with a letter or digit at both ends";
export const QUEUE_NAME = /^[a-z0-9]([a-z0-9._/-]{0,126}[a-z0-9])?$/u;

/**
 * The name under which a queue is stored: each workspace has queues of its own. Claims, wake-ups and sessions speak of
 * keys; people only ever see names. In `default` the two are the same, so what was stored before stays right.
 */
export function queueKeyOf(workspace: string, name: string): string {
  return workspace === DEFAULT_WORKSPACE ? name : `${workspace}${KEY_SEPARATOR}${name}`;
}

/** The way back from `queueKeyOf`. */
export function queueOfKey(key: string): { readonly workspace: string; readonly name: string } {
  const at = key.indexOf(KEY_SEPARATOR);
  return at < 0 ? { workspace: DEFAULT_WORKSPACE, name: key } : { workspace: key.slice(0, at), name: key.slice(at + 1) };
}

/** Legal neither in the name of a workspace nor in that of a queue. */
const KEY_SEPARATOR = ":";
/** In the place of a key or of a workspace: all of them. No workspace is called so. */
const ALL = "*";

/** In the place of a key, of somebody who serves the queues of this name in all workspaces; without a name: all queues. */
export function queuesServed(name?: string): string {
  return name === undefined ? ALL : `${ALL}${KEY_SEPARATOR}${name}`;
}

/** Whether whoever serves `served` (a key, or what `queuesServed` says) serves the queue of this key. */
export function servesQueue(served: string, key: string): boolean {
  return served === ALL || served === key || served === queuesServed(queueOfKey(key).name);
}

/** Whether whoever serves `served` serves anything of this workspace. */
export function servesWorkspace(served: string, workspace: string): boolean {
  return served === ALL || [ALL, workspace].includes(queueOfKey(served).workspace);
}

/** Keys are columns of an index. */
export const FAIRNESS_KEY_LENGTH_MAX = 200;

/** Every store keeps such a text as it is. */
export function isFairnessKey(text: string): boolean {
  return text !== "" && text.length <= FAIRNESS_KEY_LENGTH_MAX && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

export const PRIORITY_MAX = 1000;

export function isLegalPriority(priority: number): boolean {
  return Number.isInteger(priority) && Math.abs(priority) <= PRIORITY_MAX;
}
