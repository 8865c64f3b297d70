/**
 * `QueueStore` on SQLite. Figures are counted from live jobs when they are asked for; nothing keeps a counter. What is ready is
 * counted in the index of claims, without reading a row.
 */
import { queueOfKey, type Expected, type Queue, type QueueView } from "@windlass/kernel";
import type { QueueChange } from "@windlass/ports";
import { changedQueue, demandQueue, queuesTable, queueViews, type QueueCount } from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Database } from "./database.ts";

const QUEUES = `SELECT ${queuesTable.list()} FROM queues`;
const READY = `SELECT queue, state, count(*), 0, min(id) FROM jobs_live INDEXED BY live_ready
  WHERE state = 'queued' AND blocked = 0 GROUP BY executor, queue`;
const BLOCKED = `SELECT queue, state, count(*), 0, min(id) FROM jobs_live INDEXED BY live_blocked
  WHERE state = 'queued' AND blocked = 1 GROUP BY queue`;
const OTHERS = `SELECT queue, state, count(*), count(*) FILTER (WHERE holder <> 'none'), NULL FROM jobs_live INDEXED BY live_state
  WHERE state <> 'queued' GROUP BY queue, state`;

export function listQueues(db: Database): QueueView[] {
  const queues = db.all(QUEUES).map((row) => queuesTable.decode(row));
  const figures = [...db.all(READY), ...db.all(BLOCKED), ...db.all(OTHERS)].map(([queue, state, count, alive, oldest]) => ({
    queue,
    state,
    count,
    alive,
    oldestAt: state === "queued" ? (db.get("SELECT created_at FROM jobs WHERE id = ?", [oldest ?? null])?.[0] ?? null) : null,
  })) as QueueCount[];
  return queueViews(queues, figures);
}

export function getQueue(db: Database, name: string): Queue | null {
  const row = db.get(`${QUEUES} WHERE name = ?`, [name]);
  return row === undefined ? null : queuesTable.decode(row);
}

export function removeQueue(db: Database, name: string, expected: Expected): boolean {
  if (expected !== null) demandQueue(getQueue(db, name), name, expected);
  return db.run("DELETE FROM queues WHERE name = ?", [name]) === 1;
}

export function putQueue(
  db: Database,
  change: { readonly name: string; readonly now: number; readonly expected: Expected } & QueueChange,
): Queue {
  const { name, now, expected, ...wanted } = change;
  demandWorkspace(db, queueOfKey(name).workspace);
  const next = changedQueue(getQueue(db, name), name, { change: wanted, now, expected });
  db.run(
    `INSERT OR REPLACE INTO queues (${queuesTable.list()}) VALUES (${queuesTable.columns.map(() => "?").join(", ")})`,
    queuesTable.encode(next),
  );
  return next;
}
