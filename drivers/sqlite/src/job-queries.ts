/** What the services ask of live jobs: due, woken, cursor, walks. Each follows an index made for it. */
import type { Json, JobRecord, LiveJob } from "@windlass/kernel";
import { FACTS_PER_DECISION_MAX, type LiveFilter, type WokenJob } from "@windlass/ports";
import { jobsTable, liveQuery, liveTable } from "@windlass/sql";
import type { Database, Row } from "./database.ts";

const LIVE = liveTable.list();

export function due(db: Database, now: number, limit: number): LiveJob[] {
  return db
    .all(`SELECT ${LIVE} FROM jobs_live WHERE timer_at <= ? ORDER BY timer_at, id LIMIT ?`, [now, limit])
    .map((row) => liveTable.decode(row));
}

export function nextDue(db: Database): number | null {
  return (db.get("SELECT min(timer_at) FROM jobs_live WHERE timer_at IS NOT NULL")?.[0] ?? null) as number | null;
}

export function woken(db: Database, limit: number): WokenJob[] {
  const sql = `SELECT ${LIVE} FROM jobs_live WHERE executor = 'none' AND decided < wakes AND state NOT IN ('scheduled', 'queued') ORDER BY id LIMIT ?`;
  return db.all(sql, [limit]).map((row) => {
    const live = liveTable.decode(row);
    const facts = db.all("SELECT number, fact FROM facts WHERE job_id = ? AND number > ? ORDER BY number LIMIT ?", [
      live.id,
      live.decided,
      FACTS_PER_DECISION_MAX,
    ]);
    const seen = (facts.at(-1)?.[0] ?? live.decided) as number;
    return { live, facts: facts.map((fact) => JSON.parse(fact[1] as string)), seen };
  });
}

export function cursor(db: Database, id: string): Record<string, Json> {
  return Object.fromEntries(
    db
      .all("SELECT entry, value FROM cursors WHERE job_id = ?", [id])
      .map((row) => [row[0] as string, JSON.parse(row[1] as string) as Json]),
  );
}

export function live(db: Database, filter: LiveFilter, limit: number): LiveJob[] {
  const { sql, values } = liveQuery(filter, limit, { placeholder: () => "?", using: (index) => ` INDEXED BY ${index}` });
  return db.all(sql, values).map((row) => liveTable.decode(row));
}

export function records(db: Database, ids: readonly string[]): JobRecord[] {
  const sql = `SELECT ${jobsTable.list()} FROM jobs WHERE id = ?`;
  return [...new Set(ids)].flatMap((id) => {
    const row: Row | undefined = db.get(sql, [id]);
    return row === undefined ? [] : [jobsTable.decode(row)];
  });
}
