/** Counts the ends of jobs that an occurrence may wait for, in the transaction of these ends (kernel, L5). */
import { nextLookAfterEnd, type ScheduleCursor, type Writes } from "@windlass/kernel";
import { cursorsTable, scheduleStatements } from "@windlass/sql";
import type { Database } from "./database.ts";
import { rowsOfIds } from "./many-rows.ts";

const SQL = scheduleStatements(() => "?");

/** Returns when the first of them is to be looked at that something waits in; null: nobody need be told. */
export function wakeSchedules(db: Database, ended: Writes["runsEnded"]): number | null {
  let first: number | null = null;
  for (const [id, cursor] of cursorsOf(db, [...ended.keys()])) {
    const { ends, at } = ended.get(id) as { readonly ends: number; readonly at: number };
    db.run(SQL.wakeCursor, [ends, nextLookAfterEnd(cursor, at), id]);
    if (cursor.waiting.length > 0) first = Math.min(first ?? at, at);
  }
  return first;
}

function cursorsOf(db: Database, ids: readonly string[]): Map<string, ScheduleCursor> {
  const rows = rowsOfIds(db, `SELECT ${cursorsTable.list()} FROM schedule_cursors WHERE schedule_id IN`, [...new Set(ids)]);
  return new Map(rows.map((row) => cursorsTable.decode(row)).map((cursor) => [cursor.scheduleId, cursor]));
}
