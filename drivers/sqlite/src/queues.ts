/**
 * `QueueStore` on SQLite. Figures are counted from live jobs when they are asked for; nothing keeps a counter. What is ready is
 * counted in the index of claims, queue by queue, without reading a row, and up to a limit (kernel, `QUEUED_COUNTED_MAX`).
 */
import { QUEUED_COUNTED_MAX, queueOfKey, type Expected, type Queue, type QueueView } from "@windlass/kernel";
import type { QueueChange } from "@windlass/ports";
import { changedQueue, demandQueue, queuesTable, queueViews, type QueueCount } from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Database, Row } from "./database.ts";

const QUEUES = `SELECT ${queuesTable.list()} FROM queues`;
const IS_READY = "FROM jobs_live INDEXED BY live_ready WHERE state = 'queued' AND blocked = 0";
const NEXT_READY = `SELECT executor, queue ${IS_READY} AND (executor, queue) > (?, ?) ORDER BY executor, queue LIMIT 1`;
const READY = `SELECT ?, 'queued', count(*), 0, min(id)
  FROM (SELECT id ${IS_READY} AND executor = ? AND queue = ? ORDER BY priority DESC, fairness_key, id LIMIT ?)`;
const BLOCKED = `SELECT queue, state, count(*), 0, min(id) FROM jobs_live INDEXED BY live_blocked
  WHERE state = 'queued' AND blocked = 1 GROUP BY queue`;
const OTHERS = `SELECT queue, state, count(*), count(*) FILTER (WHERE holder <> 'none'), NULL FROM jobs_live INDEXED BY live_state
  WHERE state <> 'queued' GROUP BY queue, state`;

/** `countedMax`: of what is ready. */
export function listQueues(db: Database, countedMax: number = QUEUED_COUNTED_MAX): QueueView[] {
  const queues = db.all(QUEUES).map((row) => queuesTable.decode(row));
  const figures = [...ready(db, countedMax), ...db.all(BLOCKED), ...db.all(OTHERS)].map(([queue, state, count, alive, oldest]) => ({
    queue,
    state,
    count,
    alive,
    oldestAt: state === "queued" ? (db.get("SELECT created_at FROM jobs WHERE id = ?", [oldest ?? null])?.[0] ?? null) : null,
  })) as QueueCount[];
  return queueViews(queues, figures);
}

/** Steps from one queue that has something ready to the next. */
function ready(db: Database, countedMax: number): Row[] {
  const rows: Row[] = [];
  for (let [executor, name] = ["", ""]; ;) {
    const next = db.get(NEXT_READY, [executor, name]);
    if (next === undefined) return rows;
    [executor, name] = next as [string, string];
    rows.push(...db.all(READY, [name, executor, name, countedMax]));
  }
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
