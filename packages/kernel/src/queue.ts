/** Queues: order, pause and limit of the jobs that wait to be started. */
export interface Queue {
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

export const PRIORITY_MAX = 1000;

export function isLegalPriority(priority: number): boolean {
  return Number.isInteger(priority) && Math.abs(priority) <= PRIORITY_MAX;
}
