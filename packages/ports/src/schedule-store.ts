/**
 * Schedules, their cursors, and the ledger of their occurrences (kernel, L1 to L6). A driver locks the cursor of each decision,
 * sees whether it still counts, and stores it whole with the jobs that it makes.
 */
import type {
  Dispatch,
  Expected,
  Occurrence,
  OccurrenceDecision,
  OccurrenceOrigin,
  ReadonlyTally,
  Schedule,
  ScheduleCursor,
  Signals,
} from "@windlass/kernel";

/** A schedule with where it is. */
export interface ScheduleView {
  readonly schedule: Schedule;
  readonly cursor: ScheduleCursor;
}

/** One that is looked at. */
export interface DueSchedule extends ScheduleView {
  /** Of the jobs in its cursor those that have not ended. */
  readonly alive: readonly string[];
}

/** Where one of those that are due stands among them. */
export interface DuePlace {
  readonly nextAt: number;
  readonly scheduleId: string;
}

export interface ScheduleFilter {
  /** Null: of all. */
  readonly workspace: string | null;
  /** What was written in this. */
  readonly source?: string | undefined;
  /** Continue behind this one, by workspace and name. */
  readonly after?: { readonly workspace: string; readonly name: string } | undefined;
  readonly limit: number;
}

export interface OccurrenceFilter {
  readonly scheduleId: string;
  /** Only if it was of this workspace. */
  readonly workspace?: string | undefined;
  readonly decisions?: readonly OccurrenceDecision[] | undefined;
  readonly origin?: OccurrenceOrigin | undefined;
  /** One run by hand, or one backfill. */
  readonly run?: string | undefined;
  /** With a nominal time at or behind this; of a row that stands for several its first counts. */
  readonly since?: number | undefined;
  /** With one before this. */
  readonly until?: number | undefined;
  /** Continue behind this row, newest first. */
  readonly after?: { readonly nominalAt: number; readonly run: string } | undefined;
  readonly limit: number;
}

export interface Dispatched {
  /** One for each decision, in order: whether it counted. */
  readonly counted: readonly boolean[];
  readonly signals: Signals;
  readonly tally: ReadonlyTally;
}

export interface ScheduleStore {
  list(filter: ScheduleFilter): Promise<readonly DueSchedule[]>;
  get(workspace: string, name: string): Promise<DueSchedule | null>;
  /**
   * Stores it with the next revision, and with it a decision about its cursor (of revision 0: it is new). Null: another decision
   * came first; read it again. Throws `revision_mismatch`; `not_found` when the workspace is gone.
   */
  put(
    schedule: Omit<Schedule, "revision">,
    step: { readonly expected: Expected; readonly dispatch: Dispatch; readonly now: number },
  ): Promise<Schedule | null>;
  /**
   * What of it waits is skipped; its rows stay until they are old. Null: there is none, or another decision than this one of its
   * cursor came first: read it again. Throws `revision_mismatch`.
   */
  remove(
    workspace: string,
    name: string,
    step: { readonly expected: Expected; readonly cursorRevision: number; readonly now: number },
  ): Promise<Schedule | null>;
  /** Those whose next time has come, earliest first; behind this one of them. */
  due(now: number, limit: number, after?: DuePlace): Promise<readonly DueSchedule[]>;
  /** When the next one has to be looked at, or null. */
  nextDue(): Promise<number | null>;
  /** Stores decisions, each on its own merits, with the jobs that they make and stop. */
  dispatch(dispatches: readonly Dispatch[], now: number): Promise<Dispatched>;
  /** Newest first. */
  history(filter: OccurrenceFilter): Promise<readonly Occurrence[]>;
  /** Removes so many rows that were decided before then and wait for nothing, oldest first. Returns how many it were. */
  prune(before: number, limit: number): Promise<number>;
}
