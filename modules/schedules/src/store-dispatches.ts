/**
 * Stores decisions and tells those who wait. One that the store cannot keep holds no other up: which of them it is, is found by
 * halves. When the store itself does not answer, nobody is blamed: that is thrown.
 */
import type { EngineContext } from "@windlass/engine";
import { failedDispatch, mayPass, messageOf, type Dispatch } from "@windlass/kernel";
import type { DueSchedule } from "@windlass/ports";
import type { Evaluated, ScheduleFailure } from "./evaluate.ts";

export interface DispatchedDue {
  /** One for each that was due, in order. */
  readonly dispatches: readonly Dispatch[];
  /** Whether it counted. */
  readonly counted: readonly boolean[];
  readonly failures: readonly ScheduleFailure[];
}

/** Stores what was decided of `due`. One whose decision the store cannot keep says so in its cursor, and is looked at again later. */
export async function storeDecided(
  context: EngineContext,
  { due, evaluated: { dispatches, failures } }: { readonly due: readonly DueSchedule[]; readonly evaluated: Evaluated },
  { now, aheadMs }: { readonly now: number; readonly aheadMs: number },
): Promise<DispatchedDue> {
  const stored = await storeDispatches(context, dispatches);
  const unstorable = due.flatMap(({ schedule, cursor }, i) => {
    const error = stored[i];
    return error instanceof Error ? [{ schedule, cursor, message: error.message }] : [];
  });
  await storeDispatches(
    context,
    unstorable.map(({ cursor, message }) => failedDispatch(cursor, message, { now, from: now + aheadMs })),
  );
  return { dispatches, counted: stored.map((one) => one === true), failures: [...failures, ...unstorable] };
}

/** Of each, in order: whether it counted, or why the store cannot keep it. */
export async function storeDispatches(context: EngineContext, dispatches: readonly Dispatch[]): Promise<readonly (boolean | Error)[]> {
  if (dispatches.length === 0) return [];
  try {
    const { counted, signals } = await context.store.schedules.dispatch(dispatches, context.now());
    context.announce(signals);
    return counted;
  } catch (error) {
    if (mayPass(error)) throw error;
    if (dispatches.length === 1) return [error instanceof Error ? error : new Error(messageOf(error))];
    const middle = Math.ceil(dispatches.length / 2);
    return [
      ...(await storeDispatches(context, dispatches.slice(0, middle))),
      ...(await storeDispatches(context, dispatches.slice(middle))),
    ];
  }
}
