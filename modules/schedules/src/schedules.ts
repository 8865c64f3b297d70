/**
 * What callers may do with schedules. Every change first decides what was due by what is stored, and then holds from now on
 * (kernel, L4); it is tried again when the dispatcher, or somebody else, came first.
 */
import {
  didYouMean,
  dueTimes,
  isWindlassError,
  mayPass,
  occurrenceOf,
  spanOf,
  WindlassError,
  type CursorState,
  type Dispatch,
  type Expected,
  type Occurrence,
  type OccurrenceOrigin,
  type Schedule,
  type Settlement,
} from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { storeDispatches } from "./dispatcher.ts";
import { evaluate, type Evaluating } from "./evaluate.ts";
import { makingJobs, type Wanted } from "./make-jobs.ts";

/** What somebody says of a schedule; the rest is kept or follows. */
export type ScheduleRequest = Pick<Schedule, "workspace" | "name" | "timing" | "overlap" | "catchUp" | "template" | "input" | "labels"> & {
  readonly source?: string | null;
  /** As it is when left out; a new one is not. */
  readonly paused?: boolean | undefined;
  /** Whether who asks has the permission `jobs:command`; true when left out, for code that is asked nothing. */
  readonly mayCommand?: boolean;
};

export interface Named {
  readonly workspace: string;
  readonly name: string;
}

export interface Backfill {
  readonly from: number;
  /** Among them. */
  readonly to: number;
  /** The first so many times of the span. */
  readonly limit: number;
  /** How many of its jobs run at once. */
  readonly concurrency: number;
}

export interface Backfilled {
  /** Names it in the history. */
  readonly run: string;
  readonly jobIds: readonly string[];
  readonly refused: readonly string[];
  /** There are more times in the span. */
  readonly isCut: boolean;
}

export interface Schedules {
  get(named: Named): Promise<DueSchedule>;
  /** Makes it, or changes what is there. Throws `invalid` when its job could not be made, `revision_mismatch`. */
  put(request: ScheduleRequest, by: string, expected?: Expected): Promise<{ readonly schedule: Schedule; readonly created: boolean }>;
  /** Fine to repeat: who paused it first is kept. */
  pause(named: Named, by: string, reason: string | null): Promise<Schedule>;
  resume(named: Named, by: string): Promise<Schedule>;
  /** Jobs that it made go on. Throws `not_found`. */
  remove(named: Named, expected?: Expected): Promise<Schedule>;
  /** One run at once, whatever else runs and also while it is paused. Returns the id of its job. */
  run(named: Named): Promise<string>;
  backfill(named: Named, backfill: Backfill): Promise<Backfilled>;
}

export const BACKFILL_MAX = 1_000;
/** Each loses to a decision that counts: losing so often means something else is wrong. */
const TRIES_MAX = 20;

