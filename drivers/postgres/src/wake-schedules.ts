/** Counts the ends of jobs that an occurrence may wait for, in the transaction of these ends (kernel, L5). */
import { nextLookAfterEnd, type ScheduleCursor, type Writes } from "@windlass/kernel";
import { cursorsTable } from "@windlass/sql";
import type { Querier } from "./connection.ts";

const WAKE = `UPDATE schedule_cursors c SET wakes = c.wakes + ended.ends, next_at = ended.next_at
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS ended (id, ends, next_at) WHERE c.schedule_id = ended.id`;
const LOCK = `SELECT ${cursorsTable.list()} FROM schedule_cursors WHERE schedule_id = ANY($1::text[]) ORDER BY schedule_id FOR UPDATE`;

/** Returns when the first of them is to be looked at that something waits in; null: nobody need be told. */
export async function wakeSchedules(db: Querier, ended: Writes["runsEnded"]): Promise<number | null> {
  const cursors = [...(await lockCursors(db, [...ended.keys()])).values()];
  const looks = cursors.map((cursor) => nextLookAfterEnd(cursor, ended.get(cursor.scheduleId)?.at ?? 0));
  const ends = cursors.map(({ scheduleId }) => ended.get(scheduleId)?.ends ?? 0);
  if (cursors.length > 0) await db.write(WAKE, [cursors.map(({ scheduleId }) => scheduleId), ends, looks]);
  const waitedFor = cursors.filter(({ waiting }) => waiting.length > 0).map(({ scheduleId }) => ended.get(scheduleId)?.at ?? 0);
  return waitedFor.length === 0 ? null : Math.min(...waitedFor);
}

/** Those that are there, locked in the order of their ids until the transaction ends. */
async function lockCursors(db: Querier, ids: readonly string[]): Promise<Map<string, ScheduleCursor>> {
  const rows = await db.rows(LOCK, [[...new Set(ids)]]);
  return new Map(rows.map((row) => cursorsTable.decode(row)).map((cursor) => [cursor.scheduleId, cursor]));
}
