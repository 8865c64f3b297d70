/**
 * Which nominal times of a schedule have to be decided about now: one by one the newest of them, as a span what lies so far
 * back that nothing comes of it any more. However long nobody looked, it is a bounded list. Pure.
 *
 * E1. All times behind the cursor up to the last one in the list are in it: each once, none that is not due yet.
 * E2. They are in order, and due in that order: a long jitter never lets a later time overtake an earlier one.
 * E3. A time that has its row already (schedule-record.ts, L6) is listed as such, and lies in no span.
 */
import { minutes } from "./duration.ts";
import type { FireSpan, FireTimes, Timing } from "./schedule.ts";
import type { Schedule } from "./schedule-record.ts";

export interface DueTime {
  readonly nominalAt: number;
  readonly dueAt: number;
  /** Left out by `exclude`. */
  readonly isExcluded: boolean;
  /** It has its row. */
  readonly isDecided: boolean;
}

/** Several nominal times, from the first to the last. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

export interface DueTimes {
  /** Before all of `times`: too long ago. */
  readonly past: readonly TimeSpan[];
  /** Of the same stretch those that `exclude` leaves out. */
  readonly pastExcluded: readonly TimeSpan[];
  readonly times: readonly DueTime[];
  /** How far the cursor goes. */
  readonly upTo: number;
  /** When the next one is due; null: none ever is. */
  readonly nextAt: number | null;
}

/** A dispatcher that a CronJob starts each minute is no later than this; who is, was not there. */
export const ON_TIME_MS: number = minutes(1);
/** Times that one decision lists: more than any policy lets run. */
export const DUE_TIMES_MAX = 1_000;
/** With those that are due early within a long jitter. Of more than that, the rest is listed at once afterwards (E1). */
const LISTED_MAX: number = 2 * DUE_TIMES_MAX;

type Asked = Pick<Schedule, "id" | "timing" | "catchUp">;

export interface DueQuestion {
  readonly at: number;
  readonly now: number;
  readonly aheadMs?: number;
  readonly fire: FireTimes;
  /** Times behind `at` that have their rows. */
  readonly decided?: ReadonlySet<number>;
}

/** What is due of `schedule` behind `at` by `now`, and what will be `aheadMs` later; `fire` knows the times. */
export function dueTimes({ id, timing, catchUp }: Asked, { at, now, aheadMs = 0, fire, decided = new Set() }: DueQuestion): DueTimes {
  const until = now + aheadMs;
  const raw: Timing = timing.exclude.length === 0 ? timing : { ...timing, exclude: [] };
  const windowMs = catchUp.policy === "none" ? 0 : catchUp.windowMs;
  const floor = Math.max(at, now - Math.max(windowMs + 1, ON_TIME_MS) - timing.jitterMs);
  const from = until <= at ? at : newestFrom(raw, { after: floor, until: until - timing.jitterMs, fire });
  const listed = until <= at ? [] : fire.firesBetween(raw, { after: from, until, limit: LISTED_MAX }).times;
  const excluded = excludedOf(timing, { listed, after: from, until, fire });
  const times: DueTime[] = [];
  let earliest = -Infinity;
  for (const nominalAt of listed) {
    const dueAt = Math.max(earliest, nominalAt + fire.delayOf(timing, id, nominalAt));
    if (dueAt > until) break;
    times.push({ nominalAt, dueAt, isExcluded: excluded.has(nominalAt), isDecided: decided.has(nominalAt) });
    earliest = dueAt;
  }
  const upTo = times.at(-1)?.nominalAt ?? Math.max(at, from);
  const next = fire.nextFire(raw, upTo);
  return {
    past: spansBetween(decided, { after: at, until: from, fire }, (span) => spanOf(timing, span)),
    pastExcluded:
      raw === timing ? [] : spansBetween(decided, { after: at, until: from, fire }, (span) => excludedSpanOf(timing, raw, span)),
    times,
    upTo,
    nextAt: next === null ? null : Math.max(earliest, next + fire.delayOf(timing, id, next)),
  };
}

interface Stretch extends FireSpan {
  readonly fire: FireTimes;
}

/**
 * The first instant behind `after` from which on no more than `DUE_TIMES_MAX` fires come up to `until`: all of them are due by
 * then, whatever their jitter.
 */
function newestFrom(timing: Timing, { after, until, fire }: Stretch): number {
  if (until <= after) return after;
  if (!fire.firesBetween(timing, { after, until, limit: DUE_TIMES_MAX }).isCut) return after;
  return firstWhere({ low: after, high: until }, (instant) => fire.countFires(timing, { after: instant, until }) <= DUE_TIMES_MAX);
}

function excludedOf(timing: Timing, { listed, after, until, fire }: Stretch & { readonly listed: readonly number[] }): ReadonlySet<number> {
  if (timing.exclude.length === 0 || listed.length === 0) return new Set();
  const kept = new Set(fire.firesBetween(timing, { after, until, limit: LISTED_MAX }).times);
  return new Set(listed.filter((time) => !kept.has(time)));
}

/** Keeps E3: what `spanIn` finds in a stretch, without the times of `decided`. */
export function spansBetween(
  decided: ReadonlySet<number>,
  { after, until, fire }: Stretch,
  spanIn: (span: Stretch) => TimeSpan | null,
): readonly TimeSpan[] {
  const cuts = [...decided].filter((time) => time > after && time <= until).toSorted((a, b) => a - b);
  return [...cuts, until + 1].flatMap((cut, i) => spanIn({ after: cuts[i - 1] ?? after, until: cut - 1, fire }) ?? []);
}

/** All fires between two instants, as one span; null: there are none. */
export function spanOf(timing: Timing, { after, until, fire }: Stretch): TimeSpan | null {
  const count = until <= after ? 0 : fire.countFires(timing, { after, until });
  const from = count === 0 ? null : fire.nextFire(timing, after);
  if (from === null) return null;
  const isBehindAll = (instant: number): boolean => {
    const next = fire.nextFire(timing, instant);
    return next === null || next > until;
  };
  return { from, to: firstWhere({ low: from - 1, high: until }, isBehindAll), count };
}

/** The same of those that `exclude` leaves out (`raw` does not): they are told from the others by counting. */
export function excludedSpanOf(timing: Timing, raw: Timing, { after, until, fire }: Stretch): TimeSpan | null {
  const excluded = (low: number, high: number): number =>
    high <= low ? 0 : fire.countFires(raw, { after: low, until: high }) - fire.countFires(timing, { after: low, until: high });
  const count = excluded(after, until);
  if (count === 0) return null;
  const from = firstWhere({ low: after, high: until }, (instant) => excluded(after, instant) > 0);
  return { from, to: firstWhere({ low: from - 1, high: until }, (instant) => excluded(instant, until) === 0), count };
}

/** The first whole instant above `low` for which `test` holds, of one that holds from somewhere on, at `high` at the latest. */
function firstWhere({ low, high }: { readonly low: number; readonly high: number }, test: (instant: number) => boolean): number {
  let [no, yes] = [low, high];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (test(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}