export function schedules(parts: Evaluating): Schedules {
  const { context } = parts;
  const { store } = context;
  const get = async ({ workspace, name }: Named): Promise<DueSchedule> => {
    const found = await store.schedules.get(workspace, name);
    if (found !== null) return found;
    const names = (await store.schedules.list({ workspace, limit: NAMES_MAX })).map(({ schedule }) => schedule.name);
    throw new WindlassError("not_found", `there is no schedule ${name}${didYouMean(name, names)}`);
  };
  const stored = async (change: Change, expected: Expected): Promise<{ schedule: Schedule; created: boolean }> => {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const found = await store.schedules.get(change.workspace, change.name);
      const next = change.next(found?.schedule ?? null);
      // The same moment for both: no time falls between what is decided by the old and what comes of the new.
      const now = context.now();
      if (found !== null && (await decideBefore(parts, { found, next, now }))) continue;
      const dispatch = cursorOfChange(parts, { found, next, now });
      const schedule = await store.schedules.put(next, { expected, dispatch, now });
      if (schedule === null) continue;
      if (dispatch.cursor.nextAt !== null) context.bus.publish("schedules", String(dispatch.cursor.nextAt));
      return { schedule, created: found === null };
    }
    throw new WindlassError("unavailable", `the schedule ${change.name} changes all the time; try again`);
  };
  const changed = async (named: Named, next: (schedule: Schedule) => Schedule): Promise<Schedule> => {
    const { schedule } = await get(named);
    if (next(schedule) === schedule) return schedule;
    return (await stored({ ...named, next: (found) => next(found ?? schedule) }, "any")).schedule;
  };
  return {
    get,
    async put(request, by, expected = null) {
      await demandJob(parts, request);
      return stored(
        { ...request, next: (found) => scheduleFrom(request, found, { id: context.newId("sch"), by, now: context.now() }) },
        expected,
      );
    },
    pause: (named, by, reason) =>
      changed(named, (schedule) =>
        schedule.paused
          ? schedule
          : { ...schedule, paused: true, pausedBy: by, pausedAt: context.now(), pausedReason: reason, ...touched(by, context.now()) },
      ),
    resume: (named, by) =>
      changed(named, (schedule) => (schedule.paused ? { ...schedule, ...RESUMED, ...touched(by, context.now()) } : schedule)),
    async remove(named, expected = null) {
      const removed = await store.schedules.remove(named.workspace, named.name, { expected, now: context.now() });
      return removed ?? (await get(named)).schedule;
    },
    async run(named) {
      const run = context.newId("run");
      const now = context.now();
      const { jobIds, refused } = await ranBeside(parts, () => get(named), { origin: "manual", run, times: [now], concurrency: null });
      const [id] = jobIds;
      if (id === undefined) throw new WindlassError("invalid", `the job of ${named.name} cannot be made: ${refused[0] ?? ""}`);
      return id;
    },
    async backfill(named, { from, to, limit, concurrency }) {
      const { schedule } = await get(named);
      const { times, isCut } = parts.fire.firesBetween(schedule.timing, { after: from - 1, until: Math.min(to, context.now()), limit });
      const run = context.newId("run");
      const made = await ranBeside(parts, () => get(named), { origin: "backfill", run, times, concurrency });
      return { run, isCut, ...made };
    },
  };
}

const NAMES_MAX = 200;
const RESUMED = { paused: false, pausedBy: null, pausedAt: null, pausedReason: null } as const;

interface Change extends Named {
  next(found: Schedule | null): Omit<Schedule, "revision">;
}

function touched(by: string, now: number): Pick<Schedule, "changedBy" | "changedAt"> {
  return { changedBy: by, changedAt: now };
}

function scheduleFrom(
  { source = null, paused, mayCommand = true, ...request }: ScheduleRequest,
  found: Schedule | null,
  { id, by, now }: { readonly id: string; readonly by: string; readonly now: number },
): Omit<Schedule, "revision"> {
  const before = found ?? { id, createdBy: by, createdAt: now, ...RESUMED };
  const { pausedBy, pausedAt, pausedReason } = before;
  const isPaused = paused ?? before.paused;
  const pause = !isPaused
    ? RESUMED
    : before.paused
      ? { paused: true, pausedBy, pausedAt, pausedReason }
      : { paused: true, pausedBy: by, pausedAt: now, pausedReason: null };
  const { id: kept, createdBy, createdAt } = before;
  return { ...request, ...pause, ...touched(by, now), source, mayCommand, id: kept, createdBy, createdAt };
}

/** A schedule whose job cannot be made is refused when it is saved; what does not answer now is no reason. */
async function demandJob({ context, templates }: Evaluating, request: ScheduleRequest): Promise<void> {
  const now = context.now();
  const schedule = { ...scheduleFrom(request, null, { id: "sch", by: "", now }), revision: 0 };
  const [made] = await makingJobs(context, templates)([{ schedule, nominalAt: now, dueAt: now, notBefore: null, concurrency: null }]);
  if (made instanceof Error && isWindlassError(made) && !mayPass(made)) throw made;
}

/** Decides what is due by what is stored; true when something was. Times that the next definition would lose in their jitter count as due. */
async function decideBefore(parts: Evaluating, { found, next, now }: Changing & { readonly found: DueSchedule }): Promise<boolean> {
  const { context, fire } = parts;
  const { schedule, cursor } = found;
  if (schedule.paused) return false;
  const isOther = next.paused || JSON.stringify(next.timing) !== JSON.stringify(schedule.timing);
  const old = isOther ? { ...schedule, timing: { ...schedule.timing, jitterMs: 0 } } : schedule;
  const { times, past, pastExcluded } = dueTimes(old, { at: cursor.at, now, fire });
  if (times.length === 0 && past === null && pastExcluded === null) return false;
  const { dispatches, failures } = await evaluate(parts, [{ ...found, schedule: old }], { now });
  const [failure] = failures;
  if (failure !== undefined)
    throw new WindlassError("unavailable", `what is due of ${schedule.name} cannot be decided now: ${failure.message}`);
  await storeDispatches(context, dispatches);
  return true;
}

