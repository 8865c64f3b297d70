/**
 * What was decided of times that have not come, taken back so that it is decided again: of a schedule that is changed, paused or
 * removed, the jobs that were made ahead of their time; and what a clock that was far ahead has decided. Pure.
 *
 * B1. A job that may have begun stays, with its row: no time is run twice.
 * B2. A cursor never goes back behind what has come.
 */
import type { Change } from "./change.ts";
import { days, seconds } from "./duration.ts";
import { excludedSpanOf, spanOf } from "./due-times.ts";
import { DEFAULT_GRACE_MS } from "./job.ts";
import type { Occurrence } from "./occurrence.ts";
import type { FireTimes } from "./schedule.ts";
import type { CursorState, Dispatch, OpenRun, Schedule, ScheduleCursor } from "./schedule-record.ts";

/** What is to begin so soon may have begun by a clock that is a little ahead, or before this is stored. */
const SOON_MS: number = seconds(1);
/** Nobody looks ahead so far; a clock did that. */
const AHEAD_MS_MAX: number = days(1);

/** The first nominal time of those that can be taken back; null: there is none. */
export function takenBackFrom({ at, running }: Pick<CursorState, "at" | "running">, now: number): number | null {
  const [first] = running.filter((run) => isAhead(run, now));
  if (first !== undefined) return first.nominalAt;
  return at > now + AHEAD_MS_MAX ? now + 1 : null;
}

function isAhead({ notBefore }: OpenRun, now: number): boolean {
  return notBefore !== undefined && notBefore > now + SOON_MS;
}

export interface TakingBack {
  readonly schedule: Schedule;
  readonly cursor: ScheduleCursor;
  /** As `takenBackFrom` says. */
  readonly from: number;
  /** The newest rows of the clock before `from`, newest first: what reaches over it is cut there. */
  readonly rows: readonly Occurrence[];
  readonly fire: FireTimes;
}

export function takeBack({ schedule, cursor, from, rows, fire }: TakingBack, now: number): Dispatch {
  const ahead = cursor.running.filter((run) => isAhead(run, now));
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
      running: cursor.running.filter((run) => !ahead.includes(run)),
      waiting: cursor.waiting.filter(({ nominalAt }) => nominalAt < from),
      failing,
    },
    takenBack: rows[reaching]?.nominalAt ?? from,
    added: rows
      .slice(0, reaching + 1)
      .toReversed()
      .flatMap((row) => cutAt(row, { schedule, from, fire })),
    settled: [],
    changes: ahead.map(({ jobId }) => stopOf(schedule, jobId)),
  };
}

/** Of a row that stands for several, what lies before. */
function cutAt(row: Occurrence, { schedule: { timing }, from, fire }: Pick<TakingBack, "schedule" | "from" | "fire">): Occurrence[] {
  if (row.lastAt < from) return [row];
  const raw = { ...timing, exclude: [] };
  const span = { after: row.nominalAt - 1, until: from - 1, fire };
  const left = row.reason === "excluded" ? excludedSpanOf(timing, raw, span) : spanOf(row.reason === "paused" ? raw : timing, span);
  return left === null ? [] : [{ ...row, lastAt: left.to, count: left.count }];
}

function stopOf({ name, id: by }: Schedule, id: string): Change {
  const message = `the schedule ${name} was changed before this was to begin`;
  return { type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message, by, graceMs: DEFAULT_GRACE_MS };
}
