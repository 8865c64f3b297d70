/**
 * The tables, as the drivers read and write them. `jobs` is written at submit, `job_ends` (job-end.ts) at the end; `jobs_live`
 * is all that changes in between and is gone when the job ends; an attempt that another one followed has a row of its own.
 * The migrations make these tables; a test holds the two together.
 */
import type { Attempt, DeadLetter, JobEvent, JobRecord, JobView, LiveJob, Queue } from "@windlass/kernel";
import type { Definition, ServedPlace, Session } from "@windlass/ports";
import { finalTable } from "./job-end.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const jobsTable = tableOf<JobRecord>(
  "jobs",
  {
    id: "text",
    workspace: "text",
    kind: "text",
    name: "text",
    parentId: "text",
    rootId: "text",
    path: "text",
    childKey: "text",
    spec: "json",
    input: "json",
    queue: "text",
    priority: "integer",
    executor: "text",
    fairnessKey: "text",
    concurrency: "json",
    idempotencyKey: "text",
    requestHash: "text",
    notBefore: "integer",
    startDeadline: "integer",
    deadLetter: "flag",
    retry: "json",
    timeoutMs: "integer",
    labels: "json",
    commit: "text",
    cause: "json",
    createdAt: "integer",
    traceparent: "text",
  },
  { commit: "commit_hash" },
);

/** Columns of `jobs_live` that never change; the rest is in `liveChanging`. */
const liveFixed = {
  id: "text",
  parentId: "text",
  rootId: "text",
  path: "text",
  childKey: "text",
  name: "text",
  priority: "integer",
  executor: "text",
  fairnessKey: "text",
  retry: "json",
  timeoutMs: "integer",
  startDeadline: "integer",
  concurrencyKey: "text",
  onConflict: "text",
  scheduleId: "text",
} as const;

const liveChanging = {
  queue: "text",
  state: "text",
  holder: "text",
  blocked: "flag",
  resumed: "flag",
  dueAt: "integer",
  dueReason: "text",
  deadlineAt: "integer",
  attempt: "integer",
  token: "integer",
  phase: "text",
  session: "text",
  place: "text",
  externalName: "text",
  externalRef: "text",
  readyAt: "integer",
  startedAt: "integer",
  attemptStartedAt: "integer",
  stop: "json",
  wait: "json",
  progress: "json",
  observed: "json",
  wakes: "integer",
  decided: "integer",
  openChildren: "integer",
  childrenMade: "integer",
  eventSeq: "integer",
  revision: "integer",
} as const;

/** Has one column more than this, `timer_at`: what `timerOf` says of the row. */
export const liveTable = tableOf<LiveJob>("jobs_live", { ...liveFixed, ...liveChanging });
export const liveChangingColumns = liveTable.columns.filter((column) => column.key in liveChanging);

export const attemptsTable = tableOf<Attempt>("attempts", {
  jobId: "text",
  number: "integer",
  token: "integer",
  phase: "text",
  executor: "text",
  session: "text",
  place: "text",
  externalName: "text",
  externalRef: "text",
  startedAt: "integer",
  endedAt: "integer",
  outcome: "text",
  reason: "text",
  message: "text",
  exitCode: "integer",
  signal: "text",
  evidence: "json",
});

export const eventsTable = tableOf<JobEvent>("events", {
  jobId: "text",
  seq: "integer",
  at: "integer",
  type: "text",
  attempt: "integer",
  data: "json",
});

export const queuesTable = tableOf<Queue>("queues", {
  name: "text",
  paused: "flag",
  pausedBy: "text",
  pausedAt: "integer",
  concurrencyLimit: "integer",
  rateLimit: "json",
  keyConcurrencyLimit: "integer",
  keyRateLimit: "json",
  deadLetters: "flag",
  revision: "integer",
});

export const deadLettersTable = tableOf<DeadLetter>("dead_letters", {
  jobId: "text",
  workspace: "text",
  queue: "text",
  name: "text",
  outcome: "text",
  reason: "text",
  message: "text",
  attempts: "integer",
  diedAt: "integer",
  redrives: "integer",
  redrivenAt: "integer",
  redrivenBy: "text",
  redrivenAs: "text",
});

/**
 * A lead that lasts for so much longer than the one that is asked for was taken by a clock that was ahead. Servers ask for
 * leads of the same length; their clocks differ by less.
 */
export const LEAD_AHEAD_MS_MAX = 60_000;

export const sessionsTable = tableOf<Session>("sessions", {
  id: "text",
  role: "text",
  place: "text",
  serves: "json",
  startedAt: "integer",
  expiresAt: "integer",
  owner: "text",
  host: "text",
});

export const definitionsTable = tableOf<Definition>("definitions", {
  id: "text",
  workspace: "text",
  type: "text",
  name: "text",
  version: "integer",
  hash: "text",
  body: "json",
  labels: "json",
  createdAt: "integer",
});

export const placesTable = tableOf<ServedPlace>("places", {
  place: "text",
  host: "text",
  url: "text",
  secret: "text",
  seenAt: "integer",
});

const FINAL_FROM = jobsTable.columns.length;
const LIVE_FROM = FINAL_FROM + finalTable.columns.length;

/** The columns of a job as it is read, from `viewTables`. */
export const viewColumns = `${jobsTable.list("j.")}, ${finalTable.list("e.")}, ${liveTable.list("l.")}`;
export const viewTables = "jobs j LEFT JOIN job_ends e ON e.job_id = j.id LEFT JOIN jobs_live l ON l.id = j.id";

/** An output that is larger is left out of lists, which have up to hundreds of jobs. */
const LISTED_OUTPUT_BYTES_MAX = 65_536;

/** The same without what is large. */
export const listColumns = viewColumns.replace(
  "e.output",
  `CASE WHEN octet_length(e.output) > ${LISTED_OUTPUT_BYTES_MAX} THEN NULL ELSE e.output END`,
);

/** A job as it is read, from a row of `viewColumns`. */
export function decodeView(row: readonly SqlValue[]): JobView {
  const record = jobsTable.decode(row);
  const final = row[FINAL_FROM] === null ? null : finalTable.decode(row, FINAL_FROM);
  const live = final !== null || row[LIVE_FROM] === null ? null : liveTable.decode(row, LIVE_FROM);
  return { record, state: final?.state ?? live?.state ?? "failed", live, final };
}
