/**
 * Dead letters: jobs that failed for good and that somebody has to look at. The list is of use only while it is short, so
 * not everything that failed is one: steps are told of by their execution, and a command that somebody ran is told of by
 * its end. What is left are jobs that a worker of a queue was to handle, executions of which no runner could be made or kept, and
 * what was submitted as `deadLetter`.
 */
import type { FinalState, JobRecord, LiveJob } from "./job.ts";
import type { Outcome } from "./outcome.ts";
import type { QueueSettings } from "./queue.ts";
import type { Reason } from "./reason.ts";

export interface DeadLetter {
  readonly jobId: string;
  readonly workspace: string;
  readonly queue: string;
  readonly name: string;
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly message: string | null;
  readonly attempts: number;
  readonly diedAt: number;
  /** How often it was run again as a new job. */
  readonly redrives: number;
  readonly redrivenAt: number | null;
  readonly redrivenBy: string | null;
  /** The job that the last redrive made. */
  readonly redrivenAs: string | null;
}

/** Ends that no step of an execution is to blame for: its steps would tell of theirs. */
const UNSERVED: ReadonlySet<Reason> = new Set<Reason>(["spawn_failed", "runner_failed"]);

/** Without looking at what it was submitted as. */
export function mayBeDead({ parentId, executor }: LiveJob, { state, reason }: FinalState): boolean {
  return parentId === null && (executor !== "none" || UNSERVED.has(reason)) && (state === "failed" || state === "expired");
}

/** The dead letter that a job of which `mayBeDead` is true leaves; null: none. */
export function deadLetterOf(record: JobRecord, final: FinalState, queue: Pick<QueueSettings, "deadLetters">): DeadLetter | null {
  // Whoever gave it a start deadline said that it is not to be done later.
  const isMeant = record.executor === "handler" || UNSERVED.has(final.reason);
  const byQueue = queue.deadLetters && isMeant && final.state === "failed";
  if (!(record.deadLetter ?? byQueue)) return null;
  const { outcome, reason, message, attempts, finishedAt: diedAt } = final;
  const { id: jobId, workspace, queue: name } = record;
  const unhandled = { redrives: 0, redrivenAt: null, redrivenBy: null, redrivenAs: null };
  return { jobId, workspace, queue: name, name: record.name, outcome, reason, message, attempts, diedAt, ...unhandled };
}
