/**
 * Whom a claim looks at, of one queue, in the order of their turns (kernel, turn.ts). Written once for both drivers: what it
 * needs of the database it asks for by yielding a probe, which a driver answers at once or after a while.
 *
 * C1. A queue that may start nothing offers only resumed attempts: they were admitted before.
 * C2. A queue in which only one key is ready costs one probe more than its whole batch, and none when the batch is all there is.
 * C3. Keys that may start nothing are passed over, and hold back neither other keys nor lower priorities.
 * C4. Beyond the slots no more is looked at than a limit lets be read ahead, and the next: where only a slot may take that, nothing behind it
 *     is read ahead.
 */
import {
  aheadInQueue,
  aheadOfFairnessKey,
  inTurns,
  roomInQueue,
  roomOfFairnessKey,
  rounds,
  type ExecutorName,
  type LiveJob,
  type QueueState,
} from "@windlass/kernel";

/** Where the turns of a queue stand, kept in the memory of whoever claims: a hint, nothing hangs on it. */
export interface Turn {
  /** The key that was served last. */
  after: string | undefined;
  /** True when there were several keys: then they are looked for first. */
  several: boolean;
}

export interface Looking {
  readonly executor: ExecutorName;
  readonly queue: string;
  readonly state: QueueState;
  readonly turn: Turn;
  /** Jobs for which there is a slot. */
  readonly limit: number;
  /** Jobs beyond `limit` that are read ahead. */
  readonly ahead: number;
  readonly now: number;
}

/** Of `key` up to `limit` jobs with an id above `after`. */
export interface KeyWanted {
  readonly key: string;
  readonly after: string;
  readonly limit: number;
}

export type Probe =
  /** Ready jobs: highest priority first, then by fairness key, then oldest. Answer: live jobs. */
  | { readonly type: "ready"; readonly limit: number }
  /** Resumed attempts: highest priority first, then oldest. Answer: live jobs. */
  | { readonly type: "resumed"; readonly limit: number }
  /** The highest priority below this one of which anything is ready. Answer: a number or null. */
  | { readonly type: "priority"; readonly below: number }
  /** Fairness keys of which anything is ready, in order, above `after` (null: from the first). Answer: texts. */
  | { readonly type: "keys"; readonly priority: number; readonly after: string | null; readonly limit: number }
  /** Answer: [key, spent until] of those of these keys that have a bucket. */
  | { readonly type: "buckets"; readonly keys: readonly string[] }
  /** Answer: live jobs, of each key oldest first. */
  | { readonly type: "jobs"; readonly priority: number; readonly keys: readonly KeyWanted[] };

export type Candidates = Generator<Probe, readonly LiveJob[], unknown>;

/** Keys that one claim looks at in one queue once it has found something: those behind them have their turn at the next. */
const KEYS_SEEN_MAX = 2_000;
/** The same while it has found nothing: a claim that comes back with empty hands is followed by a rest. */
const KEYS_SEARCHED_MAX = 50_000;
/** Keys that one probe gives, where some may have to be passed over; and where the first of them all had to be. */
const KEYS_PAGE = 100;
const KEYS_PAGE_LATER = 1_000;
const PRIORITY_ABOVE_ALL = 1_000_000;

interface Search extends Looking {
  /** How many jobs of each fairness key were found, where keys have limits: they count as if they had been started. */
  readonly found: Map<string, number>;
}

export function* candidatesOf(given: Looking): Candidates {
  const looking: Search = { ...given, found: new Map() };
  const { state, turn } = looking;
  const asked = looking.limit + looking.ahead;
  if (roomInQueue(state, looking, looking.now) < 1) return yield* ask<LiveJob[]>({ type: "resumed", limit: asked });
  const limit = looking.executor === "none" ? asked : Math.min(asked, Math.max(looking.limit, aheadInQueue(state) + 1));
  if (isKeyed(looking)) {
    const resumed = yield* ask<LiveJob[]>({ type: "resumed", limit: asked });
    const known = new Set(resumed.map(({ id }) => id));
    const fresh = yield* byPriority(looking, limit);
    return [...resumed, ...fresh.filter(({ id }) => !known.has(id))];
  }
  if (turn.several) return yield* byPriority(looking, limit);
  const rows = yield* ask<LiveJob[]>({ type: "ready", limit });
  const last = rows.at(-1);
  if (last === undefined || rows.length < limit) return inTurns(rows, turn.after);
  // Only the lowest priority of the batch was cut off; of the others all jobs are here.
  const whole = rows.filter(({ priority }) => priority > last.priority);
  const cut = rows.slice(whole.length);
  const alone =
    cut[0]?.fairnessKey === last.fairnessKey &&
    (yield* ask<string[]>({ type: "keys", priority: last.priority, after: last.fairnessKey, limit: 1 })).length === 0;
  const rest = alone ? cut : yield* byKey(looking, last.priority, cut.length);
  return [...inTurns(whole, turn.after), ...rest];
}

function isKeyed({ executor, state: { settings } }: Looking): boolean {
  return executor !== "none" && (settings.keyConcurrencyLimit !== null || settings.keyRateLimit !== null);
}

function* byPriority(looking: Search, limit: number): Candidates {
  const found: LiveJob[] = [];
  looking.turn.several = false;
  for (let below = PRIORITY_ABOVE_ALL; found.length < limit;) {
    const priority = yield* ask<number | null>({ type: "priority", below });
    if (priority === null) break;
    found.push(...(yield* byKey(looking, priority, limit - found.length)));
    below = priority;
  }
  return found;
}

