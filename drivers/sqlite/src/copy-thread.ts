/**
 * The program of the copying thread.
 *
 * C1. The source is read in one transaction from the first page to the last: SQLite begins a copy anew when somebody else
 *     writes between two steps, and a store that works would never be copied.
 * C2. What runs belongs to the place where it was started, and that place is not copied: in a restored store every session
 *     has run out, and every place is lost, so that the reconciler ends what was under way.
 * C3. What was taken in (intake.ts) and claimed (held-claims.ts) lies in its tables in the copy, so that its figures are those of jobs.
 * C4. Positions of the feed grow beyond all that may have been given out after the moment of the copy.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { assert, WindlassError } from "@windlass/kernel";
import { Database } from "./database.ts";
import { toErrorText, type ErrorText } from "./thread-message.ts";

/** What is stored, as far as a back-up tells: the number of the schema, and the rows of each table. */
export interface StoredFigures {
  readonly schema: number;
  readonly rows: Readonly<Record<string, number>>;
  /** Attempts that were under way. */
  readonly underWay: number;
}

export type ToCopyThread =
  | { readonly type: "copy"; readonly from: string; readonly to: string }
  | { readonly type: "inspect"; readonly path: string }
  | { readonly type: "settle"; readonly path: string };

export type FromCopyThread =
  | { readonly type: "progress"; readonly doneShare: number }
  | { readonly type: "done"; readonly figures: StoredFigures }
  | { readonly type: "failed"; readonly error: ErrorText };

/** Pages copied between two reports (2 MB). */
const PAGES_PER_STEP = 500;
/** More events than any server writes between a back-up and its restore. */
const POSITIONS_SKIPPED = 1_000_000_000;
const BUSY_MS = 5_000;

const port = parentPort;
assert(port !== null, "copies are made in a thread");
const say = (message: FromCopyThread): void => port.postMessage(message);

async function copy(from: string, to: string): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_MS });
  try {
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    await backup(source, to, {
      rate: PAGES_PER_STEP,
      progress: ({ totalPages, remainingPages }) => say({ type: "progress", doneShare: 1 - remainingPages / Math.max(1, totalPages) }),
    });
    source.exec("COMMIT");
  } finally {
    source.close();
  }
  const copied = new Database(to);
  try {
    copied.recover();
  } finally {
    copied.close();
  }
}

/** Also turns the file into one that needs no other beside it. */
function figuresOf(path: string): StoredFigures {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    const faults = db
      .prepare("PRAGMA integrity_check(3)")
      .all()
      .map((row) => String(row["integrity_check"]));
    if (faults[0] !== "ok") throw new WindlassError("invalid", `the database is damaged: ${faults.join("; ")}`);
    db.exec("PRAGMA journal_mode = DELETE");
    const tables = db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name")
      .all();
    const rows = tables.map(({ name }) => [String(name), countOf(db, String(name))] as const);
    const underWay = db
      .prepare("SELECT count(*) AS count FROM jobs_live WHERE executor <> 'none' AND state IN ('running', 'stopping')")
      .get();
    return {
      underWay: Number(underWay?.["count"]),
      schema: Number(db.prepare("PRAGMA user_version").get()?.["user_version"]),
      rows: Object.fromEntries(rows),
    };
  } finally {
    db.close();
  }
}

function countOf(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`SELECT count(*) AS count FROM "${table}"`).get()?.["count"]);
}

/** See C2 and C4. */
function settle(path: string): void {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.exec(`BEGIN IMMEDIATE;
      DELETE FROM sessions;
      DELETE FROM leads;
      INSERT INTO sessions (id, role, place, serves, started_at, expires_at)
        SELECT 'ses_before_' || place, 'launcher', place, '[]', 0, 0 FROM (SELECT DISTINCT place FROM jobs_live WHERE place IS NOT NULL);
      UPDATE sqlite_sequence SET seq = seq + ${POSITIONS_SKIPPED} WHERE name = 'events';
      COMMIT`);
  } finally {
    db.close();
  }
}

function flush(path: string): void {
  const file = openSync(path, "r+");
  fsyncSync(file);
  closeSync(file);
}

async function perform(task: ToCopyThread): Promise<StoredFigures> {
  const path = task.type === "copy" ? task.to : task.path;
  if (task.type === "copy") await copy(task.from, task.to);
  if (task.type === "settle") settle(task.path);
  const figures = figuresOf(path);
  flush(path);
  return figures;
}

try {
  say({ type: "done", figures: await perform(workerData as ToCopyThread) });
} catch (error) {
  const isDamaged = error instanceof Error && /malformed|not a database|disk image/iu.test(error.message);
  say({
    type: "failed",
    error: toErrorText(isDamaged ? new WindlassError("invalid", `the database is damaged: ${error.message}`) : error),
  });
}
