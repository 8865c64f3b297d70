/** What a change makes of a queue, and queues with the figures that were counted for them. Pure. */
import type { LiveState, Queue, QueueView } from "@windlass/kernel";
import type { QueueStore } from "@windlass/ports";

/** How many live jobs of one queue are in one state. */
export interface QueueCount {
  readonly queue: string;
  readonly state: LiveState;
  readonly count: number;
  /** Of queued jobs: when the oldest was submitted. */
  readonly oldestAt: number | null;
}

/** The queue after a change. A pause that is asked for again keeps who paused first, and when. */
export function changedQueue(before: Queue | Pick<Queue, "name">, change: Parameters<QueueStore["put"]>[1], now: number): Queue {
  const queue: Queue = { paused: false, pausedBy: null, pausedAt: null, concurrencyLimit: null, ...before };
  const limit = change.concurrencyLimit === undefined ? queue.concurrencyLimit : change.concurrencyLimit;
  const paused = change.paused ?? queue.paused;
  if (paused === queue.paused) return { ...queue, concurrencyLimit: limit };
  return {
    name: queue.name,
    paused,
    pausedBy: paused ? (change.by ?? null) : null,
    pausedAt: paused ? now : null,
    concurrencyLimit: limit,
  };
}

/** All queues by name: those that were set up, and those that only have jobs. */
export function queueViews(queues: readonly Queue[], counts: readonly QueueCount[]): QueueView[] {
  const views = new Map<string, QueueView>();
  const none = { scheduled: 0, queued: 0, running: 0, waiting: 0, oldestQueuedAt: null };
  for (const queue of queues) views.set(queue.name, { ...queue, ...none });
  for (const { queue, state, count, oldestAt } of counts) {
    const view = views.get(queue) ?? { name: queue, paused: false, pausedBy: null, pausedAt: null, concurrencyLimit: null, ...none };
    // What is stopping still holds its slot.
    const figure = state === "stopping" ? "running" : state;
    views.set(queue, { ...view, [figure]: view[figure] + count, oldestQueuedAt: oldestAt ?? view.oldestQueuedAt });
  }
  return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
