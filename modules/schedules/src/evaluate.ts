/**
 * One pass over schedules that are due: what is decided about each, with the jobs made for it, ready to be stored. One that
 * cannot be decided about now is looked at again a little later; it holds no other up, and its cursor stays where it is.
 */
import type { EngineContext } from "@windlass/engine";
import {
  decideOccurrences,
  dispatchOf,
  dueTimes,
  isWindlassError,
  mayPass,
  messageOf,
  type Concurrency,
  type DecidedOccurrences,
  type Dispatch,
  type FireTimes,
  type JobRecord,
  type MadeJob,
  type OnConflict,
  type OverlapPolicy,
  type Schedule,
  type Start,
} from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import type { JobTemplates } from "./job-template.ts";
import { makingJobs, type Wanted } from "./make-jobs.ts";

export interface Evaluating {
  readonly context: EngineContext;
  readonly templates: JobTemplates;
  readonly fire: FireTimes;
}

export interface ScheduleFailure {
  readonly schedule: Pick<Schedule, "id" | "workspace" | "name">;
  readonly message: string;
}

export interface Evaluated {
  readonly dispatches: readonly Dispatch[];
  readonly failures: readonly ScheduleFailure[];
}

interface Decided extends DueSchedule {
  readonly decided: DecidedOccurrences;
}

/** A schedule that could not be decided about is tried again after this, behind what was looked at ahead. */
const RETRY_MS = 10_000;

export async function evaluate(
  { context, templates, fire }: Evaluating,
  due: readonly DueSchedule[],
  { now, aheadMs = 0 }: { readonly now: number; readonly aheadMs?: number },
): Promise<Evaluated> {
  const failures: ScheduleFailure[] = [];
  const decisions: Decided[] = [];
  const dispatches: Dispatch[] = [];
  const fail = (one: DueSchedule, error: unknown): void => {
    failures.push({ schedule: one.schedule, message: messageOf(error) });
    dispatches.push(laterOf(one, now + aheadMs + RETRY_MS));
  };
  for (const one of due) {
    try {
      const times = dueTimes(one.schedule, { at: one.cursor.at, now, aheadMs, fire });
      const decided = decideOccurrences(one.schedule, { cursor: one.cursor, due: times, alive: new Set(one.alive) }, now);
      decisions.push({ ...one, decided });
    } catch (error) {
      fail(one, error);
    }
  }
  const wanted = decisions.flatMap(({ schedule, decided }) => decided.starts.map((start) => wantedOf(schedule, start, aheadMs > 0)));
  const made = (await makingJobs(context, templates)(wanted)).values();
  for (const one of decisions) {
    const jobs = one.decided.starts.map(() => made.next().value as JobRecord | Error);
    const stuck = jobs.find((job) => job instanceof Error && !isRefusal(job));
    if (stuck !== undefined) fail(one, stuck);
    else dispatches.push(dispatchOf(one, jobs.map(madeOf), now));
  }
  return { dispatches, failures };
}

/** It will be refused tomorrow as well, unless somebody mends it. */
function isRefusal(error: Error): boolean {
  return isWindlassError(error) && !mayPass(error) && error.code !== "internal";
}

function madeOf(job: JobRecord | Error): MadeJob {
  return job instanceof Error ? { refused: job.message.slice(0, MESSAGE_LENGTH_MAX) } : { job };
}

const MESSAGE_LENGTH_MAX = 2_000;

function laterOf({ schedule, cursor }: DueSchedule, at: number): Dispatch {
  const { revision, wakes, ...state } = cursor;
  return { scheduleId: schedule.id, revision, wakes, cursor: { ...state, nextAt: at }, added: [], settled: [], changes: [] };
}

function wantedOf(schedule: Schedule, { nominalAt, dueAt, isAhead }: Start, isKeyed: boolean): Wanted {
  return { schedule, nominalAt, dueAt, notBefore: isAhead ? dueAt : null, concurrency: isKeyed ? keyOf(schedule) : null };
}

/** Where nobody looks when a job begins, its concurrency key keeps what `overlap` says, as far as a key can. */
function keyOf({ id, overlap }: Schedule): Concurrency {
  return { key: `schedule/${id}`, limit: overlap.policy === "allow" ? overlap.limit : 1, onConflict: ON_CONFLICT[overlap.policy] };
}

const ON_CONFLICT: Readonly<Record<OverlapPolicy, OnConflict>> = {
  forbid: "skip",
  allow: "skip",
  postpone: "queue",
  queue: "queue",
  replace: "replace",
};
