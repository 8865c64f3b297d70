/**
 * How a job ended, with the attempt that it ended with: one narrow row that is written once. So the wide row of a job is
 * never written again, and most attempts need no row of their own: those in `attempts` were followed by something.
 */
import { queueOfKey, type Attempt, type EndedJob, type ExecutorName, type FinalState } from "@windlass/kernel";
import { tableOf, type SqlValue } from "./table.ts";

type OwnAttempt = Pick<Attempt, "session" | "place" | "externalName" | "externalRef" | "signal" | "evidence">;

/** A row of `job_ends`. */
export interface JobEnd extends FinalState, OwnAttempt {
  readonly jobId: string;
  readonly workspace: string;
  /** Has no parent: what retention looks for. */
  readonly isRoot: boolean;
  /** Of the attempt that it ended with; null when it ended without one (while it waited, in back-off). */
  readonly token: number | null;
  readonly attemptStartedAt: number | null;
}

const FINAL = {
  state: "text",
  outcome: "text",
  reason: "text",
  message: "text",
  exitCode: "integer",
  output: "json",
  attempts: "integer",
  progress: "json",
  startedAt: "integer",
  finishedAt: "integer",
} as const;

/** The part of a row that is the end itself. */
export const finalTable = tableOf<FinalState>("job_ends", FINAL);

export const endsTable = tableOf<JobEnd>("job_ends", {
  jobId: "text",
  workspace: "text",
  isRoot: "flag",
  ...FINAL,
  token: "integer",
  session: "text",
  place: "text",
  externalName: "text",
  externalRef: "text",
  attemptStartedAt: "integer",
  signal: "text",
  evidence: "json",
});

export function endOf({ live, final, attempt }: EndedJob): JobEnd {
  return {
    ...final,
    jobId: live.id,
    workspace: queueOfKey(live.queue).workspace,
    isRoot: live.parentId === null,
    token: attempt?.token ?? null,
    session: attempt?.session ?? null,
    place: attempt?.place ?? null,
    externalName: attempt?.externalName ?? null,
    externalRef: attempt?.externalRef ?? null,
    attemptStartedAt: attempt?.startedAt ?? null,
    signal: attempt?.signal ?? null,
    evidence: attempt?.evidence ?? null,
  };
}

/** Reads what `attemptOfEnd` takes. Value: the job's id. */
export function endedAttemptSql(placeholder: string): string {
  return `SELECT j.executor, ${endsTable.list("e.")} FROM job_ends e JOIN jobs j ON j.id = e.job_id WHERE e.job_id = ${placeholder} AND e.token IS NOT NULL`;
}

/** The attempt that a job ended with: it ended as the job did. */
export function attemptOfEnd(row: readonly SqlValue[]): Attempt {
  const end = endsTable.decode(row, 1);
  return {
    jobId: end.jobId,
    number: end.attempts,
    token: end.token ?? 0,
    phase: "settled",
    executor: row[0] as ExecutorName,
    session: end.session,
    place: end.place,
    externalName: end.externalName,
    externalRef: end.externalRef,
    startedAt: end.attemptStartedAt ?? 0,
    endedAt: end.finishedAt,
    outcome: end.outcome,
    reason: end.reason,
    message: end.message,
    exitCode: end.exitCode,
    signal: end.signal,
    evidence: end.evidence,
  };
}
