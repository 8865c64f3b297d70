/** From what was decided about a schedule, and the jobs that were made for it, to what a store keeps as one. Pure. */
import { assert } from "./assert.ts";
import type { Change, Submit } from "./change.ts";
import { minutes, seconds } from "./duration.ts";
import { occurrenceOf, startedAs, type DecidedOccurrences, type Start } from "./decide-occurrences.ts";
import { DEFAULT_GRACE_MS } from "./job.ts";
import type { Occurrence, Settlement } from "./occurrence.ts";
import { backoffDelay, type Backoff } from "./retry.ts";
import { REFUSED_TIME, type Dispatch, type OpenRun, type Schedule, type ScheduleCursor } from "./schedule-record.ts";

/** What makes the job of one start, or why there is none. */
export type MadeJob = { readonly submit: Submit } | { readonly refused: string };

export function dispatchOf(
  { schedule, cursor, decided }: { readonly schedule: Schedule; readonly cursor: ScheduleCursor; readonly decided: DecidedOccurrences },
  /** In the order of `decided.starts`. */
  made: readonly MadeJob[],
  now: number,
): Dispatch {
  const { starts, waiting } = decided;
  assert(made.length === starts.length, `${starts.length} starts have ${made.length} jobs`);
  const added: Occurrence[] = [...decided.added];
  const settled: Settlement[] = [...decided.settled];
  const started: OpenRun[] = [];
  const submits: Change[] = [];
  for (const [i, start] of starts.entries()) {
    const result = made[i] as MadeJob;
    if (start.waited) settled.push({ nominalAt: start.nominalAt, intoAt: null, settledAt: now, ...endOf(start, result) });
    else added.push({ ...occurrenceOf(schedule, { ...start, decision: "fired", reason: "due" }, now), ...endOf(start, result) });
    if (!("submit" in result)) continue;
    const { id: jobId, notBefore } = result.submit.job;
    started.push({ jobId, nominalAt: start.nominalAt, ...(start.isAhead && notBefore !== null ? { notBefore } : {}) });
    submits.push(result.submit);
  }
  const running = [...decided.running, ...decided.ended, ...started];
  // Nothing runs that what waits could wait for: whoever looks next lets it start.
  const isStuck = waiting.length > 0 && decided.running.length + started.length === 0;
  const { at, nextAt } = decided;
  return {
    scheduleId: schedule.id,
    revision: cursor.revision,
    wakes: cursor.wakes,
    cursor: { at, nextAt: isStuck ? now : nextAt, running, waiting, failing: null },
    added: added.toSorted((a, b) => a.nominalAt - b.nominalAt),
    settled,
    changes: [...decided.stops.map((id) => stopFor(schedule, id)), ...submits],
  };
}

/** How soon a schedule that could not be decided about is looked at again. */
const FAILING_BACKOFF: Backoff = { initial: seconds(10), factor: 2, max: minutes(10), jitter: 0 };
const MESSAGE_LENGTH_MAX = 2_000;

/** The cursor stays where it is, and says why. `from`: what is counted from; behind what was looked at ahead. */
export function failedDispatch(
  cursor: ScheduleCursor,
  message: string,
  { now, from = now }: { readonly now: number; readonly from?: number },
): Dispatch {
  const { scheduleId, revision, wakes, ...state } = cursor;
  const times = (state.failing?.times ?? 0) + 1;
  const failing = { message: message.slice(0, MESSAGE_LENGTH_MAX), since: state.failing?.since ?? now, times };
  const nextAt = from + backoffDelay(FAILING_BACKOFF, times, 0);
  return { scheduleId, revision, wakes, cursor: { ...state, nextAt, failing }, added: [], settled: [], changes: [] };
}

function endOf(start: Start, result: MadeJob): Pick<Occurrence, "decision" | "reason" | "message" | "jobId"> {
  if ("refused" in result) return { ...REFUSED_TIME, message: result.refused, jobId: null };
  return { ...startedAs(start), message: null, jobId: result.submit.job.id };
}

function stopFor({ name, id: by }: Schedule, id: string): Change {
  const message = `the next occurrence of the schedule ${name} takes its place`;
  return { type: "stop", id, stopFor: "replaced", reason: "replaced", message, by, graceMs: DEFAULT_GRACE_MS };
}
