/** What a change makes of a queue, and queues with the figures that were counted for them. Pure. */
import {
  demandRevision,
  QUEUED_COUNTED_MAX,
  queueOfKey,
  unsetQueue,
  type Expected,
  type LiveState,
  type Queue,
  type QueueSettings,
  type QueueView,
} from "@windlass/kernel";
import type { QueueChange } from "@windlass/ports";

/** How many live jobs of one queue are in one state; a driver may tell them in parts. */
export interface QueueCount {
  readonly queue: string;
  readonly state: LiveState;
  readonly count: number;
  /** How many of them are attempts that somebody or something carries. */
  readonly alive: number;
  /** Of queued jobs: when the oldest was submitted. */
  readonly oldestAt: number | null;
}

/**
 * The queue after a change. A pause that is asked for again keeps who paused first, and when; a change that changes
 * nothing is none. Throws `revision_mismatch`.
 */
export function changedQueue(
  before: Queue | null,
  name: string,
  { change, now, expected }: { readonly change: QueueChange; readonly now: number; readonly expected: Expected },
): Queue {
  demandQueue(before, name, expected);
  const queue = before ?? unsetQueue(name);
  const { by, ...wanted } = change;
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const settings: QueueSettings = { ...queue, ...(Object.fromEntries(given) as Partial<QueueSettings>) };
  const next: Queue = { ...queue, ...settings, revision: queue.revision + 1 };
  if (next.paused !== queue.paused) return { ...next, pausedBy: next.paused ? (by ?? null) : null, pausedAt: next.paused ? now : null };
  return before !== null && given.every(([key, value]) => JSON.stringify(value) === JSON.stringify(queue[key as keyof Queue]))
    ? before
    : next;
}

/** All queues by name: those that were set up, and those that only have jobs. */
export function queueViews(queues: readonly Queue[], counts: readonly QueueCount[]): QueueView[] {
  const views = new Map<string, QueueView>();
  const none = { scheduled: 0, queued: 0, running: 0, waiting: 0, attemptsAlive: 0, oldestQueuedAt: null };
  for (const queue of queues) views.set(queue.name, { ...queue, ...none });
  for (const { queue, state, count, alive, oldestAt } of counts) {
    const view = views.get(queue) ?? { ...unsetQueue(queue), ...none };
    // What is stopping still holds its slot.
    const figure = state === "stopping" ? "running" : state;
    views.set(queue, {
      ...view,
      [figure]: figure === "queued" ? Math.min(QUEUED_COUNTED_MAX, view.queued + count) : view[figure] + count,
      attemptsAlive: view.attemptsAlive + alive,
      oldestQueuedAt: earlier(oldestAt, view.oldestQueuedAt),
    });
  }
  return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Throws `revision_mismatch`. */
export function demandQueue(found: Queue | null, name: string, expected: Expected): void {
  demandRevision(`queue ${queueOfKey(name).name}`, { revision: found?.revision ?? 0, expected });
}

function earlier(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
