/** Which writes share a transaction. Pure. */
import type { Change, Dispatch } from "@windlass/kernel";
import type { ClaimRequest } from "@windlass/ports";
import type { OperationName } from "./operations.ts";

export interface Call {
  readonly id: number;
  readonly name: OperationName;
  readonly values: readonly unknown[];
}

/** So that a transaction, and with it the wait of whoever comes next, stays a matter of milliseconds. */
export const CHANGES_MAX = 500;

/**
 * Takes from the front of `waiting` what fits into a transaction with `room` for so many changes, in order, beside those that were
 * `taken` into it. A call is never split: one that is larger than a whole transaction has one of its own. Of calls that make many jobs
 * there is one in a transaction (W1 of serving.ts).
 */
export function takeGroup(waiting: Call[], room: number, taken: readonly Call[] = []): readonly Call[] {
  let left = room;
  let hasMany = taken.some(makesMany);
  const end = waiting.findIndex((call) => {
    const isSecond = hasMany && makesMany(call);
    hasMany ||= makesMany(call);
    return isSecond || (left -= changesOf(call)) < 0;
  });
  const count = end < 0 ? waiting.length : end === 0 && room === CHANGES_MAX ? 1 : end;
  return waiting.splice(0, count);
}

/** So many new jobs of one call pay for a transaction. */
const JOBS_MIN = 4;

/** Whether the call makes many jobs: it is one of those that come from callers who wait for each of them. */
function makesMany({ name, values: [changes] }: Call): boolean {
  return name === "commit" && Array.isArray(changes) && changes.length >= JOBS_MIN && (changes[0] as Change).type === "submit";
}

/** How many changes a call asks for. */
export function changesOf(call: Call): number {
  const [first] = call.values;
  if (call.name === "commit") return Array.isArray(first) ? Math.max(1, first.length) : 1;
  if (call.name === "dispatchSchedules") return Math.max(1, (first as readonly Dispatch[]).length);
  if (call.name !== "claim") return 1;
  const { limit, ahead = 0 } = first as ClaimRequest;
  return limit + ahead;
}
