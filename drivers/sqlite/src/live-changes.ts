/** What changes in live rows: only the columns that differ, so that an index is touched only when what it orders by has changed. */
import { timerOf, type LiveJob } from "@windlass/kernel";
import { differOf, liveChangingColumns, type SqlValue } from "@windlass/sql";
import type { SameChanges } from "./many-rows.ts";

const differ = differOf(liveChangingColumns);
const TIMER_BIT = 1 << liveChangingColumns.length;
/** `name = ?, …` of each set of columns that changes together. */
const assignments = new Map<number, string>();

function assignmentsOf(bits: number): string {
  let text = assignments.get(bits);
  if (text === undefined) {
    const names = [...liveChangingColumns.map(({ name }) => name), "timer_at"].filter((_, i) => (bits & (1 << i)) !== 0);
    assignments.set(bits, (text = names.map((name) => `${name} = ?`).join(", ")));
  }
  return text;
}

/** `old`: what the table has. */
export function addChange(changes: SameChanges, live: LiveJob, old: LiveJob): void {
  const values: SqlValue[] = [];
  let bits = differ(live, old, values);
  const timer = timerOf(live);
  if (timer !== timerOf(old)) {
    bits |= TIMER_BIT;
    values.push(timer);
  }
  if (bits !== 0) changes.add(live.id, assignmentsOf(bits), values);
}
