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
  type DueTimes,
  type FireTimes,
  type JobRecord,
  type MadeJob,
  type OnConflict,
  type OverlapPolicy,
  type Schedule,
  type ScheduleFacts,
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
  const timesOf = ({ schedule, cursor }: DueSchedule): DueTimes =>
    dueTimes(schedule, { at: cursor.at, now, aheadMs, fire, decided: decidedBehind(cursor) });
  const decide = (one: DueSchedule, known: Known = {}): DecidedOccurrences => {
    const { schedule, cursor, alive } = one;
    return decideOccurrences(schedule, { cursor, due: timesOf(one), alive: new Set(alive), ...known }, now);
  };
  const decisions = due.map((one): DecidedOccurrences | Error => {
    try {
      return decide(one);
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  });
  const make = makingJobs(context, templates);
  const makeEach: Anew["makeEach"] = async (asked) => {
    const wanted = due.flatMap(({ schedule }, i) => (asked[i] ?? []).map((start) => wantedOf(schedule, start, aheadMs > 0)));
    const jobs = (await make(wanted)).values();
    return asked.map((starts) => new Map(starts.map(({ nominalAt }) => [nominalAt, jobs.next().value as JobRecord | Error])));
  };
  const made = await makeEach(decisions.map((decided) => askedOf(decided)));
  const tried = await withoutRefused(
    due,
    decisions.map((decided, i) => ({ decided, made: made[i] as Made })),
    { decide, makeEach, startsOf: (one) => possibleStarts(one, timesOf(one), now) },
  );
  const dispatches = due.map((one, i) => {
    const { decided, made: known } = tried[i] as Tried;
    const asked = askedOf(decided).map(({ nominalAt }) => known.get(nominalAt) as JobRecord | Error);
    const jobs = asked.slice(0, startsOf(decided).length);
    // That of the time that takes the place of others, too: nothing is ended, or left out, for one of which nobody knows.
    const error = decided instanceof Error ? decided : asked.find((job) => job instanceof Error && !isRefusal(job));
    const disabled = asked.find((job) => hasCode(job, "workflow_disabled"));
    if (error === undefined && disabled !== undefined)
      return dispatchOf({ ...one, decided: decide(one, { disabled: messageOf(disabled).slice(0, MESSAGE_LENGTH_MAX) }) }, [], now);
    if (!(decided instanceof Error) && error === undefined) {
      const dispatch = dispatchOf(
        { ...one, decided },
        jobs.map((job) => madeOf(context, job)),
        now,
      );
      const replacedBy = decided.stops.length === 0 ? [] : definitionsOf(context, asked[jobs.length]);
      return replacedBy.length === 0 ? dispatch : { ...dispatch, replacedBy };
    }
    const message = messageOf(error);
    failures.push({ schedule: one.schedule, message });
    return failedDispatch(one.cursor, message, { now, from: now + aheadMs });
  });
  return { dispatches, failures };
}

type Known = Pick<ScheduleFacts, "disabled" | "refused">;

/** By nominal time. */
type Made = ReadonlyMap<number, JobRecord | Error>;

/** What was decided, and the jobs that were made of its times: those that it asks for are among them. */
interface Tried {
  readonly decided: DecidedOccurrences | Error;
  readonly made: Made;
}

interface Anew {
  readonly decide: (one: DueSchedule, known: Known) => DecidedOccurrences;
  /** One for each schedule, in order. */
  readonly makeEach: (asked: readonly (readonly Start[])[]) => Promise<readonly Made[]>;
  readonly startsOf: (one: DueSchedule) => readonly Start[];
}

/**
 * Where no job can be made of one of several times: decided again, with all that is known of the others, so that no time is left out, and
 * nothing ended, for one that never ran (kernel, O5). What is missing for that is made at once for all schedules.
 */
async function withoutRefused(
  due: readonly DueSchedule[],
  tried: readonly Tried[],
  { decide, makeEach, startsOf: possible }: Anew,
): Promise<readonly Tried[]> {
  const isAnew = tried.map(
    ({ made }) => [...made.values()].some((job) => isOwnFault(job)) && ![...made.values()].some((job) => isOfAll(job)),
  );
  if (!isAnew.includes(true)) return tried;
  const missing = due.map((one, i) =>
    isAnew[i] === true ? possible(one).filter(({ nominalAt }) => tried[i]?.made.has(nominalAt) !== true) : [],
  );
  const more = await makeEach(missing);
  return tried.map((before, i) => {
    if (isAnew[i] !== true) return before;
    const made = new Map([...before.made, ...(more[i] ?? [])]);
    const refused = new Set([...made].flatMap(([nominalAt, job]) => (isOwnFault(job) ? [nominalAt] : [])));
    return { decided: decide(due[i] as DueSchedule, { refused }), made };
  });
}

/** No job is made of this time, whatever becomes of the others. */
function isOwnFault(job: JobRecord | Error): boolean {
  return job instanceof Error && isRefusal(job) && !hasCode(job, "workflow_disabled");
}

/** It says something of all times: they are disabled, or something does not answer. */
function isOfAll(job: JobRecord | Error): boolean {
  return job instanceof Error && !isOwnFault(job);
}

/** What may start now, if nothing is in its way. */
function possibleStarts({ cursor }: DueSchedule, { times }: DueTimes, now: number): readonly Start[] {
  const waiting = cursor.waiting.map((time): Start => ({ ...time, waited: true, isAhead: false }));
  const due = times.filter(({ isExcluded, isDecided }) => !isExcluded && !isDecided);
  return [...waiting, ...due.map((time): Start => ({ ...time, isLate: false, waited: false, isAhead: time.dueAt > now }))];
}

function startsOf(decided: DecidedOccurrences | Error | undefined): readonly Start[] {
  return decided === undefined || decided instanceof Error ? [] : decided.starts;
}

/** The jobs to make, and last of all that of the time that takes the place of others: it is only asked for. */
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
