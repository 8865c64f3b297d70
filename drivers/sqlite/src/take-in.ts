/**
 * Which jobs are taken in (intake.ts) instead of being put into their tables at once: those of which nothing hangs on what
 * others do. The kernel decides as it does of any change, and the answer is the same.
 *
 * T1. A job is taken in only where the tables will take it: it stands in none of them, its workspace is there, its key was not
 *     used, nothing that it is made of is disabled, and its values are of the kinds that SQLite stores. Everything else goes straight, and is refused there.
 * T2. An end is taken in only of a job that lies in the intake, whose claim is held, and when the kernel makes nothing more of it than
 *     rows of its end and its events: no retry, no dead letter, nothing for its schedule or for whoever waits for its key.
 */
import {
  applyChanges,
  assert,
  definitionsNeeded,
  workspacesNeeded,
  WorkingSet,
  type Change,
  type JobRecord,
  type Settle,
  type Submit,
  type Writes,
} from "@windlass/kernel";
import type { Committed } from "@windlass/ports";
import type { SqlValue } from "@windlass/sql";
import { absentWorkspaces } from "./access.ts";
import type { Database } from "./database.ts";
import type { Call } from "./group-writes.ts";
import { rowsEnded, rowsMade, type EndedRows, type MadeRows } from "./made-rows.ts";
import { disabledDefinitions } from "./small-stores.ts";

/** Texts of a job together, about a page: larger ones would be written twice, for little that is saved. */
const LENGTH_MAX = 3_000;

/** The answer, or null when the call is to go straight. The caller holds the write transaction. Keeps T1. */
export function takeIn(db: Database, call: Call): Committed | null {
  const submit = singleSubmit(call);
  if (submit === null || !db.intake.hasRoom || !isNew(db, submit)) return null;
  const now = call.values[1] as number;
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [] }, now);
  const results = applyChanges(set, [submit], now);
  const [live] = set.writes.live.values();
  assert(live !== undefined, "a job that is new, and needs nothing of others, is made");
  const made = rowsMade(db, set.writes, [live]);
  if (!isStorable(made)) return null;
  db.intake.put(db, { record: submit.job, live, made });
  return { results, signals: set.signals, tally: set.tally };
}

/** The same of a call that ends jobs. Keeps T2. */
export function takeEnds(db: Database, call: Call): Committed | null {
  if (!endsTaken(db, call)) return null;
  const [changes, now] = call.values as [readonly Settle[], number];
  const live = changes.flatMap(({ id }) => db.held.live(id) ?? []);
  const set = new WorkingSet({ live, ended: [], children: [], idempotent: [] }, now);
  const results = applyChanges(set, changes, now);
  const { writes } = set;
  if (!isEndOnly(writes, live.length)) return null;
  const rows = rowsEnded(db, { ...writes, events: [...db.held.eventsOf(writes.ended.keys()), ...writes.events] });
  if (!isStorable(rows)) return null;
  db.held.take(db, writes.ended.keys());
  db.intake.putEnd(db, { ids: [...writes.ended.keys()], rows });
  return { results, signals: set.signals, tally: set.tally };
}

/** Whether a call does nothing but end jobs that lie in the intake, and whose claim is held. */
export function endsTaken(db: Database, { name, values }: Call): boolean {
  if (name !== "commit") return false;
  const changes = values[0] as readonly Change[];
  return changes.length > 0 && changes.every((change) => change.type === "settle" && db.intake.isRunning(db, change.id));
}

function isEndOnly({ ended, attempts, events, inserted, live, ...others }: Writes, count: number): boolean {
  if (ended.size !== count || inserted.length > 0 || live.size > 0) return false;
  return Object.values(others).every((one) => (Array.isArray(one) ? one.length : one.size) === 0);
}

/** The one job that a call submits, if it has no parent and no key of others. */
export function singleSubmit({ name, values }: Call): Submit | null {
  if (name !== "commit") return null;
  const [change, more] = values[0] as readonly Change[];
  if (change?.type !== "submit" || more !== undefined) return null;
  return change.job.parentId === null && change.job.concurrency === null ? change : null;
}

function isNew(db: Database, submit: Submit): boolean {
  const { job } = submit;
  if (db.intake.has(job) || isStored(db, job) || absentWorkspaces(db, workspacesNeeded([submit])).length > 0) return false;
  return disabledDefinitions(db, definitionsNeeded([submit])).length === 0;
}

function isStored(db: Database, { id, workspace, idempotencyKey }: JobRecord): boolean {
  if (db.get("SELECT 1 FROM jobs WHERE id = ?", [id]) !== undefined) return true;
  if (idempotencyKey === null) return false;
  return db.get("SELECT 1 FROM idempotency_keys WHERE workspace = ? AND idempotency_key = ?", [workspace, idempotencyKey]) !== undefined;
}

/**
 * Texts, whole numbers and null, and not too much of them. Halves of a character (`"\ud800"`) all become the same sign in a file,
 * so two names that differ here may be one there: only the tables say.
 */
function isStorable(made: MadeRows | EndedRows): boolean {
  let length = 0;
  for (const rows of made) for (const row of rows) for (const value of row) length += lengthOf(value);
  return length <= LENGTH_MAX;
}

/** Of a text; more than any for what is not to be stored here. */
function lengthOf(value: SqlValue): number {
  if (typeof value === "string") return value.isWellFormed() ? value.length : Infinity;
  return value === null || Number.isSafeInteger(value) ? 0 : Infinity;
}
