/**
 * What was decided of times that have not come, taken back so that it is decided again: of a schedule that is changed, paused or
 * removed, the jobs that were made ahead of their time, and what was said of times without a job; and what a clock that was far
 * ahead has decided. Pure.
 *
 * B1. A job that may have begun, or has ended (somebody cancelled it), stays with its row, and its time is not decided again
 *     (schedule-record.ts, L6): no time is run twice, and what was cancelled stays so.
 * B2. A cursor never goes back behind what has come.
 */
import type { Change } from "./change.ts";
import { seconds } from "./duration.ts";
import { excludedSpanOf, spanOf } from "./due-times.ts";
import { DEFAULT_GRACE_MS } from "./job.ts";
import type { Occurrence } from "./occurrence.ts";
import type { FireTimes } from "./schedule.ts";
import type { Dispatch, OpenRun, Schedule, ScheduleCursor } from "./schedule-record.ts";

/** What is to begin so soon may have begun by a clock that is a little ahead, or before this is stored. */
const SOON_MS: number = seconds(1);
/**
 * Rows with jobs that are looked at, newest first: more than one pass makes of a schedule, and as many as a cursor can remember. Of
 * more (a clock that was ahead for long) those before them stay as they are.
 */
export const TAKEN_BACK_MAX = 2_000;

interface Standing {
  readonly cursor: ScheduleCursor;
  /** Of the jobs in the cursor those that have not ended. */
  readonly alive: readonly string[];
}

/** The first nominal time of those that can be taken back; null: nothing was decided of times that have not come. */
export function takenBackFrom({ cursor, alive }: Standing, now: number): number | null {
  const ahead = aheadOf({ cursor, alive }, now).map(({ nominalAt }) => nominalAt);
  return cursor.at <= now && ahead.length === 0 ? null : Math.min(now + 1, ...ahead);
}

/** Those of its jobs that cannot have begun. With a jitter, their nominal time may have come. */
function aheadOf({ cursor, alive }: Standing, now: number): OpenRun[] {
  return cursor.running.filter(({ jobId, notBefore }) => notBefore !== undefined && notBefore > now + SOON_MS && alive.includes(jobId));
}

export interface TakingBack extends Standing {
  readonly schedule: Schedule;
  /** As `takenBackFrom` says, or behind it. */
  readonly from: number;
  /** The newest rows of the clock before `from`, newest first: what reaches over it is cut there. */
  readonly rows: readonly Occurrence[];
  /** All rows of the clock from `from` on that name a job. */
  readonly made: readonly Occurrence[];
  readonly fire: FireTimes;
}

export function takeBack({ schedule, cursor, alive, from, rows, made, fire }: TakingBack, now: number): Dispatch {
  const ahead = aheadOf({ cursor, alive }, now).filter(({ nominalAt }) => nominalAt >= from);
  const stopped = new Set(ahead.map(({ jobId }) => jobId));
  const kept = made.filter(({ jobId }) => jobId !== null && !stopped.has(jobId));
  const reaching = rows.findLastIndex(({ lastAt }) => lastAt >= from);
  const { scheduleId, revision, wakes, failing } = cursor;
  return {
    scheduleId,
    revision,
    wakes,
    cursor: {
      // No further than what is decided: other rules may have times before the first that is taken back.
      at: Math.min(from - 1, Math.max(now, rows[0]?.lastAt ?? 0)),
      nextAt: schedule.paused ? null : now,
      running: [...cursor.running.filter(({ jobId }) => !stopped.has(jobId)), ...forgotten(cursor, kept)],
      waiting: cursor.waiting.filter(({ nominalAt }) => nominalAt < from),
      failing,
    },
    takenBack: rows[reaching]?.nominalAt ?? from,
    added: [
      ...rows
        .slice(0, reaching + 1)
        .toReversed()
        .flatMap((row) => cutAt(row, { schedule, from, fire })),
      ...kept,
    ],
    settled: [],
    changes: ahead.map(({ jobId }) => stopOf(schedule, jobId)),
  };
}

/** Those of `kept` that the cursor does not name any more: they have ended. */
function forgotten({ running }: ScheduleCursor, kept: readonly Occurrence[]): OpenRun[] {
  const named = new Set(running.map(({ jobId }) => jobId));
  return kept.flatMap(({ jobId, nominalAt }) => (jobId === null || named.has(jobId) ? [] : [{ jobId, nominalAt }]));
}

/** Of a row that stands for several, what lies before. */
function cutAt(row: Occurrence, { schedule: { timing }, from, fire }: Pick<TakingBack, "schedule" | "from" | "fire">): Occurrence[] {
  if (row.lastAt < from) return [row];
  const raw = { ...timing, exclude: [] };
  const span = { after: row.nominalAt - 1, until: from - 1, fire };
  const left = row.reason === "excluded" ? excludedSpanOf(timing, raw, span) : spanOf(row.decision === "missed" ? timing : raw, span);
  return left === null ? [] : [{ ...row, lastAt: left.to, count: left.count }];
}

function stopOf({ name, id: by }: Schedule, id: string): Change {
  const message = `the schedule ${name} was changed before this was to begin`;
  return { type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message, by, graceMs: DEFAULT_GRACE_MS };
}
