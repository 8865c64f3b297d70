/**
 * What a transaction came to, in numbers for each queue: how many jobs were submitted, started, tried again and ended, and
 * how long they waited and ran. Whoever commits adds them up, so that figures need no look at the store.
 *
 * Y1. Plain numbers in few objects: one entry for each queue that a transaction touches, whatever the number of its jobs.
 * Y2. What was refused is not counted: the tally is that of the steps that were taken.
 */
import type { Step } from "./ending.ts";
import type { LiveJob } from "./job.ts";
import type { Outcome } from "./outcome.ts";

/** Upper bounds of the buckets of waits and runs, in milliseconds; a last bucket holds what is longer. */
export const TALLY_BUCKETS: readonly number[] = [2, 10, 50, 200, 1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000];

/** How often each bucket was met (not added up), and the sum of all, in milliseconds. */
export interface Durations {
  readonly counts: number[];
  sumMs: number;
}

export interface QueueTally {
  submitted: number;
  /** Attempts that began; also those that were given back unstarted. */
  started: number;
  /** Attempts that ended and are followed by another. */
  retried: number;
  /** Jobs that became dead letters. */
  died: number;
  /** From when a job could have started to its start. */
  waits: Durations | null;
  /** Of attempts, by outcome: from start to end. */
  readonly runs: Partial<Record<Outcome, Durations>>;
  /** Jobs that ended, by outcome. */
  readonly finished: Partial<Record<Outcome, number>>;
}

/** By the key of the queue. */
export type Tally = Map<string, QueueTally>;
export type ReadonlyTally = ReadonlyMap<string, QueueTally>;

export const noTally: ReadonlyTally = new Map();

export function emptyDurations(): Durations {
  return { counts: Array.from({ length: TALLY_BUCKETS.length + 1 }, () => 0), sumMs: 0 };
}

export function addDuration(durations: Durations, ms: number): void {
  // A clock that was set back makes no negative times.
  const length = Math.max(0, ms);
  let bucket = 0;
  while (bucket < TALLY_BUCKETS.length && length > (TALLY_BUCKETS[bucket] as number)) bucket++;
  durations.counts[bucket] = (durations.counts[bucket] as number) + 1;
  durations.sumMs += length;
}

export function tallyOf(tally: Tally, queue: string): QueueTally {
  let found = tally.get(queue);
  if (found === undefined) {
    found = { submitted: 0, started: 0, retried: 0, died: 0, waits: null, runs: {}, finished: {} };
    tally.set(queue, found);
  }
  return found;
}

/** Counts what one step did to a job of the life `before`. */
export function countStep(tally: Tally, before: LiveJob, { next, via, attempt, final }: Step): void {
  if (via === null && attempt === null) return;
  // A resumed attempt began before.
  if (via === "claim" && next !== null && !before.resumed) {
    const of = tallyOf(tally, before.queue);
    of.started++;
    if (before.readyAt !== null && next.attemptStartedAt !== null)
      addDuration((of.waits ??= emptyDurations()), next.attemptStartedAt - before.readyAt);
  }
  if (attempt !== null && attempt.outcome !== null && attempt.endedAt !== null)
    addDuration((tallyOf(tally, before.queue).runs[attempt.outcome] ??= emptyDurations()), attempt.endedAt - attempt.startedAt);
  if (via === "retry") tallyOf(tally, before.queue).retried++;
  if (final !== null) {
    const { finished } = tallyOf(tally, before.queue);
    finished[final.outcome] = (finished[final.outcome] ?? 0) + 1;
  }
}

/** Adds what `from` counted to `to`. */
export function addTally(to: Tally, from: ReadonlyTally, keyOf: (queue: string) => string = (queue) => queue): void {
  for (const [queue, one] of from) {
    const sum = tallyOf(to, keyOf(queue));
    sum.submitted += one.submitted;
    sum.started += one.started;
    sum.retried += one.retried;
    sum.died += one.died;
    if (one.waits !== null) addDurations((sum.waits ??= emptyDurations()), one.waits);
    for (const outcome of Object.keys(one.runs) as Outcome[])
      addDurations((sum.runs[outcome] ??= emptyDurations()), one.runs[outcome] as Durations);
    for (const outcome of Object.keys(one.finished) as Outcome[])
      sum.finished[outcome] = (sum.finished[outcome] ?? 0) + (one.finished[outcome] ?? 0);
  }
}

/** The tally of several transactions that one call took. */
export function joinTallies(a: ReadonlyTally, b: ReadonlyTally): ReadonlyTally {
  if (b.size === 0) return a;
  if (a.size === 0) return b;
  const joined: Tally = new Map();
  addTally(joined, a);
  addTally(joined, b);
  return joined;
}

function addDurations(to: Durations, from: Durations): void {
  for (let i = 0; i < from.counts.length; i++) to.counts[i] = (to.counts[i] as number) + (from.counts[i] as number);
  to.sumMs += from.sumMs;
}