/** Up to `limit` jobs of one priority, one of each key in turn. A key that runs out leaves its turns to the others. */
function* byKey(looking: Search, priority: number, limit: number): Candidates {
  const keys = yield* keysWithRoom(looking, priority, limit);
  if (keys.length > 1) looking.turn.several = true;
  const jobs = new Map(keys.map((key) => [key, [] as LiveJob[]]));
  let open = keys.map((key) => ({ key, after: "", room: roomOf(looking, key) }));
  for (let found = 0; open.length > 0 && found < limit;) {
    const share = Math.ceil((limit - found) / open.length);
    const wanted = open.map(({ key, after, room }) => ({ key, after, limit: Math.min(share, room) }));
    const before = new Map(keys.map((key) => [key, jobs.get(key)?.length ?? 0]));
    for (const job of yield* ask<LiveJob[]>({ type: "jobs", priority, keys: wanted })) jobs.get(job.fairnessKey)?.push(job);
    open = open.flatMap(({ key, room }) => {
      const all = jobs.get(key) ?? [];
      const more = all.length - (before.get(key) ?? 0);
      found += more;
      return more < share || more === room ? [] : [{ key, after: all.at(-1)?.id ?? "", room: room - more }];
    });
  }
  const taken = rounds(keys.map((key) => jobs.get(key) ?? [])).slice(0, limit);
  if (isKeyed(looking)) for (const { fairnessKey } of taken) looking.found.set(fairnessKey, (looking.found.get(fairnessKey) ?? 0) + 1);
  return taken;
}

/** How many jobs of this key are worth looking at. */
function roomOf({ state, executor, limit, now, found }: Search, fairnessKey: string): number {
  const room = roomOfFairnessKey(state, { executor, fairnessKey }, now);
  const useful = executor === "none" ? room : Math.min(room, Math.max(limit, aheadOfFairnessKey(state, fairnessKey) + 1));
  return useful - (found.get(fairnessKey) ?? 0);
}

/** The keys whose turn it is: those behind the one served last, then from the first one on. */
function* keysWithRoom(looking: Search, priority: number, limit: number): Generator<Probe, readonly string[], unknown> {
  const { turn, state } = looking;
  const found = new Set<string>();
  const keyed = isKeyed(looking);
  let seen = 0;
  for (const from of turn.after === undefined ? [null] : [turn.after, null]) {
    for (let after: string | null = from; found.size < limit && seen < (found.size === 0 ? KEYS_SEARCHED_MAX : KEYS_SEEN_MAX);) {
      const atLeast: number = keyed ? (seen === 0 ? KEYS_PAGE : KEYS_PAGE_LATER) : 0;
      const size: number = Math.max(atLeast, limit - found.size);
      const page: readonly string[] = yield* ask<string[]>({ type: "keys", priority, after, limit: size });
      if (keyed && state.settings.keyRateLimit !== null) yield* loadBuckets(state, page);
      for (const key of page) if (roomOf(looking, key) >= 1) found.add(key);
      seen += page.length;
      if (page.length < size) break;
      after = page.at(-1) ?? null;
      // Nothing to start among so many: the next claim looks behind them.
      if (found.size === 0 && seen >= KEYS_SEARCHED_MAX) turn.after = after ?? undefined;
    }
  }
  return [...found].slice(0, limit);
}

function* loadBuckets(state: QueueState, keys: readonly string[]): Generator<Probe, void, unknown> {
  for (const [key, spentUntil] of yield* ask<[string, number][]>({ type: "buckets", keys })) {
    const used = state.fairness.get(key);
    if (used === undefined) state.fairness.set(key, { running: 0, spentUntil });
    else used.spentUntil = Math.max(used.spentUntil, spentUntil);
  }
}

function* ask<T>(probe: Probe): Generator<Probe, T, unknown> {
  return (yield probe) as T;
}

/** Where the turns of each queue stand, for as many as are worth remembering. */
export class Turns {
  readonly #turns = new Map<string, Turn>();

  of(executor: ExecutorName, queue: string): Turn {
    const name = `${executor}/${queue}`;
    let turn = this.#turns.get(name);
    if (turn === undefined) {
      if (this.#turns.size >= TURNS_MAX) this.#turns.clear();
      turn = { after: undefined, several: false };
      this.#turns.set(name, turn);
    }
    return turn;
  }

  /**
   * Notes what a claim looks at, for those that look behind it while it goes on, and returns what is to be told of it: which of them it took.
   * Where it took none of a queue, it has had no turn there; where others have looked since, what they noted stays.
   */
  looksAt(jobs: readonly LiveJob[]): (taken: readonly LiveJob[]) => void {
    const looks = new Map<Turn, { readonly before: string | undefined; last: string }>();
    for (const { executor, queue, fairnessKey } of jobs) {
      const turn = this.of(executor, queue);
      const look = looks.get(turn);
      if (look === undefined) looks.set(turn, { before: turn.after, last: fairnessKey });
      else look.last = fairnessKey;
    }
    this.took(jobs);
    return (taken) => {
      const lasts = new Map(taken.map(({ executor, queue, fairnessKey }) => [this.of(executor, queue), fairnessKey]));
      for (const [turn, { before, last }] of looks) if (turn.after === last) turn.after = lasts.get(turn) ?? before;
    };
  }

  /** Notes whose turn it was, in the order in which they were taken. */
  took(jobs: readonly LiveJob[]): void {
    for (const { executor, queue, fairnessKey } of jobs) this.of(executor, queue).after = fairnessKey;
  }
}

const TURNS_MAX = 10_000;
