/**
 * Where jobs are kept. A driver loads and locks the rows that a change touches, lets the kernel decide, and writes what
 * came out, in one transaction. It has no rule of its own about states.
 *
 * S1. What `commit` and `claim` have answered is durable.
 * S2. A refused change leaves no trace, and never undoes its neighbours.
 * S3. Per job, changes take effect one after the other; events have gap-free numbers in that order.
 * S4. A session that is not open (any more) claims nothing: nobody would ever take from it what it claimed. The check and
 *     the claim are one: a session cannot be closed in between.
 * S5. No method reads a clock for a decision: `now` is handed in.
 */
import type {
  Change,
  ChangeResult,
  ExecutorName,
  Fact,
  Json,
  JobRecord,
  LiveJob,
  LiveState,
  ReadonlyTally,
  Signals,
  SpawnerLimits,
} from "@windlass/kernel";

export interface Committed {
  /** One for each change, in order. */
  readonly results: readonly ChangeResult[];
  readonly signals: Signals;
  /** What this call did, in numbers; of calls that shared a transaction one has the numbers of all, and the others none. */
  readonly tally: ReadonlyTally;
}

export interface ClaimRequest {
  readonly executor: ExecutorName;
  /** Only the queues of these keys; all when left out. */
  readonly queues?: readonly string[] | undefined;
  /** Only the queues of this name, of whatever workspace; all when left out. */
  readonly queueName?: string | undefined;
  /** The session that will hold what is claimed. */
  readonly session: string;
  /** Where an out-of-band attempt will live; its name is stored with the claim. */
  readonly place: string | null;
  /** Jobs for which there is a slot. */
  readonly limit: number;
  /** So many more, of those that lose nothing by waiting for a slot (kernel, D7); 0 when left out. */
  readonly ahead?: number | undefined;
  /** Limits of runners beside those that are set of their queues; counted with the claim, so that all who claim keep them together. */
  readonly spawner?: SpawnerLimits | undefined;
  readonly now: number;
}

export interface Claimed {
  readonly jobs: readonly ClaimedJob[];
  readonly signals: Signals;
  /**
   * True when nothing was ready any more and nothing held back: another claim finds nothing until a commit says that
   * something is ready. False where that is not known.
   */
  readonly nothingLeft: boolean;
  /** When a rate that may have held jobs back lets the next one start: worth another claim then. Null: none did. */
  readonly heldUntil: number | null;
  readonly tally: ReadonlyTally;
}

export interface ClaimedJob {
  readonly record: JobRecord;
  readonly live: LiveJob;
}

/** Without its record: one holds a whole workflow, and is asked for once, by `records`. */
export interface WokenJob {
  readonly live: LiveJob;
  /** What it has not seen yet, oldest first; the last one's number is `live.wakes` unless there are more than a decision takes. */
  readonly facts: readonly Fact[];
  /** The number of the last fact given: what the decision has seen. */
  readonly seen: number;
}

export interface LiveFilter {
  /** Only these: as many as a page at most, and one at least. */
  readonly ids?: readonly string[];
  readonly session?: string;
  readonly place?: string;
  readonly states?: readonly LiveState[];
  readonly executor?: ExecutorName;
  readonly queue?: string;
  readonly name?: string;
  readonly fairnessKey?: string;
  readonly parentId?: string;
  /** Live jobs whose parent has ended or is stopping. */
  readonly orphaned?: boolean;
  /** Held by a session that is not open (any more). */
  readonly forsaken?: boolean;
  /** Whether its concurrency key holds it back. */
  readonly blocked?: boolean;
  /** Held back by its concurrency key, and not to wait for it (`onConflict`). */
  readonly contending?: boolean;
  /** Only ids greater than this one, in order of id: for going through all of them. */
  readonly after?: string;
}

export interface JobStore {
  /** Applies each change on its own merits; see S1, S2, S3. */
  commit(changes: readonly Change[], now: number): Promise<Committed>;
  /**
   * Starts up to `limit + ahead` attempts of ready jobs: highest priority first, then in turn over fairness keys, then oldest. Claims that
   * one process asks for at once share out what is ready in the order in which they are asked for.
   */
  claim(request: ClaimRequest): Promise<Claimed>;
  /** Live jobs whose next time has come, earliest first. */
  due(now: number, limit: number): Promise<readonly LiveJob[]>;
  /** When the next live job becomes due, or null. */
  nextDue(): Promise<number | null>;
  /** Jobs without executor that have facts to look at, once they were started: nothing is decided about one that is queued. */
  woken(limit: number): Promise<readonly WokenJob[]>;
  /** All entries of a composite's cursor. */
  cursor(id: string): Promise<Readonly<Record<string, Json>>>;
  live(filter: LiveFilter, limit: number): Promise<readonly LiveJob[]>;
  /** The record of each id that exists, in no particular order. */
  records(ids: readonly string[]): Promise<readonly JobRecord[]>;
  /** Makes blocked jobs ready whose key has room. Commits do this by themselves; this heals what was missed. */
  unblock(now: number): Promise<Signals>;
  /**
   * Forgets what nobody will ask for again: concurrency keys without jobs, rates that were not used for a while. Looks at
   * some keys behind `after`; returns where to go on, "" at the end.
   */
  tidy(after: string, now: number): Promise<string>;
}

/** How many facts one decision takes at most. */
export const FACTS_PER_DECISION_MAX = 500;
