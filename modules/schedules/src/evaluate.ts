/**
 * One pass over schedules that are due: what is decided about each, with the jobs made for it, ready to be stored. One that
 * cannot be decided about now is looked at again a little later; it holds no other up, and its cursor stays where it is.
 */
import { submitOf, type EngineContext } from "@windlass/engine";
import {
  decidedBehind,
  decideOccurrences,
  dispatchOf,
  dueTimes,
  failedDispatch,
  hasCode,
  messageOf,
  replacementOf,
  withoutReplacement,
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
import { isRefusal, makingJobs, type Wanted } from "./make-jobs.ts";

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

/** One for each of `due`, in order. */
export async function evaluate(
  { context, templates, fire }: Evaluating,
  due: readonly DueSchedule[],
  { now, aheadMs = 0 }: { readonly now: number; readonly aheadMs?: number },
): Promise<Evaluated> {
  const failures: ScheduleFailure[] = [];
  const decisions = due.map((one): DecidedOccurrences | Error => {
    try {
      const times = dueTimes(one.schedule, { at: one.cursor.at, now, aheadMs, fire, decided: decidedBehind(one.cursor) });
      return decideOccurrences(one.schedule, { cursor: one.cursor, due: times, alive: new Set(one.alive) }, now);
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  });
  const wanted = due.flatMap(({ schedule }, i) => askedOf(decisions[i]).map((start) => wantedOf(schedule, start, aheadMs > 0)));
  const made = (await makingJobs(context, templates)(wanted)).values();
  const dispatches = due.map((one, i) => {
    const decided = decisions[i] as DecidedOccurrences | Error;
    const asked = askedOf(decided).map(() => made.next().value as JobRecord | Error);
    const jobs = asked.slice(0, startsOf(decided).length);
    const error = decided instanceof Error ? decided : jobs.find((job) => job instanceof Error && !isRefusal(job));
    if (!(decided instanceof Error) && error === undefined)
      return dispatchOf(
        { ...one, decided: heldBack(context, decided, asked[jobs.length]) },
        jobs.map((job) => madeOf(context, job)),
        now,
      );
    const message = messageOf(error);
    failures.push({ schedule: one.schedule, message });
    return failedDispatch(one.cursor, message, { now, from: now + aheadMs });
  });
  return { dispatches, failures };
}

function startsOf(decided: DecidedOccurrences | Error | undefined): readonly Start[] {
  return decided === undefined || decided instanceof Error ? [] : decided.starts;
}

/** The jobs to make, and last of all the one for which what runs is to make room: that one is only asked for. */
function askedOf(decided: DecidedOccurrences | Error | undefined): readonly Start[] {
  const replacement = decided === undefined || decided instanceof Error ? null : replacementOf(decided);
  return [...startsOf(decided), ...(replacement === null ? [] : [{ ...replacement, waited: true, isAhead: false }])];
}

/** What has begun of a workflow that is disabled meanwhile goes on: no schedule ends it for a job that there will not be. */
function heldBack(context: EngineContext, decided: DecidedOccurrences, replacement: JobRecord | Error | undefined): DecidedOccurrences {
  const made = replacement === undefined ? null : madeOf(context, replacement);
  return made !== null && "disabled" in made ? withoutReplacement(decided, made.disabled) : decided;
}

function madeOf(context: EngineContext, job: JobRecord | Error): MadeJob {
  if (!(job instanceof Error)) return { submit: submitOf(context, job) };
  const message = job.message.slice(0, MESSAGE_LENGTH_MAX);
  return hasCode(job, "workflow_disabled") ? { disabled: message } : { refused: message };
}

const MESSAGE_LENGTH_MAX = 2_000;

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
