/**
 * What a change of a schedule does to its cursor: what was due before it is decided by what was stored then, what was decided
 * ahead of its time is taken back, and the new rules hold from now on (kernel, L4). A schedule that cannot be decided about can be
 * changed and paused all the same: that is how it is mended.
 */
import {
  days,
  decidedBehind,
  demandRevision,
  dueTimes,
  messageOf,
  OCCURRENCE_DECISIONS,
  occurrenceDecisions,
  occurrenceOf,
  spanOf,
  spansBetween,
  takeBack,
  TAKEN_BACK_MAX,
  takenBackFrom,
  type CursorState,
  type Dispatch,
  type Expected,
  type Occurrence,
  type Schedule,
  type Settlement,
  type TimeSpan,
  WindlassError,
} from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { evaluate, type Evaluating } from "./evaluate.ts";
import { storeDispatches } from "./store-dispatches.ts";

export interface Changing {
  readonly found: DueSchedule;
  readonly next: Omit<Schedule, "revision">;
  readonly now: number;
}

/** `moved`: the cursor is another one now, read it again. `failure`: why what was due could not be decided. */
export interface Before {
  readonly moved: boolean;
  readonly failure: string | null;
}

const NOTHING: Before = { moved: false, failure: null };
/** As a row that reaches over the place at which it is cut, and one beside it (left out by `exclude`) may lie. */
const ROWS_LOOKED_AT = 2;
/** A cursor that is further ahead was moved by a clock. */
const AHEAD_MS_MAX: number = days(1);
/** A dispatcher that looks ahead at the same moment makes something again; not that often. */
const TRIES_MAX = 20;

const WITH_JOB = occurrenceDecisions.filter((decision) => OCCURRENCE_DECISIONS[decision].job);

/** Takes back what was decided ahead of its time; true when something was: the cursor is another one now, read it again. */
export async function tookBack({ context, fire }: Evaluating, found: DueSchedule, now: number): Promise<boolean> {
  const first = takenBackFrom(found, now);
  if (first === null) return false;
  const ofClock = { scheduleId: found.schedule.id, run: "" } as const;
  const { schedules } = context.store;
  const made = await schedules.history({ ...ofClock, decisions: WITH_JOB, since: first, limit: TAKEN_BACK_MAX });
  const from = made.length < TAKEN_BACK_MAX ? first : (made.at(-1)?.nominalAt ?? first);
  const rows = await schedules.history({ ...ofClock, until: from, limit: ROWS_LOOKED_AT });
  const dispatch = takeBack({ ...found, from, rows, made, fire }, now);
  // Of more than a cursor can remember, the rest stays decided.
  if (dispatch.changes.length === 0 && dispatch.cursor.at >= found.cursor.at) return false;
  demandStored(await storeDispatches(context, [dispatch]));
  return true;
}

/**
 * What was taken back is decided by what is stored now, as far as somebody had looked ahead: he may not look again before it is due.
 * What cannot be decided now is told by the next pass.
 */
export async function decideAhead(
  parts: Evaluating,
  { workspace, name }: Pick<Schedule, "workspace" | "name">,
  until: number,
): Promise<void> {
  const { context } = parts;
  const now = context.now();
  const found = until > now && until <= now + AHEAD_MS_MAX ? await context.store.schedules.get(workspace, name) : null;
  if (found === null || found.schedule.paused) return;
  const { dispatches, failures } = await evaluate(parts, [found], { now, aheadMs: until - now });
  if (failures.length === 0) await storeDispatches(context, dispatches);
}

/**
 * What was made ahead of its time must not run once its schedule is gone: it is removed only as it was when nothing was left to take
 * back. Throws `not_found`, `revision_mismatch`.
 */
export async function removeSchedule(parts: Evaluating, get: () => Promise<DueSchedule>, expected: Expected): Promise<Schedule> {
  const { context } = parts;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await get();
    const { workspace, name, revision } = found.schedule;
    demandRevision(`schedule ${name}`, { revision, expected });
    const now = context.now();
    if (await tookBack(parts, found, now)) continue;
    const removed = await context.store.schedules.remove(workspace, name, { expected, cursorRevision: found.cursor.revision, now });
    if (removed !== null) return removed;
  }
  throw new WindlassError("unavailable", "the schedule is decided about all the time; try again");
}

/**
 * Decides what is due by what is stored. Times that the next timing would lose in their jitter count as due; a pause lets none
 * of them start.
 */
