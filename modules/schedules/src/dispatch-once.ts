/**
 * One pass for a dispatcher that something else starts, such as a CronJob each minute: everything that is due, and what falls due
 * before the next pass, with its exact time. It ends when nothing is left, however much there was.
 */
import type { DueSchedule } from "@windlass/ports";
import { dispatchDue } from "./dispatch-due.ts";
import type { Evaluating, ScheduleFailure } from "./evaluate.ts";

export interface DispatchedOnce {
  /** Schedules that were looked at. */
  readonly evaluated: number;
  /** Jobs that were made. */
  readonly triggered: number;
  /** Those that could not be decided about, or refused: others were all the same. */
  readonly errors: readonly ScheduleFailure[];
}

const BATCH = 500;
/** How often one schedule is looked at again in a pass: what was stopped for its sake has ended meanwhile. */
const LOOKS_MAX = 5;

/** `aheadMs`: until the next pass. */
export async function dispatchOnce(parts: Evaluating, { aheadMs }: { readonly aheadMs: number }): Promise<DispatchedOnce> {
  const { context } = parts;
  const looks = new Map<string, number>();
  const errors = new Map<string, ScheduleFailure>();
  let triggered = 0;
  for (let seen = 0; ;) {
    const now = context.now();
    const found = await context.store.schedules.due(now + aheadMs, BATCH + seen);
    const due = found.filter((one) => isWanted(one, looks.get(one.schedule.id) ?? 0, now));
    seen = found.length - due.length;
    if (due.length === 0) return { evaluated: looks.size, triggered, errors: [...errors.values()] };
    for (const { schedule } of due) looks.set(schedule.id, (looks.get(schedule.id) ?? 0) + 1);
    const { dispatches, counted, failures } = await dispatchDue(parts, due, { now, aheadMs });
    for (const failure of failures) errors.set(failure.schedule.id, failure);
    const names = new Map(due.map(({ schedule }) => [schedule.id, schedule]));
    for (const [i, { scheduleId, changes, added, settled }] of dispatches.entries()) {
      if (counted[i] !== true) continue;
      triggered += changes.filter(({ type }) => type === "submit").length;
      const refused = [...added, ...settled].find(({ decision }) => decision === "refused");
      const schedule = names.get(scheduleId);
      if (refused !== undefined && schedule !== undefined) errors.set(scheduleId, { schedule, message: refused.message ?? "" });
    }
  }
}

/** Once; again only what is due now after all. */
function isWanted({ cursor }: DueSchedule, looked: number, now: number): boolean {
  return looked === 0 || (looked < LOOKS_MAX && cursor.nextAt !== null && cursor.nextAt <= now);
}
