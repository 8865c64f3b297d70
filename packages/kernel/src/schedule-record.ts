/**
 * A schedule as it is stored: when (schedule.ts), what, and what is done about runs that would meet and about times that
 * nobody looked at; and its cursor, what the dispatcher remembers of it between two decisions.
 *
 * L1. The cursor only goes forward, except over times that have not come (take-back.ts). Every nominal time up to it is in the
 *     ledger (occurrence.ts); behind it only what L6 says.
 * L2. The cursor, the rows of the ledger and the jobs that they name are stored in one transaction, or none of them is.
 * L3. A decision counts only if no other came since its cursor was read: of two dispatchers that decide at once, one does.
 * L4. Who changes, resumes or moves a schedule to another zone does so from now on: what was due before is decided by what was
 *     stored then, and the new times begin behind it.
 * L5. The end of a job that something may wait for is counted in the transaction of that end (`wakes`). A decision that leaves
 *     something waiting and has not seen all ends is followed by another at once, so that none of them waits for ever.
 * L6. What `running` names of times behind the cursor has its row, whether that job is alive or not: they were begun, or cancelled by
 *     hand, before the cursor went back over them. No other time behind the cursor has one.
 */
import { minutes } from "./duration.ts";
import type { Change, ChangeResult, Refusal } from "./change.ts";
import { definitionKeyOf, type DefinitionName } from "./disabled-definition.ts";
import type { Json, JsonObject } from "./json.ts";
import type { JobKindName } from "./job.ts";
import type { Occurrence, Settlement } from "./occurrence.ts";
import type { Timing } from "./schedule.ts";

/** What is done about an occurrence whose predecessor has not ended. */
export const OVERLAP_POLICIES = {
  forbid: "it is skipped",
  postpone: "it starts when the one before has ended; one at most waits, and the newest stands for all",
  queue: "it waits for its turn; up to `limit` wait",
  replace: "the one before is told to end, and it starts when that has ended",
  allow: "it starts; up to `limit` run at once",
} as const satisfies Record<string, string>;
export type OverlapPolicy = keyof typeof OVERLAP_POLICIES;

export interface Overlap {
  readonly policy: OverlapPolicy;
  /** Of `queue` how many may wait, of `allow` how many may run at once. */
  readonly limit: number;
}

/** What is done about occurrences that were due while nobody looked. */
export const CATCH_UP_POLICIES = {
  none: "they are missed",
  latest: "the newest is made up for, unless one is due now",
  all: "up to `limit` of the newest are made up for",
} as const satisfies Record<string, string>;
export type CatchUpPolicy = keyof typeof CATCH_UP_POLICIES;

export interface CatchUp {
  readonly policy: CatchUpPolicy;
  /** Those that were due longer ago are missed. */
  readonly windowMs: number;
  /** Of `all`: how many at most, with those that are due now. */
  readonly limit: number;
}

/** What waits lies in one row, and what runs at once is looked up with each decision. */
export const OVERLAP_LIMIT_MAX = 100;
export const CATCH_UP_LIMIT_MAX = 1_000;
export const CATCH_UP_WINDOW_MS_MAX: number = minutes(60 * 24 * 31);

export const DEFAULT_CATCH_UP: CatchUp = { policy: "latest", windowMs: minutes(60), limit: 10 };

/** Two runs of one thing at once are what most people do not expect. Who asks for all that were missed does not want them skipped. */
export function defaultOverlap({ policy, limit }: CatchUp): Overlap {
  return policy === "all" ? { policy: "queue", limit: Math.min(limit, OVERLAP_LIMIT_MAX) } : { policy: "forbid", limit: 1 };
}

/** What the jobs are made from; its kind knows what else it holds. */
export interface ScheduleTemplate extends JsonObject {
  readonly kind: JobKindName;
}

export interface Schedule {
  readonly id: string;
  readonly workspace: string;
  readonly name: string;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  readonly template: ScheduleTemplate;
  /** Texts in it may be templates; they see `schedule.nominal_time`. */
  readonly input: Json;
  /** Of its jobs. */
  readonly labels: Readonly<Record<string, string>>;
  readonly paused: boolean;
  readonly pausedBy: string | null;
  readonly pausedAt: number | null;
  readonly pausedReason: string | null;
  /** What it was written in, and goes with (`workflow/nightly`); null: it stands by itself. */
  readonly source: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly changedBy: string;
  readonly changedAt: number;
  /** Grows with each change by a person; what the dispatcher does leaves it. */
  readonly revision: number;
  /** Whoever saved it last had the permission `jobs:command`. Without, what it makes is refused once it starts commands. */
  readonly mayCommand: boolean;
}

/** A schedule as somebody wrote it. */
export interface ReadSchedule {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly template: ScheduleTemplate;
  readonly input: Json;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** Undefined: it says nothing, so it stays as it is. */
  readonly paused: boolean | undefined;
}

/** Names are part of addresses, and of labels of a cluster. */
export const SCHEDULE_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/u;

/** A job of the schedule that may be alive (whether it is, the store knows), or whose time is still to come (L6). */
export interface OpenRun {
  readonly jobId: string;
  readonly nominalAt: number;
  /** When it is to begin, of one that was made ahead of that. */
  readonly notBefore?: number;
}

/** An occurrence that waits for a job to end. */
export interface WaitingRun {
  readonly nominalAt: number;
  readonly dueAt: number;
  /** Its job is one that is made up for. */
  readonly isLate: boolean;
}

