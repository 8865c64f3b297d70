/**
 * Stores decisions and tells those who wait. One that the store cannot keep holds no other up: which of them it is, is found by
 * halves. When the store itself does not answer, nobody is blamed: that is thrown.
 */
import type { EngineContext } from "@windlass/engine";
import { mayPass, messageOf, type Dispatch } from "@windlass/kernel";

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