export async function decideBefore(parts: Evaluating, { found, next, now }: Changing): Promise<Before> {
  const { schedule, cursor } = found;
  if (schedule.paused) return NOTHING;
  const old = next.paused || isSameTiming(schedule, next) ? schedule : { ...schedule, timing: { ...schedule.timing, jitterMs: 0 } };
  try {
    const { times, past, pastExcluded } = dueTimes(old, { at: cursor.at, now, fire: parts.fire, decided: decidedBehind(cursor) });
    if (times.length === 0 && past.length === 0 && pastExcluded.length === 0) return NOTHING;
  } catch (error) {
    return { moved: false, failure: messageOf(error) };
  }
  const { dispatches, failures } = await evaluate(parts, [{ ...found, schedule: old }], { now });
  const [failure] = failures;
  if (failure !== undefined) return { moved: false, failure: failure.message };
  const [stored] = await storeDispatches(parts.context, dispatches);
  return stored instanceof Error ? { moved: false, failure: stored.message } : { moved: true, failure: null };
}

const NEW = { at: 0, nextAt: null, running: [], waiting: [], failing: null, wakes: 0, revision: 0 };

/** The cursor behind a change: at this moment, with what was passed over in the ledger. */
export function cursorOfChange(
  parts: Evaluating,
  { found, next, now, failure }: Omit<Changing, "found"> & { readonly found: DueSchedule | null; readonly failure: string | null },
): Dispatch {
  const { cursor } = found ?? { cursor: NEW };
  const rests = next.paused || found?.schedule.paused === true;
  // What could not be decided by the old rules is decided by the new ones, as long as they mean the same times.
  const keeps = found !== null && !rests && isSameTiming(found.schedule, next);
  const at = keeps ? cursor.at : Math.max(cursor.at, now);
  const schedule = { ...next, revision: 0 };
  // Else all that came is decided.
  const passes = rests || failure !== null;
  const passed = found === null || keeps || !passes ? [] : passedTimes(parts, found, now);
  const settled: Settlement[] = next.paused ? cursor.waiting.map(({ nominalAt }) => skippedByPause(nominalAt, now)) : [];
  const waiting = next.paused ? [] : cursor.waiting;
  const failing = next.paused ? cursor.failing : null;
  const state: CursorState = { at, nextAt: next.paused ? null : nextLookOf(), running: cursor.running, waiting, failing };
  return {
    scheduleId: next.id,
    revision: cursor.revision,
    wakes: cursor.wakes,
    cursor: state,
    added: passed.map((span) => passedRow(schedule, span, { now, failure: rests ? null : failure })),
    settled,
    changes: [],
  };

  function nextLookOf(): number | null {
    const { nextAt } = dueTimes(schedule, { at, now: at, fire: parts.fire });
    return waiting.length === 0 ? nextAt : Math.min(now, nextAt ?? now);
  }
}

/** Times of the old rules that nothing was decided about; what cannot be told is not there. */
function passedTimes({ fire }: Evaluating, { schedule: { timing }, cursor }: DueSchedule, now: number): readonly TimeSpan[] {
  const raw = { ...timing, exclude: [] };
  try {
    return spansBetween(decidedBehind(cursor), { after: cursor.at, until: now, fire }, (span) => spanOf(raw, span));
  } catch {
    return [];
  }
}

/** One row for all that passed: it was paused, or is about to be; or nobody could decide about it. */
function passedRow(
  schedule: Schedule,
  { from, to, count }: TimeSpan,
  { now, failure }: { readonly now: number; readonly failure: string | null },
): Occurrence {
  const why =
    failure === null ? ({ decision: "skipped", reason: "paused" } as const) : ({ decision: "refused", reason: "job_refused" } as const);
  return { ...occurrenceOf(schedule, { nominalAt: from, dueAt: from, ...why }, now), lastAt: to, count, message: failure };
}

function skippedByPause(nominalAt: number, settledAt: number): Settlement {
  return { nominalAt, settledAt, decision: "skipped", reason: "paused", message: null, jobId: null, intoAt: null };
}

function isSameTiming({ timing }: Pick<Schedule, "timing">, other: Pick<Schedule, "timing">): boolean {
  return JSON.stringify(timing) === JSON.stringify(other.timing);
}

/** For what must be stored for a person who asks for it. */
export function demandStored(stored: readonly (boolean | Error)[]): readonly boolean[] {
  return stored.map((one) => {
    if (one instanceof Error) throw one;
    return one;
  });
}
