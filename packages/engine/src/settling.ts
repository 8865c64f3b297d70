/**
 * Keeps results until the store has taken them. Whoever ends attempts hands them in here; they are committed in groups,
 * and again with growing rests while the store cannot be reached.
 *
 * E1. `settle` resolves once the store has answered, accepted or refused; it never rejects while the service runs.
 * E2. A result that the store cannot take at all keeps no other from being stored: what fails is tried in ever smaller
 *     groups, and last what fails alone. That rests by itself, longer each time, whatever becomes of the others: each
 *     failure undoes what shares its transaction.
 * E3. What is kept is bounded by who hands it in: while it is full (`unstored.isFull`), he begins or hears nothing more.
 */
import { messageOf, type Change, type ChangeResult, type Json } from "@windlass/kernel";
import { backoffDelay, ms, seconds, type Backoff } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

export interface Settling {
  /** Resolves with the store's answer; undefined when given up by `close`. */
  settle(change: Change): Promise<ChangeResult | undefined>;
  /** See E3. */
  readonly unstored: Unstored;
  /** Gives up what the store has not taken. */
  close(): void;
}

/** What the store has not taken. */
export interface Unstored {
  /** Characters, more or less. */
  readonly length: number;
  /** They are as many as may be kept. */
  readonly isFull: boolean;
  /** Resolves when it is full no more. */
  room(): Promise<void>;
}

const BACKOFF: Backoff = { initial: ms(50), factor: 2, max: seconds(5), jitter: 0.3 };
/** A commit's size; the store groups commits further. */
const BATCH = 500;
/** Characters of one commit, unless one result has more: it goes to the store as one text. */
const BATCH_LENGTH_MAX = 16_000_000;
/**
 * Commits under way at once, where the store keeps calls in order: it has the next one at hand when it has answered one. While
 * they fail, there is one.
 */
const COMMITS_MAX = 3;

/** Characters of results that may wait to be stored before nothing more begins. */
const UNSTORED_LENGTH_MAX = 64_000_000;

interface Pending {
  readonly change: Change;
  readonly length: number;
  readonly resolve: (result: ChangeResult | undefined) => void;
  /** How often it failed alone. */
  failedAlone: number;
}

export function settling(context: EngineContext): Settling {
  let pending: Pending[] = [];
  /** What each commit that is under way takes with it. */
  const underWay = new Set<Pending[]>();
  let failures = 0;
  let size = BATCH;
  let closed = false;
  const unstored = unstoredLength();
  const resting = rests(context);
  /** How many rest because they failed alone, which says little of the others. */
  let alone = 0;

  const flush = async (): Promise<void> => {
    const batch: Pending[] = [];
    underWay.add(batch);
    // Results that come in the same turn are committed together.
    await Promise.resolve();
    while (pending.length > 0 && !closed) {
      batch.push(...pending.splice(0, fitting(pending, size)));
      try {
        const results = await context.commit(batch.map(({ change }) => change));
        failures = 0;
        size = Math.min(BATCH, size * 2);
        batch.splice(0).forEach((one, i) => stored(one, results[i]));
      } catch (error) {
        failures++;
        context.logger.warn("results could not be stored and are kept", {
          results: pending.length + batch.length,
          error: messageOf(error),
          failures,
        });
        size = Math.ceil(batch.length / 2);
        const [only, more] = batch;
        if (only !== undefined && more === undefined) {
          alone++;
          await resting.rest(++only.failedAlone);
          alone--;
          if (!closed) pending.push(...batch.splice(0));
          continue;
        }
        pending = [...batch.splice(0), ...pending];
        // Another one goes on with them.
        if (active() > 1) break;
        await resting.rest(failures);
      }
    }
    underWay.delete(batch);
  };
  const stored = ({ resolve, length }: Pending, result: ChangeResult | undefined): void => {
    resolve(result);
    unstored.add(-length);
  };
  /** Where many fail alone, it is the store. */
  const active = (): number => underWay.size - Math.min(alone, COMMITS_MAX);

  return {
    settle: (change) =>
      new Promise((resolve) => {
        if (closed) return resolve(undefined);
        const length = lengthOf(change);
        unstored.add(length);
        pending.push({ change, length, resolve, failedAlone: 0 });
        if (active() < (context.store.inOrder && failures === 0 ? COMMITS_MAX : 1)) void flush();
      }),
    unstored,
    close() {
      closed = true;
      resting.end();
      for (const one of [...underWay].flat().concat(pending)) stored(one, undefined);
      pending = [];
    },
  };
}

function unstoredLength(): Unstored & { add(more: number): void } {
  let length = 0;
  /** Who waits for room. */
  const waiting: (() => void)[] = [];
  const isFull = (): boolean => length >= UNSTORED_LENGTH_MAX;
  return {
    get length() {
      return length;
    },
    get isFull() {
      return isFull();
    },
    add(more) {
      length += more;
      if (waiting.length === 0 || isFull()) return;
      // One after the other, as more is taken: together they would fill it many times over.
      for (const go of waiting.splice(0, length === 0 ? waiting.length : 1)) go();
    },
    room: () => (isFull() ? new Promise((resolve) => void waiting.push(resolve)) : Promise.resolve()),
  };
}

interface Rests {
  /** Longer, the more often it is called for the same. */
  rest(times: number): Promise<void>;
  /** All that are under way, at once. */
  end(): void;
}

function rests({ clock, random }: EngineContext): Rests {
  const ends = new Set<() => void>();
  return {
    rest: (times) =>
      new Promise((resolve) => {
        const end = (): void => {
          cancel();
          ends.delete(end);
          resolve();
        };
        const cancel = clock.after(backoffDelay(BACKOFF, times, random.next()), end);
        ends.add(end);
      }),
    end: () => ends.forEach((end) => end()),
  };
}

/** How many of them, from the first on, go with one commit. */
function fitting(pending: readonly Pending[], max: number): number {
  let total = 0;
  const end = pending.findIndex(({ length }) => (total += length) > BATCH_LENGTH_MAX);
  return Math.min(max, end === -1 ? pending.length : Math.max(1, end));
}

function lengthOf(change: Change): number {
  if (change.type !== "settle") return 0;
  const { message, output, evidence } = change.result;
  return (message?.length ?? 0) + lengthOfJson(output) + lengthOfJson(evidence);
}

/** About what it has as JSON: to make the text takes longer. */
function lengthOfJson(value: Json | undefined): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return value === undefined || value === null ? 0 : PLAIN_LENGTH;
  return Object.entries(value).reduce((total, [key, item]) => total + key.length + PLAIN_LENGTH + lengthOfJson(item), 0);
}
/** Of a number, or of what stands around a value. */
const PLAIN_LENGTH = 4;
