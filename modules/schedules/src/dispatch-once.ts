/**
 * One pass for a dispatcher that something else starts, such as a CronJob each minute: everything that is due, and what falls due
 * before the next pass, with its exact time. It ends when nothing is left, however much there was.
 */
import type { DueSchedule } from "@windlass/ports";
import { dispatchPages } from "./dispatch-pages.ts";
import type { Evaluating, ScheduleFailure } from "./evaluate.ts";
import type { DispatchedDue } from "./store-dispatches.ts";

export interface DispatchedOnce {
  /** Schedules that were looked at. */
  readonly evaluated: number;
  /** Jobs that were made. */
  readonly triggered: number;
  /** Those that could not be decided about, or refused: others were all the same. */
  readonly errors: readonly ScheduleFailure[];
}

/** How often one schedule is looked at again in a pass: what was stopped for its sake has ended meanwhile. */
const LOOKS_MAX = 5;

/** `aheadMs`: until the next pass. */
export async function dispatchOnce(parts: Evaluating, { aheadMs }: { readonly aheadMs: number }): Promise<DispatchedOnce> {
  const looks = new Map<string, number>();
  const errors = new Map<string, ScheduleFailure>();
  let triggered = 0;
  const onPage = (due: readonly DueSchedule[], { dispatches, counted, failures }: DispatchedDue): void => {
    for (const failure of failures) errors.set(failure.schedule.id, failure);
    for (const [i, { changes, added, settled }] of dispatches.entries()) {
      if (counted[i] !== true) continue;
      triggered += changes.filter(({ type }) => type === "submit").length;
      const refused = [...added, ...settled].find(({ decision }) => decision === "refused");
      const schedule = due[i]?.schedule;
      if (refused !== undefined && schedule !== undefined) errors.set(schedule.id, { schedule, message: refused.message ?? "" });
    }
  };
  for (;;) {
    const now = parts.context.now();
    const wants = (one: DueSchedule): boolean => {
      const looked = looks.get(one.schedule.id) ?? 0;
      if (!isWanted(one, looked, now)) return false;
      looks.set(one.schedule.id, looked + 1);
      return true;
    };
    const { schedules } = await dispatchPages(parts, { now, aheadMs, wants, onPage });
    if (schedules === 0) return { evaluated: looks.size, triggered, errors: [...errors.values()] };
  }
}

/** Once; again only what is due now after all. */
function isWanted({ cursor }: DueSchedule, looked: number, now: number): boolean {
  return looked === 0 || (looked < LOOKS_MAX && cursor.nextAt !== null && cursor.nextAt <= now);
}
