/** Queues: order, pause and limit of the jobs that wait to be started. */
import { DEFAULT_WORKSPACE } from "./job.ts";

export interface Queue {
  /** As it is stored: its key. */
  readonly name: string;
  readonly paused: boolean;
  readonly pausedBy: string | null;
  readonly pausedAt: number | null;
  /** The most attempts of this queue that may be alive at once; null: no limit. Parked jobs do not count. */
  readonly concurrencyLimit: number | null;
}

/** A queue with its figures, as it is listed. */
export interface QueueView extends Queue {
  readonly scheduled: number;
  readonly queued: number;
  readonly running: number;
  readonly waiting: number;
  /** When the job that has waited longest became part of the queue. */
  readonly oldestQueuedAt: number | null;
}

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

export const PRIORITY_MAX = 1000;

export function isLegalPriority(priority: number): boolean {
  return Number.isInteger(priority) && Math.abs(priority) <= PRIORITY_MAX;
}
