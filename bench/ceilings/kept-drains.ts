/**
 * What SQLite itself takes for a drain that keeps its jobs: for every claim its row, for every job the rows that its end writes,
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

/** What one job left: as it waited, in the row of its claim, and when it had ended. */
interface Written {
  readonly id: string;
  readonly waited: Stored;
  /** The text of a claim (held-claims.ts of drivers/sqlite), in which its job stands as it does in the lists of many. */
  readonly claimed: string;
  readonly end: Stored;
  readonly events: readonly Stored[];
}

/** A slow flush may take longer than a claim stays a row. */
const TRIES_MAX = 20;

async function watchOne(queue: OpenWindlass, path: string): Promise<Written> {
  for (let tries = 1; ; tries++) {
    const written = await watchNext(queue, path);
    if (written !== null) return written;
    if (tries === TRIES_MAX) throw new Error(`the claim of none of ${TRIES_MAX} jobs was a row when its handler began`);
  }
}

/** Lets one job run, and looks beside. Null when its claim was put into the tables before its handler began. */
async function watchNext(queue: OpenWindlass, path: string): Promise<Written | null> {
  const beside = new DatabaseSync(path, { readOnly: true });
  const { id } = await queue.windlass.engine.jobs.submit(JOB_OF_WINDLASS);
  await queue.windlass.engine.jobs.get(id);
  const rows = (table: string, column: string): Stored[] => beside.prepare(`SELECT * FROM ${table} WHERE ${column} = ?`).all(id);
  const waited = rows("jobs_live", "id")[0] as Stored;
  const submitted = rows("events", "job_id").length;
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const working = await queue.work({
    concurrency: 1,
    onJob: () => resolve(beside.prepare("SELECT claimed FROM held_claims").get()?.["claimed"]),
  });
  const claimed = await promise;
  await working.stored(1);
  await working.stop();
  await queue.windlass.engine.jobs.get(id);
  const end = rows("job_ends", "job_id")[0] as Stored;
  const events = rows("events", "job_id").slice(submitted);
  beside.close();
  return typeof claimed === "string" ? { id, waited, claimed, end, events } : null;
}

interface Steps {
  readonly claim: (ids: readonly string[]) => void;
  readonly end: (ids: readonly string[]) => void;
}

function drainRate(db: DatabaseSync, written: Written, batch: number): number {
  const next = db.prepare(
    `SELECT id FROM jobs_live WHERE executor = ? AND queue = ? AND state = 'queued' AND blocked = 0 AND priority = ? AND fairness_key = ?
      AND id > ? ORDER BY id LIMIT ?`,
  );
  const place = ["executor", "queue", "priority", "fairness_key"].map((column) => written.waited[column] ?? null);
  const { claim, end } = stepsOf(db, written);
  let count = 0;
  const from = performance.now();
  for (let held: readonly string[] = [], after = "", left = true; left || held.length > 0;) {
    db.exec("BEGIN IMMEDIATE");
    end(held);
    count += held.length;
    held = next.all(...place, after, batch).map((row) => String(row["id"]));
    claim(held);
    db.exec("COMMIT");
    after = held.at(-1) ?? after;
    left = held.length > 0;
  }
  return count / ((performance.now() - from) / 1_000);
}

function stepsOf(db: DatabaseSync, written: Written): Steps {
  const like = `["${written.id}"]`;
  const events = inserter(db, written.id, { table: "events", rows: written.events });
  const ends = inserter(db, written.id, { table: "job_ends", rows: [written.end] });
  return {
    claim(ids) {
      if (ids.length === 0) return;
      prepared(db, "INSERT INTO held_claims (number, claimed) VALUES (1, ?)").run(written.claimed.replaceAll(like, JSON.stringify(ids)));
    },
    end(ids) {
      if (ids.length === 0) return;
      ends(ids);
      prepared(db, `DELETE FROM jobs_live WHERE id IN (${marks(ids.length)})`).run(...ids);
      events(ids);
      prepared(db, "DELETE FROM held_claims WHERE number = 1").run();
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