interface Changing {
  readonly found: DueSchedule | null;
  readonly next: Omit<Schedule, "revision">;
  readonly now: number;
}

/** The cursor behind a change: at this moment, with what was passed over in the ledger. */
function cursorOfChange({ fire }: Evaluating, { found, next, now }: Changing): Dispatch {
  const { cursor } = found ?? { cursor: NEW };
  const keeps = found !== null && !found.schedule.paused && JSON.stringify(found.schedule.timing) === JSON.stringify(next.timing);
  const at = keeps && !next.paused ? cursor.at : Math.max(cursor.at, now);
  const schedule = { ...next, revision: 0 };
  const passed =
    found?.schedule.paused === true ? spanOf({ ...found.schedule.timing, exclude: [] }, { after: cursor.at, until: now, fire }) : null;
  const added: Occurrence[] = [];
  if (passed !== null) {
    const row = occurrenceOf(schedule, { nominalAt: passed.from, dueAt: passed.from, decision: "skipped", reason: "paused" }, now);
    added.push({ ...row, lastAt: passed.to, count: passed.count });
  }
  const settled: Settlement[] = next.paused ? cursor.waiting.map(({ nominalAt }) => skippedByPause(nominalAt, now)) : [];
  const waiting = next.paused ? [] : cursor.waiting;
  const state: CursorState = { at, nextAt: next.paused ? null : nextLookOf(), running: cursor.running, waiting };
  return { scheduleId: next.id, revision: cursor.revision, wakes: cursor.wakes, cursor: state, added, settled, changes: [] };

  function nextLookOf(): number | null {
    const { nextAt } = dueTimes(schedule, { at, now: at, fire });
    return waiting.length === 0 ? nextAt : Math.min(now, nextAt ?? now);
  }
}

const NEW = { at: 0, nextAt: null, running: [], waiting: [], wakes: 0, revision: 0 };

function skippedByPause(nominalAt: number, settledAt: number): Settlement {
  return { nominalAt, settledAt, decision: "skipped", reason: "paused", message: null, jobId: null, intoAt: null };
}

interface Beside {
  readonly origin: Exclude<OccurrenceOrigin, "schedule">;
  readonly run: string;
  readonly times: readonly number[];
  readonly concurrency: number | null;
}

/** Runs that stand beside those of the clock: nothing waits for them, and the cursor stays where it is. */
async function ranBeside(
  { context, templates }: Evaluating,
  get: () => Promise<DueSchedule>,
  { origin, run, times, concurrency }: Beside,
): Promise<Pick<Backfilled, "jobIds" | "refused">> {
  const key = concurrency === null ? null : { key: `backfill/${run}`, limit: concurrency };
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { schedule, cursor } = await get();
    const now = context.now();
    // Whoever asks was asked for the permission: who saved it does not matter.
    const asked = { ...schedule, mayCommand: true };
    const wanted: Wanted[] = times.map((nominalAt) => ({
      schedule: asked,
      nominalAt,
      dueAt: nominalAt,
      notBefore: null,
      concurrency: key,
    }));
    const made = await makingJobs(context, templates)(wanted);
    const failed = made.find((one) => one instanceof Error && !isWindlassError(one));
    if (failed instanceof Error) throw failed;
    const added = made.map((one, i): Occurrence => {
      const row = occurrenceOf(schedule, { nominalAt: times[i] ?? 0, dueAt: times[i] ?? 0, decision: "fired", reason: "asked" }, now);
      if (!(one instanceof Error)) return { ...row, origin, run, jobId: one.id };
      return { ...row, origin, run, decision: "refused", reason: "job_refused", message: one.message };
    });
    const { revision, wakes, ...state } = cursor;
    const changes = made.flatMap((one) => (one instanceof Error ? [] : [{ type: "submit", job: one } as const]));
    const [counted] = await storeDispatches(context, [
      { scheduleId: schedule.id, revision, wakes, cursor: state, added, settled: [], changes },
    ]);
    if (counted === true)
      return { jobIds: changes.map(({ job }) => job.id), refused: made.flatMap((one) => (one instanceof Error ? [one.message] : [])) };
  }
  throw new WindlassError("unavailable", "the schedule changes all the time; try again");
}
