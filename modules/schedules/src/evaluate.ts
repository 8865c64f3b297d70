/**
 * One pass over schedules that are due: what is decided about each, with the jobs made for it, ready to be stored. One that
 * cannot be decided about now is looked at again a little later; it holds no other up, and its cursor stays where it is.
 */
import { submitOf, type EngineContext } from "@windlass/engine";
import {
  decidedBehind,
  decideOccurrences,
  definitionsNeeded,
  dispatchOf,
  dueTimes,
  failedDispatch,
  hasCode,
  messageOf,
  replacementOf,
  type Concurrency,
  type DecidedOccurrences,
  type DefinitionName,
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
  const decide = ({ schedule, cursor, alive }: DueSchedule, disabled?: string): DecidedOccurrences => {
    const times = dueTimes(schedule, { at: cursor.at, now, aheadMs, fire, decided: decidedBehind(cursor) });
    return decideOccurrences(schedule, { cursor, due: times, alive: new Set(alive), disabled }, now);
  };
  const decisions = due.map((one): DecidedOccurrences | Error => {
    try {
      return decide(one);
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
    const disabled = asked.find((job) => hasCode(job, "workflow_disabled"));
    if (error === undefined && disabled !== undefined)
      return dispatchOf({ ...one, decided: decide(one, messageOf(disabled).slice(0, MESSAGE_LENGTH_MAX)) }, [], now);
    if (!(decided instanceof Error) && error === undefined) {
      const dispatch = dispatchOf(
        { ...one, decided },
        jobs.map((job) => madeOf(context, job)),
        now,
      );
      const replacedBy = definitionsOf(context, asked[jobs.length]);
      return replacedBy.length === 0 ? dispatch : { ...dispatch, replacedBy };
    }
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

/** What the job that is only asked for is made of: it may be disabled until the decision is stored. */
function definitionsOf(context: EngineContext, job: JobRecord | Error | undefined): readonly DefinitionName[] {
  return job === undefined || job instanceof Error ? [] : definitionsNeeded([submitOf(context, job)]);
}

function madeOf(context: EngineContext, job: JobRecord | Error): MadeJob {
  return job instanceof Error ? { refused: job.message.slice(0, MESSAGE_LENGTH_MAX) } : { submit: submitOf(context, job) };
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
