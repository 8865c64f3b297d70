/** Runs that somebody asks for: by hand, or for times of the past. They stand in the ledger beside those of the clock. */
import {
  hasCode,
  occurrenceOf,
  WindlassError,
  type JobRecord,
  type Occurrence,
  type OccurrenceOrigin,
  type Schedule,
} from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { demandStored } from "./change-cursor.ts";
import type { Evaluating } from "./evaluate.ts";
import { isRefusal, makingJobs, type Wanted } from "./make-jobs.ts";
import { storeDispatches } from "./store-dispatches.ts";

/** Each loses to a decision that counts: losing so often means something else is wrong. */
const TRIES_MAX = 20;
/** What the API takes (contract, `schedules.backfill`). */
const BACKFILL_CONCURRENCY_MAX = 100;

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

/**
 * Runs that stand beside those of the clock: nothing waits for them, and the cursor stays where it is. Throws what is no fault of the
 * schedule (`workflow_disabled`, what does not answer now), and stores nothing then.
 */
export async function ranBeside(
  { context, templates }: Evaluating,
  get: () => Promise<DueSchedule>,
  { origin, run, times, concurrency }: Beside,
): Promise<RanBeside> {
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
      concurrency: null,
    }));
    const all = await makingJobs(context, templates)(wanted);
    const made = concurrency === null ? all : heldTo(all, { schedule, run, concurrency });
    const failed = made.find((one) => one instanceof Error && (!isRefusal(one) || hasCode(one, "workflow_disabled")));
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

/**
 * A job holds one key. Where they have none of their own, they get one of this backfill; else their own are kept, by which all of
 * them wait, if these let no more run at once than is asked for. Throws `conflict` where the two cannot both hold.
 */
function heldTo(
  made: readonly (JobRecord | Error)[],
  { schedule, run, concurrency }: { readonly schedule: Schedule; readonly run: string; readonly concurrency: number },
): readonly (JobRecord | Error)[] {
  const records = made.filter((one): one is JobRecord => !(one instanceof Error));
  const own = new Map<string, number>();
  let [atOnce, unkeyed] = [0, 0];
  for (const { concurrency: key } of records) {
    const before = key === null ? 0 : (own.get(key.key) ?? 0);
    if (key !== null) own.set(key.key, before + 1);
    if (key === null) unkeyed++;
    else if (before < key.limit) atOnce++;
  }
  // Those get the key of this backfill.
  atOnce += Math.min(unkeyed, concurrency);
  if (own.size > 0 && atOnce > concurrency)
    throw new WindlassError(
      "conflict",
      `what ${schedule.name} runs has a concurrency key of its own, by which up to ${atOnce} of these ${records.length} jobs run at once, and a job holds one key: they cannot be held to ${concurrency} besides. ${adviceOf(atOnce, concurrency)}`,
    );
  const key = { key: `${schedule.workspace}/backfill/${run}`, limit: concurrency };
  return made.map((one) => {
    if (one instanceof Error) return one;
    return { ...one, concurrency: one.concurrency === null ? key : { ...one.concurrency, onConflict: "queue" } };
  });
}

/** Nobody is told to ask for what is refused. */
function adviceOf(atOnce: number, concurrency: number): string {
  const fewer = `ackfill at most ${concurrency} times at once`;
  return atOnce > BACKFILL_CONCURRENCY_MAX ? `B${fewer}` : `Ask for a concurrency of ${atOnce}, or b${fewer}`;
}
