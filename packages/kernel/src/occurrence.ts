/**
 * The ledger of schedules: what became of each nominal time, with a reason. Every nominal time of a schedule has exactly one
 * row of its own, or lies in exactly one row that stands for several. What was decided may wait; then it becomes something
 * that does not, once.
 */
/** What may be decided about a nominal time. `waits`: it becomes another one later; `job`: there is a job of it. */
export const OCCURRENCE_DECISIONS = {
  fired: { waits: false, job: true, meaning: "its job was made" },
  caught_up: { waits: false, job: true, meaning: "its job was made late, for nobody looked when it was due" },
  postponed: { waits: true, job: false, meaning: "waits until the job before it has ended; a newer one takes its place" },
  queued: { waits: true, job: false, meaning: "waits for its turn behind the job before it" },
  coalesced: { waits: false, job: false, meaning: "a newer one was still to come, which stands for both" },
  skipped: { waits: false, job: false, meaning: "was not to run" },
  missed: { waits: false, job: false, meaning: "nobody looked when it was due, and it is not made up for" },
  refused: { waits: false, job: false, meaning: "its job could not be made" },
  dead_lettered: { waits: false, job: true, meaning: "its job could not be handed on, and lies with the dead letters" },
} as const satisfies Record<string, { waits: boolean; job: boolean; meaning: string }>;

export type OccurrenceDecision = keyof typeof OCCURRENCE_DECISIONS;
export const occurrenceDecisions = Object.keys(OCCURRENCE_DECISIONS) as OccurrenceDecision[];

/** Why that was decided. A code never changes its name. */
export const OCCURRENCE_REASONS = {
  due: "it was due, and nothing held it back",
  late: "it was made up for, within the window of `catch_up`",
  asked: "somebody asked for it",
  predecessor_ended: "the job that it waited for has ended",
  predecessor_running: "the job before it has not ended",
  replaces: "it takes the place of the job before it, which was told to end",
  newer: "a newer one came while it waited",
  overlap_limit: "as many jobs of the schedule are alive as may be",
  queue_full: "as many of them wait as may",
  excluded: "`exclude` leaves its time out",
  paused: "the schedule was paused",
  removed: "the schedule was removed while it waited",
  disabled: "the workflow that it runs, or one that this one runs, was disabled",
  no_catch_up: "`catch_up` is none",
  outside_window: "it was due longer ago than the window of `catch_up`",
  newer_due: "`catch_up` is latest, and a newer one was due as well",
  beyond_limit: "more were due than the limit of `catch_up`",
  job_refused: "the message says why its job could not be made",
} as const satisfies Record<string, string>;

export type OccurrenceReason = keyof typeof OCCURRENCE_REASONS;
export const occurrenceReasons = Object.keys(OCCURRENCE_REASONS) as OccurrenceReason[];

/** Who asked for it: the clock, a person for one run, a person for a span of the past. */
export const OCCURRENCE_ORIGINS = ["schedule", "manual", "backfill"] as const;
export type OccurrenceOrigin = (typeof OCCURRENCE_ORIGINS)[number];

/** A row of the ledger. */
export interface Occurrence {
  readonly scheduleId: string;
  readonly workspace: string;
  /** What the job sees as its time, however late it was made; of several the first. */
  readonly nominalAt: number;
  /** Of several the last; else the same. */
  readonly lastAt: number;
  /** How many nominal times it stands for. */
  readonly count: number;
  readonly origin: OccurrenceOrigin;
  /** Which run by hand or which backfill; "" for those of the clock. */
  readonly run: string;
  /** When its job was to start: the nominal time, and the delay of its jitter. */
  readonly dueAt: number;
  readonly decision: OccurrenceDecision;
  readonly reason: OccurrenceReason;
  readonly message: string | null;
  readonly jobId: string | null;
  /** The job that it waits for, or was skipped for. */
  readonly behind: string | null;
  /** Coalesced: the nominal time that stands for it. */
  readonly intoAt: number | null;
  readonly decidedAt: number;
  /** When what waited became what it is; null: it never waited, or still does. */
  readonly settledAt: number | null;
}

export function isWaiting({ decision }: Pick<Occurrence, "decision">): boolean {
  return OCCURRENCE_DECISIONS[decision].waits;
}

/** What became of one that waited. Only those of the clock wait. */
export interface Settlement extends Pick<Occurrence, "nominalAt" | "decision" | "reason" | "message" | "jobId" | "intoAt"> {
  readonly settledAt: number;
}
