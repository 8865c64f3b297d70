/**
 * Decides what is due of some schedules, and stores it. One that cannot be decided about, or whose decision the store cannot
 * keep, says so in its cursor and is looked at again later; it holds no other up.
 */
import { failedDispatch, type Dispatch } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import { evaluate, type Evaluating, type ScheduleFailure } from "./evaluate.ts";
import { storeDispatches } from "./store-dispatches.ts";

export interface DispatchedDue {
  /** One for each that was due, in order. */
  readonly dispatches: readonly Dispatch[];
  /** Whether it counted. */
  readonly counted: readonly boolean[];
  readonly failures: readonly ScheduleFailure[];
}

export async function dispatchDue(
  parts: Evaluating,
  due: readonly DueSchedule[],
  { now, aheadMs = 0 }: { readonly now: number; readonly aheadMs?: number },
): Promise<DispatchedDue> {
  const { dispatches, failures } = await evaluate(parts, due, { now, aheadMs });
  const stored = await storeDispatches(parts.context, dispatches);
  const unstorable = due.flatMap(({ schedule, cursor }, i) => {
    const error = stored[i];
    return error instanceof Error ? [{ schedule, cursor, message: error.message }] : [];
  });
  await storeDispatches(
    parts.context,
    unstorable.map(({ cursor, message }) => failedDispatch(cursor, message, { now, from: now + aheadMs })),
  );
  return { dispatches, counted: stored.map((one) => one === true), failures: [...failures, ...unstorable] };
}
