/**
 * What this process did, in numbers, from when it was started: for whoever shows figures. With several servers on one store
 * each counts its own, and whoever adds them up has all.
 *
 * N1. Nothing here grows with the number of jobs; of queues, the first `QUEUES_MAX` that were met have numbers of their
 *     own, and what comes later shares those of `OTHER_QUEUES`. A queue never moves from one to the other.
 */
import { addTally, countedQueueOf, queueKeyOf, queueOfKey, type ReadonlyTally, type Tally } from "@windlass/kernel";

/** Queues with figures of their own: each has some dozens of series, and a monitoring system pays for every one. */
export const QUEUES_MAX = 100;
/** Not legal as the name of a queue, so that it hides none. */
export const OTHER_QUEUES = "(other)";

/** Upper bounds of the buckets of store calls, in milliseconds. */
export const CALL_BUCKETS: readonly number[] = [0.5, 1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000];
/** Upper bounds of the buckets of commits, by how many changes they have. */
const COMMIT_BUCKETS: readonly number[] = [1, 2, 5, 10, 25, 50, 100, 250, 500];

export interface Spread {
  readonly bounds: readonly number[];
  /** Not added up; the last one holds what is greater than every bound. */
  readonly counts: number[];
  sum: number;
}

export interface CallbackFigures {
  /** By state. */
  readonly told: Map<string, number>;
  /** By state and reason, with a space between. */
  readonly stale: Map<string, number>;
  duplicates: number;
  undelivered: number;
}

export interface NoticeFigures {
  isUsed: boolean;
  /** Why it cannot be used now; null: it can. */
  fault: string | null;
  /** What is stored and was not told of yet, as far as one look takes. */
  outbox: { readonly depth: number; readonly oldestAt: number | null };
  sent: number;
  /** Sendings that the broker did not confirm. */
  failed: number;
  received: number;
  /** Those of them that were put with the dead letters. */
  dead: number;
  /** What the broker said last of what lies there; null: nothing yet. */
  atBroker: { readonly waiting: number; readonly received: number; readonly dead: number; readonly oldestAt: number | null } | null;
}

export interface Figures {
  readonly queues: Tally;
  /** The name under which a queue is counted; gives it one of its own as long as there is room. */
  labelOf(queue: string): string;
  addTally(tally: ReadonlyTally): void;
  /** Calls of the store by name, in milliseconds. */
  readonly calls: Map<string, Spread>;
  readonly callsFailed: Map<string, number>;
  /** Changes for each commit. */
  readonly commits: Spread;
  /** How far the feed was behind when it last handed events on. */
  feedLagMs: number;
  /** What was told over the API of attempts that go on outside. */
  readonly callbacks: CallbackFigures;
  addCallback(state: string, answer: { readonly status: string; readonly reason?: string }): void;
  /** What was told to webhooks. */
  readonly webhooks: { active: number; sent: number; failed: number; dead: number };
  /** Of the queue for notices; `isUsed` is false where there is none. */
  readonly notices: NoticeFigures;
  /** Handlers that run in this process, and how many may. */
  readonly slots: Set<{ readonly running: number; readonly concurrency: number }>;
}

export function figures(): Figures {
  const queues: Tally = new Map();
  const labels = new Set<string>();
  const labelOf = (key: string): string => {
    const { workspace, name } = queueOfKey(key);
    const queue = queueKeyOf(workspace, countedQueueOf(name));
    if (labels.has(queue)) return queue;
    if (labels.size >= QUEUES_MAX) return OTHER_QUEUES;
    labels.add(queue);
    return queue;
  };
  const told: CallbackFigures = { told: new Map(), stale: new Map(), duplicates: 0, undelivered: 0 };
  return {
    queues,
    labelOf,
    addTally: (tally) => tally.size > 0 && addTally(queues, tally, labelOf),
    calls: new Map(),
    callsFailed: new Map(),
    commits: spread(COMMIT_BUCKETS),
    feedLagMs: 0,
    webhooks: { active: 0, sent: 0, failed: 0, dead: 0 },
    notices: { isUsed: false, fault: null, outbox: { depth: 0, oldestAt: null }, sent: 0, failed: 0, received: 0, dead: 0, atBroker: null },
    callbacks: told,
    addCallback(state, { status, reason }) {
      count(told.told, state);
      if (status === "accepted_stale") count(told.stale, `${state} ${reason ?? ""}`);
      if (status === "accepted_duplicate") told.duplicates++;
    },
    slots: new Set(),
  };
}

function count(of: Map<string, number>, key: string): void {
  of.set(key, (of.get(key) ?? 0) + 1);
}

export function spread(bounds: readonly number[]): Spread {
  return { bounds, counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 };
}

export function addTo(to: Spread, value: number): void {
  let bucket = 0;
  while (bucket < to.bounds.length && value > (to.bounds[bucket] as number)) bucket++;
  to.counts[bucket] = (to.counts[bucket] as number) + 1;
  to.sum += value;
}
