/**
 * Claims of queues whose places are all used, and ends that are on their way. Who ends jobs asks for the next at the same moment: a claim that
 * does not wait finds the places still used, and another has to come when the ends are stored.
 *
 * W1. A claim waits only where the last one has seen that nothing may start in any of its queues before a place is free, and this process has
 *     stored no end of their jobs since that one began.
 * W2. It waits for the first such end that this process is storing, and not for long: what else makes room, or may start all the same, is
 *     found by the claim as before.
 * W3. Nothing is decided here: what may start is what the claim finds (C1 of claim-jobs.ts). What is remembered may be old.
 */
import { aheadInQueue, ms, type Change, type LiveJob, type QueueState } from "@windlass/kernel";
import type { ClaimRequest, Clock } from "@windlass/ports";
import type { ClaimedRows } from "./claimed-rows.ts";

/** A commit takes some milliseconds. */
const SOON_MS: number = ms(50);
/** Of more queues no claim waits for anything. */
const QUEUES_MAX = 10_000;

/** A queue that has a limit. */
interface Limited {
  isUsedUp: boolean;
  /** Commits with ends of its jobs that are stored. */
  ended: number;
  /** Those that are not yet. */
  readonly ending: Set<Promise<unknown>>;
}

type Asking = Pick<ClaimRequest, "executor" | "queues">;

export class UsedQueues {
  readonly #queues = new Map<string, Limited>();
  readonly #after: Clock["after"];

  constructor(after: Clock["after"]) {
    this.#after = after;
  }

  /** To be called when a claim begins; what comes back is to be told what it has seen: of queues with limits, whether they are used up. */
  claiming({ executor, queues = [] }: Asking): (seen: ReadonlyMap<string, boolean>) => void {
    const before = new Map(queues.map((queue) => [queue, this.#queues.get(`${executor}/${queue}`)?.ended]));
    return (seen) => {
      for (const queue of queues) this.#saw(`${executor}/${queue}`, seen.get(queue), before.get(queue));
    };
  }

  #saw(name: string, isUsedUp: boolean | undefined, before: number | undefined): void {
    const limited = this.#queues.get(name);
    if (isUsedUp === undefined) this.#queues.delete(name);
    else if (limited !== undefined) limited.isUsedUp = isUsedUp && limited.ended === before;
    else if (this.#queues.size < QUEUES_MAX) this.#queues.set(name, { isUsedUp: false, ended: 0, ending: new Set() });
  }

  /** To be called when a commit is asked for: `claimed` knows of what it ends as long as it has not begun. */
  committing(changes: readonly Change[], claimed: ClaimedRows, committed: Promise<unknown>): void {
    if (this.#queues.size === 0) return;
    const ending = new Set<Limited>();
    for (const change of changes) {
      const live = change.type === "settle" ? claimed.of(change.id) : undefined;
      const limited = live === undefined ? undefined : this.#queues.get(`${live.executor}/${live.queue}`);
      if (limited !== undefined) ending.add(limited);
    }
    if (ending.size === 0) return;
    for (const limited of ending) limited.ending.add(committed);
    const over = (): void => {
      for (const limited of ending) {
        limited.ending.delete(committed);
        limited.ended++;
        limited.isUsedUp = false;
      }
    };
    committed.then(over, over);
  }

  /** Resolves when a place is free, or that takes too long; null: nothing is to be waited for. */
  freed({ executor, queues = [] }: Asking): Promise<void> | null {
    const limited = queues.map((queue) => this.#queues.get(`${executor}/${queue}`));
    if (!limited.every((one) => one?.isUsedUp === true)) return null;
    const ending = limited.flatMap((one) => [...(one?.ending ?? [])]);
    if (ending.length === 0) return null;
    return new Promise((resolve) => {
      const cancel = this.#after(SOON_MS, resolve);
      const free = (): void => {
        cancel();
        resolve();
      };
      for (const committed of ending) committed.then(free, free);
    });
  }
}

/** What a claim has seen of a queue. */
export interface Seen {
  readonly found: readonly LiveJob[];
  /** How many of these it took. */
  readonly taken: number;
  /** How many it had looked for. */
  readonly asked: number;
}

/** Whether nothing of the queue may start before one of its places is free. `state` is that behind the claim. */
export function isUsedUp(state: QueueState, { found, taken, asked }: Seen): boolean {
  const { concurrencyLimit, keyConcurrencyLimit } = state.settings;
  if (concurrencyLimit !== null && state.running >= concurrencyLimit) return true;
  // Where fewer were found than were looked for, that was all; but of a queue that has other limits it looks for fewer (C4 of candidates.ts).
  const isAll = taken === found.length && taken < asked && aheadInQueue(state) === Infinity;
  if (keyConcurrencyLimit === null || !isAll) return false;
  // What has no key has no limit.
  const isFull = (fairnessKey: string): boolean =>
    fairnessKey !== "" && (state.fairness.get(fairnessKey)?.running ?? 0) >= keyConcurrencyLimit;
  return found.length > 0 ? found.every((live) => isFull(live.fairnessKey)) : [...state.fairness.keys()].some(isFull);
}
