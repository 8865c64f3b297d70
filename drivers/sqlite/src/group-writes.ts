/** Which writes share a transaction. Pure. */
import type { ClaimRequest } from "@windlass/ports";
import type { OperationName } from "./operations.ts";

export interface Call {
  readonly id: number;
  readonly name: OperationName;
  readonly values: readonly unknown[];
}

/** So that a transaction, and with it the wait of whoever comes next, stays a matter of milliseconds. */
const CHANGES_MAX = 500;

/** Splits calls, in order, into groups of at most 500 changes; a call is never split. */
export function groupWrites(calls: readonly Call[]): readonly (readonly Call[])[] {
  const groups: Call[][] = [];
  let room = 0;
  for (const call of calls) {
    const size = changesOf(call);
    if (size > room || groups.length === 0) {
      groups.push([]);
      room = CHANGES_MAX;
    }
    groups.at(-1)?.push(call);
    room -= size;
  }
  return groups;
}

/** How many changes a call asks for. */
export function changesOf(call: Call): number {
  const [first] = call.values;
  if (call.name === "commit") return Array.isArray(first) ? Math.max(1, first.length) : 1;
  if (call.name !== "claim") return 1;
  const { limit, ahead = 0 } = first as ClaimRequest;
  return limit + ahead;
}
