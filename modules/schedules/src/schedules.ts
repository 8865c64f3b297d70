/**
 * What callers may do with schedules. Every change first decides what was due by what is stored, and then holds from now on
 * (kernel, L4); it is tried again when the dispatcher, or somebody else, came first.
 */
import { demandRevision, didYouMean, isWindlassError, mayPass, WindlassError, type Expected, type Schedule } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { cursorOfChange, decideAhead, decideBefore, removeSchedule, tookBack } from "./change-cursor.ts";
import type { Evaluating } from "./evaluate.ts";
import { makingJobs } from "./make-jobs.ts";
import { ranBeside } from "./run-beside.ts";

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
  /** How many of its jobs run at once; keys that these have of their own hold as well. */
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
  /** Throws `conflict` when its jobs have keys of their own that let more run at once. */
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
  const stored = (change: Change, expected: Expected) => storeChange(parts, change, expected);
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
    remove: (named, expected = null) => removeSchedule(parts, () => get(named), expected),
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

/** Tried again while others come first. */
async function storeChange(
  parts: Evaluating,
  change: Change,
  expected: Expected,
): Promise<{ readonly schedule: Schedule; readonly created: boolean }> {
  const { context } = parts;
  const { store } = context;
  let lookedTo = 0;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await store.schedules.get(change.workspace, change.name);
    const next = change.next(found?.schedule ?? null);
    // The same moment for both: no time falls between what is decided by the old and what comes of the new.
    const now = context.now();
    if (found !== null) {
      // Before anything is taken back for a change that is refused.
      demandRevision(`schedule ${change.name}`, { revision: found.schedule.revision, expected });
      if (await tookBack(parts, found, now)) {
        lookedTo = Math.max(lookedTo, found.cursor.at);
        continue;
      }
    }
    const before = found === null ? null : await decideBefore(parts, { found, next, now });
    if (before?.moved === true) continue;
    const dispatch = cursorOfChange(parts, { found, next, now, failure: before?.failure ?? null });
    const schedule = await store.schedules.put(next, { expected, dispatch, now });
    if (schedule === null) continue;
    if (dispatch.cursor.nextAt !== null) context.bus.publish("schedules", String(dispatch.cursor.nextAt));
    await decideAhead(parts, change, lookedTo);
    return { schedule, created: found === null };
  }
  throw new WindlassError("unavailable", `the schedule ${change.name} changes all the time; try again`);
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

/** A schedule whose job cannot be made is refused when it is saved; what does not answer now is no reason, nor what is disabled for a while. */
async function demandJob({ context, templates }: Evaluating, request: ScheduleRequest): Promise<void> {
  const now = context.now();
  const schedule = { ...scheduleFrom(request, null, { id: "sch", by: "", now }), revision: 0 };
  const [made] = await makingJobs(context, templates)([{ schedule, nominalAt: now, dueAt: now, notBefore: null, concurrency: null }]);
  if (made instanceof Error && isWindlassError(made) && !mayPass(made) && made.code !== "workflow_disabled") throw made;
}
