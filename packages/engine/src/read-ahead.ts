/**
 * How many jobs a worker claims before it has a slot for them. A claim takes a commit, and a commit takes a flush of the
 * disk: a worker whose handlers are quicker than that would mostly wait for its next claim. One whose handlers are slow
 * reads nothing ahead, so that no job waits here for a slot while another worker is idle.
 *
 * How many end in a time says too little while handlers wait for jobs: where all that a claim gave, which was all that it was asked
 * for, has begun in less time than a claim takes, as many are read ahead as would have ended of some such claims. So it is enough
 * after a few of them.
 */
import { ms, seconds } from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import type { Room } from "./claims.ts";

export interface ReadAhead {
  /** Jobs that wait for a slot, in order. */
  readonly jobs: ReadonlyMap<string, ClaimedJob>;
  add(jobs: readonly ClaimedJob[]): void;
  /** The next one, which is to begin now; undefined when there is none. */
  next(): ClaimedJob | undefined;
  remove(id: string): boolean;
  /**
   * All of them, when the next one came here too long ago, however many have begun meanwhile; from then on nothing is read
   * ahead until the rate is known again.
   */
  stale(): readonly ClaimedJob[];
  /** All of them. */
  clear(): readonly ClaimedJob[];
  /** A handler has ended. */
  ended(): void;
  /** What to claim when there are `free` slots and `busy` ones, and no more than `max` in all. */
  room(slots: Slots, max: number): Room;
}

export interface Slots {
  readonly free: number;
  readonly busy: number;
}

/** Jobs that wait here at most: some claims (claims.ts), so that the handlers have something to do while the next one takes place. */
const AHEAD_MAX = 2_000;
/** The same where jobs had fairness keys lately: one of another key that comes now has its turn behind these. */
const TURNS_AHEAD_MAX = 500;
const LATELY_MS: number = seconds(1);
/** As many as end in this time, or while some claims take place where those are slow: a disk may flush in 0.1 ms or in 10. */
const AHEAD_MS: number = ms(25);
const AHEAD_CLAIMS = 4;
/** However slow claims are, no more is read ahead than ends in this time. */
const AHEAD_MS_MAX: number = ms(100);
/** What has lain here for so long is given back: five times as long as the longest that was meant. */
const KEPT_MS: number = ms(500);
/** The rate is that of the last so many milliseconds at least. */
const WINDOW_MS: number = ms(10);
/** After so long without an end nothing is known of the rate. */
const FORGOTTEN_MS: number = seconds(1);

/** `monotonic` gives milliseconds. */
export function readAhead(monotonic: () => number): ReadAhead {
  const jobs = new Map<string, ClaimedJob>();
  /** In order, from `first` on; those before have gone. To ask the map for its first would pass over all that have gone, each time. */
  let order: Arrived[] = [];
  let first = 0;
  const rate = endsPerMs(monotonic);
  /** Null: the first answer to what was asked has come. What is asked for in parts is timed by that. */
  let askedAt: number | null = null;
  let claimMs = 0;
  /** What is asked for, and what the last answer gave of what it was asked for. */
  let asking = 0;
  let last = { at: 0, asked: 0, given: 0 };
  /** When the last one with a fairness key came. */
  let keyedAt = Number.NEGATIVE_INFINITY;
  const clear = (): readonly ClaimedJob[] => {
    const all = [...jobs.values()];
    jobs.clear();
    [order, first] = [[], 0];
    return all;
  };
  const head = (): Arrived | undefined => {
    for (let one = order[first]; one !== undefined; one = order[++first]) if (jobs.get(one.job.live.id) === one.job) return one;
    return undefined;
  };
  return {
    jobs,
    clear,
    add(more) {
      const arrivedAt = monotonic();
      if (askedAt !== null) {
        claimMs = (claimMs + arrivedAt - askedAt) / 2;
        last = { at: arrivedAt, asked: asking, given: 0 };
      }
      last.given += more.length;
      askedAt = null;
      if (more.some(({ live }) => live.fairnessKey !== "")) keyedAt = arrivedAt;
      order = order.slice(first);
      first = 0;
      for (const job of more) {
        jobs.set(job.live.id, job);
        order.push({ job, arrivedAt });
      }
    },
    next() {
      const job = head()?.job;
      if (job !== undefined) jobs.delete(job.live.id);
      return job;
    },
    remove: (id) => jobs.delete(id),
    stale() {
      const next = head();
      if (next === undefined || monotonic() - next.arrivedAt < KEPT_MS) return [];
      rate.reset();
      last = { at: 0, asked: 0, given: 0 };
      return clear();
    },
    ended: rate.ended,
    room({ free, busy }, max) {
      const isStarving = jobs.size === 0 && last.given >= last.asked && monotonic() - last.at <= claimMs;
      const claims = Math.min(AHEAD_CLAIMS, AHEAD_MS_MAX / Math.max(1, claimMs));
      const least = isStarving ? (last.given - busy) * claims : 0;
      const limit = Math.max(0, Math.min(free - jobs.size, max));
      const forMs = Math.min(AHEAD_MS_MAX, Math.max(AHEAD_MS, claimMs * AHEAD_CLAIMS));
      const size = Math.min(
        monotonic() - keyedAt < LATELY_MS ? TURNS_AHEAD_MAX : AHEAD_MAX,
        Math.floor(Math.max(least, rate.now() * forMs)),
      );
      askedAt = monotonic();
      // Not one by one: a claim that takes many costs little more than one that takes one.
      const ahead = jobs.size > size / 2 ? 0 : Math.max(0, Math.min(size - jobs.size, max - limit));
      asking = limit + ahead;
      return { limit, ahead };
    },
  };
}

interface Arrived {
  readonly job: ClaimedJob;
  readonly arrivedAt: number;
}

interface Rate {
  readonly ended: () => void;
  readonly now: () => number;
  readonly reset: () => void;
}

function endsPerMs(monotonic: () => number): Rate {
  let from = monotonic();
  let count = 0;
  let perMs = 0;
  return {
    ended: () => void count++,
    now() {
      const elapsed = monotonic() - from;
      if (elapsed >= WINDOW_MS) {
        perMs = elapsed >= FORGOTTEN_MS ? 0 : (perMs + count / elapsed) / 2;
        from += elapsed;
        count = 0;
      }
      return perMs;
    },
    reset() {
      from = monotonic();
      [count, perMs] = [0, 0];
    },
  };
}
