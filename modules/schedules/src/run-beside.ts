/** Runs that somebody asks for: by hand, or for times of the past. They stand in the ledger beside those of the clock. */
import { occurrenceOf, WindlassError, type Occurrence, type OccurrenceOrigin } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { demandStored } from "./change-cursor.ts";
import type { Evaluating } from "./evaluate.ts";
import { isRefusal, makingJobs, type Wanted } from "./make-jobs.ts";
import { storeDispatches } from "./store-dispatches.ts";

/** Each loses to a decision that counts: losing so often means something else is wrong. */
const TRIES_MAX = 20;

export interface Beside {
  readonly origin: Exclude<OccurrenceOrigin, "schedule">;
  readonly run: string;
  readonly times: readonly number[];
  readonly concurrency: number | null;
}

export interface RanBeside {
  readonly jobIds: readonly string[];
  /** Why jobs could not be made. */
  readonly refused: readonly string[];
}

/** Runs that stand beside those of the clock: nothing waits for them, and the cursor stays where it is. */
export async function ranBeside(
  { context, templates }: Evaluating,
  get: () => Promise<DueSchedule>,
  { origin, run, times, concurrency }: Beside,
): Promise<RanBeside> {
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
      isAtMost: true,
    }));
    const made = await makingJobs(context, templates)(wanted);
    const failed = made.find((one) => one instanceof Error && !isRefusal(one));
    if (failed instanceof Error) throw failed;
    const added = made.map((one, i): Occurrence => {
      const row = occurrenceOf(schedule, { nominalAt: times[i] ?? 0, dueAt: times[i] ?? 0, decision: "fired", reason: "asked" }, now);
      if (!(one instanceof Error)) return { ...row, origin, run, jobId: one.id };
      return { ...row, origin, run, decision: "refused", reason: "job_refused", message: one.message };
    });
    const { revision, wakes, ...state } = cursor;
    const changes = made.flatMap((one) => (one instanceof Error ? [] : [{ type: "submit", job: one } as const]));
    const dispatch = { scheduleId: schedule.id, revision, wakes, cursor: state, added, settled: [], changes };
    const [counted] = demandStored(await storeDispatches(context, [dispatch]));
    if (counted === true)
      return { jobIds: changes.map(({ job }) => job.id), refused: made.flatMap((one) => (one instanceof Error ? [one.message] : [])) };
  }
  throw new WindlassError("unavailable", "the schedule changes all the time; try again");
}
