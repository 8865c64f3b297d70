/**
 * What SQLite itself takes for a drain that keeps its jobs: for every job the rows and columns that a claim and an end write,
 * copied from a real one, so many jobs at a time with one statement for each table; the ends of one batch and the claim of
 * the next in one commit. No rule, no thread, no handler, and nothing is read but who is next.
 */
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { JOB_OF_WINDLASS } from "../contenders/contender.ts";
import { open, type OpenWindlass } from "../contenders/windlass-embedded.ts";
import type { Entrant } from "../row.ts";

const COUNT = { full: 20_000, quick: 1_000 } as const;

export const keptDrain = (batch: number): Entrant => ({
  name: `ceiling: raw claims and ends, ${batch} a commit`,
  missing: () => null,
  async measure(scale) {
    const queue = await open({});
    const path = join(queue.folder, "windlass.db");
    const written = await watchOne(queue, path);
    await queue.enqueueMany(COUNT[scale]);
    await queue.windlass.close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -65536");
    const rate = drainRate(db, written, batch);
    db.close();
    await queue.remove();
    return { "": rate };
  },
});

type Stored = Readonly<Record<string, SQLInputValue>>;

/** What one job was as it waited, as it ran, and when it had ended. */
interface Written {
  readonly id: string;
  readonly waited: Stored;
  readonly ran: Stored;
  readonly end: Stored;
  readonly claimEvents: readonly Stored[];
  readonly endEvents: readonly Stored[];
}

/** Lets one job run, and looks beside. */
async function watchOne(queue: OpenWindlass, path: string): Promise<Written> {
  const beside = new DatabaseSync(path, { readOnly: true });
  const { id } = await queue.windlass.engine.jobs.submit(JOB_OF_WINDLASS);
  await queue.windlass.engine.jobs.get(id);
  const rows = (table: string, column: string): Stored[] => beside.prepare(`SELECT * FROM ${table} WHERE ${column} = ?`).all(id);
  const waited = rows("jobs_live", "id")[0] as Stored;
  const submitted = rows("events", "job_id").length;
  const { promise, resolve } = Promise.withResolvers<{ readonly ran: Stored; readonly events: number }>();
  const working = await queue.work({
    concurrency: 1,
    onJob: () => resolve({ ran: rows("jobs_live", "id")[0] as Stored, events: rows("events", "job_id").length }),
  });
  const { ran, events } = await promise;
  await working.stored(1);
  await working.stop();
  const told = rows("events", "job_id");
  const end = rows("job_ends", "job_id")[0] as Stored;
  beside.close();
  return { id, waited, ran, end, claimEvents: told.slice(submitted, events), endEvents: told.slice(events) };
}

interface Steps {
  readonly claim: (ids: readonly string[]) => void;
  readonly end: (ids: readonly string[]) => void;
}

function drainRate(db: DatabaseSync, written: Written, batch: number): number {
  const next = db.prepare(
    "SELECT id FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued' AND blocked = 0 ORDER BY priority DESC, fairness_key, id LIMIT ?",
  );
  const place = [written.waited["executor"] ?? null, written.waited["queue"] ?? null] as const;
  const { claim, end } = stepsOf(db, written);
  let count = 0;
  const from = performance.now();
  for (let held: readonly string[] = [], left = true; left || held.length > 0;) {
    db.exec("BEGIN IMMEDIATE");
    end(held);
    count += held.length;
    held = next.all(...place, batch).map((row) => String(row["id"]));
    claim(held);
    db.exec("COMMIT");
    left = held.length > 0;
  }
  return count / ((performance.now() - from) / 1_000);
}

function stepsOf(db: DatabaseSync, written: Written): Steps {
  const changed = Object.keys(written.ran).filter((column) => written.ran[column] !== written.waited[column]);
  const values = changed.map((column) => written.ran[column] ?? null);
  const set = changed.map((column) => `${column} = ?`).join(", ");
  const claimEvents = inserter(db, written.id, { table: "events", rows: written.claimEvents });
  const endEvents = inserter(db, written.id, { table: "events", rows: written.endEvents });
  const ends = inserter(db, written.id, { table: "job_ends", rows: [written.end] });
  return {
    claim(ids) {
      if (ids.length === 0) return;
      prepared(db, `UPDATE jobs_live SET ${set} WHERE id IN (${marks(ids.length)})`).run(...values, ...ids);
      claimEvents(ids);
    },
    end(ids) {
      if (ids.length === 0) return;
      ends(ids);
      prepared(db, `DELETE FROM jobs_live WHERE id IN (${marks(ids.length)})`).run(...ids);
      endEvents(ids);
    },
  };
}

/** Inserts for each job rows like these, which name it and may have a position of their own. */
function inserter(
  db: DatabaseSync,
  id: string,
  { table, rows }: { readonly table: string; readonly rows: readonly Stored[] },
): (ids: readonly string[]) => void {
  const columns = Object.keys(rows[0] ?? {}).filter((column) => column !== "position");
  const into = `INSERT INTO ${table} (${columns.join(", ")}) VALUES `;
  const one = `(${marks(columns.length)})`;
  return (ids) => {
    const values = ids.flatMap((next) =>
      rows.flatMap((row) =>
        columns.map((column) => {
          const value = row[column] ?? null;
          return value === id ? next : value;
        }),
      ),
    );
    if (rows.length > 0) prepared(db, into + Array.from({ length: ids.length * rows.length }, () => one).join(", ")).run(...values);
  };
}

const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");

const statements = new WeakMap<DatabaseSync, Map<string, StatementSync>>();

/** Batches have one size, but for the last. */
function prepared(db: DatabaseSync, sql: string): StatementSync {
  let known = statements.get(db);
  if (known === undefined) statements.set(db, (known = new Map()));
  let statement = known.get(sql);
  if (statement === undefined) known.set(sql, (statement = db.prepare(sql)));
  return statement;
}