/** Why a schedule could not be decided about when it was looked at last. It is looked at again, at growing intervals. */
export interface ScheduleFailing {
  readonly message: string;
  /** When it first failed, without a success since. */
  readonly since: number;
  readonly times: number;
}

/** What a decision about a schedule starts from and leaves behind. */
export interface CursorState {
  /** See L1. */
  readonly at: number;
  /** When to look next; null: nothing will be due. */
  readonly nextAt: number | null;
  /** Oldest first. */
  readonly running: readonly OpenRun[];
  /** Oldest first. */
  readonly waiting: readonly WaitingRun[];
  /** Null: it was decided about, or never looked at. */
  readonly failing: ScheduleFailing | null;
}

export interface ScheduleCursor extends CursorState {
  readonly scheduleId: string;
  /** How many of its jobs have ended. See L5. */
  readonly wakes: number;
  /** Grows with each decision. See L3. */
  readonly revision: number;
}

/** One decision about one schedule, to be stored whole or not at all. */
export interface Dispatch {
  readonly scheduleId: string;
  /** What `revision` and `wakes` of the cursor were when this was decided; 0: there is none yet. */
  readonly revision: number;
  readonly wakes: number;
  readonly cursor: CursorState;
  /**
   * Rows of the clock from this nominal time on go before `added` come: they are decided again. It counts only if no job of the
   * schedule has ended since `wakes`: what somebody has cancelled meanwhile is not made again.
   */
  readonly takenBack?: number;
  /** What takes the place of a job that it stops is made of these: it counts only while none of them is disabled, for nothing would come. */
  readonly replacedBy?: readonly DefinitionName[];
  readonly added: readonly Occurrence[];
  readonly settled: readonly Settlement[];
  /** Jobs to make and to stop. */
  readonly changes: readonly Change[];
}

/**
 * Whether a decision still counts. Keeps L3. `before`: the cursor as it is now; undefined: it is gone. `disabled`: of
 * `replacementsNeeded` those that are.
 */
export function isStillRight(
  { revision, wakes, takenBack, replacedBy = [] }: Pick<Dispatch, "revision" | "wakes" | "takenBack" | "replacedBy">,
  before: Pick<ScheduleCursor, "revision" | "wakes"> | undefined,
  disabled: readonly DefinitionName[] = [],
): boolean {
  if (before?.revision !== revision || (takenBack !== undefined && before.wakes !== wakes)) return false;
  return disabled.length === 0 || !replacedBy.some((one) => disabled.some((mark) => definitionKeyOf(mark) === definitionKeyOf(one)));
}

/** The definitions that decisions must not find disabled, each once. A store keeps them as they are until it has stored them. */
export function replacementsNeeded(dispatches: readonly Pick<Dispatch, "replacedBy">[]): readonly DefinitionName[] {
  const needed = new Map<string, DefinitionName>();
  for (const { replacedBy = [] } of dispatches) for (const one of replacedBy) needed.set(definitionKeyOf(one), one);
  return [...needed.values()];
}

/** Times behind the cursor that have their rows. See L6. */
export function decidedBehind({ at, running }: Pick<CursorState, "at" | "running">): ReadonlySet<number> {
  return new Set(running.filter(({ nominalAt }) => nominalAt > at).map(({ nominalAt }) => nominalAt));
}

/** The cursor as it is stored with a decision that still counts. Keeps L5: what waits is looked at again if an end came since. */
export function cursorAfter(
  before: Pick<ScheduleCursor, "wakes"> | null,
  { scheduleId, cursor, ...dispatch }: Dispatch,
  now: number,
): ScheduleCursor {
  const wakes = before?.wakes ?? 0;
  const again = wakes !== dispatch.wakes && cursor.waiting.length > 0;
  return {
    scheduleId,
    ...cursor,
    nextAt: again ? Math.min(now, cursor.nextAt ?? now) : cursor.nextAt,
    wakes,
    revision: dispatch.revision + 1,
  };
}

/** When to look, once `ends` of its jobs have ended: at once if something waits. See L5. */
export function nextLookAfterEnd({ waiting, nextAt }: Pick<ScheduleCursor, "waiting" | "nextAt">, now: number): number | null {
  return waiting.length === 0 ? nextAt : Math.min(nextAt ?? now, now);
}

/**
 * The rows of a decision once its changes were tried. `results` are those of its changes, in order. A job that was refused is
 * said to be so, and never named.
 */
export function rowsOf({ added, settled, changes }: Dispatch, results: readonly ChangeResult[]): Pick<Dispatch, "added" | "settled"> {
  const refusals = new Map<string, Refusal>();
  for (const [i, result] of results.entries()) if (!result.ok && changes[i]?.type === "submit") refusals.set(result.id, result.refusal);
  if (refusals.size === 0) return { added, settled };
  const mend = <T extends Pick<Occurrence, "jobId" | "decision" | "reason" | "message">>(row: T): T => {
    const refusal = row.jobId === null ? undefined : refusals.get(row.jobId);
    if (refusal === undefined) return row;
    return { ...row, ...(refusal.code === "workflow_disabled" ? DISABLED_TIME : REFUSED_TIME), message: refusal.why, jobId: null };
  };
  return { added: added.map(mend), settled: settled.map(mend) };
}

type Row = Pick<Occurrence, "decision" | "reason">;

/** What becomes of a time while what it runs takes nothing new. */
export const DISABLED_TIME: Row = { decision: "skipped", reason: "disabled" };
/** What becomes of a time of which no job can be made. */
export const REFUSED_TIME: Row = { decision: "refused", reason: "job_refused" };
