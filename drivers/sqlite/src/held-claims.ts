/**
 * Claims that were answered and do not stand in the tables yet. A claim changes a live row and four indexes for each job, and
 * the end of the job, mostly a moment later, does so again. Here the whole claim is one row of the table `held_claims`; a job that ends
 * soon goes from ready to ended in the tables, with the events of both.
 *
 * H1. What is held is what the tables say of these jobs once `apply` was called: whoever asks the tables calls it before, and
 *     loads a live row from here first (`liveRows`).
 * H2. A change of a held job is written from what its table has, with the events that are held (`take`), and it is not held any
 *     more. The row of a claim goes when none of its jobs is held.
 * H3. After a power cut the rows say what was claimed; of jobs that have gone on since, the tables know better: their
 *     revision is higher, or they have ended.
 * H4. Events get their positions in the feed when they come into the table: who follows the feed misses none. They would get
 *     others after a power cut, so who sees them there is told once they are on the disk (`db.onUnflushed`; D2 of flushing.ts).
 * H5. Only what leaves nothing else behind is held (`mayPut`): no concurrency key, no rate, no limit, no timer. So nothing that
 *     a claim counts or a timer looks for lies here, and `leavesHeld` of operations.ts may be long.
 * H6. What is held is known in memory; after a transaction that failed, and when another connection has written, the table
 *     says what it is.
 * H7. Held jobs still lie in the index of ready ones, where they come first: a claim begins behind the last of them
 *     (`frontOf`). When a job gets in before it, or it comes back itself, that is not known any more.
 * H8. A held job may lie in the intake (I6 of intake.ts), and have no row in the tables yet: it is put there before its claim is.
 */
import { assert, timerOf, WindlassError, type JobEvent, type LiveJob, type Writes } from "@windlass/kernel";
import { eventsTable, type AlikeRows, type SqlValue } from "@windlass/sql";
import { alike, recordsOf } from "./alike-rows.ts";
import type { Database } from "./database.ts";
import { addChange } from "./live-changes.ts";
import { insertEvents } from "./made-rows.ts";
import { SameChanges, type Alike } from "./many-rows.ts";

/** So that whoever looks waits for no more than some milliseconds, and memory stays small. */
const HELD_MAX = 4_000;
/** To hold a job in vain is taken to cost a third of what it spares: a few columns as text, beside a change of five trees. */
const VAIN_PER_SPARED = 3;
/** Where more than that were held in vain, so many claims go straight into the tables before it is tried again. */
const STRAIGHT_AFTER = 8;

export interface HeldJob {
  /** What its table has. */
  readonly stored: LiveJob;
  readonly live: LiveJob;
  readonly event: JobEvent;
  /** The row of its claim. */
  readonly row: number;
}

/** Behind this job of its queue nothing is held. */
export interface Front {
  readonly priority: number;
  readonly id: string;
}

/** What the row of a claim says. */
interface ClaimRow {
  readonly changes: readonly Alike[];
  readonly events: AlikeRows;
}

export class HeldClaims {
  /** Null: see H6. */
  #jobs: Map<string, HeldJob> | null = null;
  /** Of each row how many of its jobs are held; the oldest first. */
  readonly #rows = new Map<number, number>();
  /** Of each executor and queue; null: not known any more. See H7. */
  readonly #fronts = new Map<string, Front | null>();
  #number = 0;
  #straight = 0;
  /** Jobs that were held in vain, and those that went on by themselves, lately. */
  #inVain = 0;
  #wentOn = 0;

  /** Whether something is held, as far as is known. */
  get mayHold(): boolean {
    return this.#jobs === null || this.#jobs.size > 0;
  }

  get isKnown(): boolean {
    return this.#jobs !== null;
  }

  /** The number of the oldest claim and of the newest, null when nothing is held. */
  get span(): { readonly oldest: number; readonly newest: number } | null {
    const [oldest] = this.#rows.keys();
    return oldest === undefined ? null : { oldest, newest: this.#number };
  }

  /** The live row of a held job. */
  live(id: string): LiveJob | undefined {
    return this.#jobs?.get(id)?.live;
  }

  /** Whether this claim may be held. `candidates` are in their order; `admitted` are those that were claimed. See H5. */
  mayPut(writes: Writes, { candidates, admitted }: { candidates: readonly LiveJob[]; admitted: readonly LiveJob[] }): boolean {
    if (this.#jobs === null || admitted.length === 0 || this.#jobs.size + admitted.length > HELD_MAX) return false;
    if (writes.live.size !== admitted.length || writes.events.length !== admitted.length) return false;
    if (writes.spent.size > 0 || writes.keysTaken.length > 0 || writes.facts.length > 0) return false;
    const isNext = (live: LiveJob, i: number): boolean => live.id === candidates[i]?.id && live.id === writes.events[i]?.jobId;
    if (!admitted.every((live, i) => live.holder === "lease" && isPlain(live) && isNext(live, i))) return false;
    if (this.#straight === 0) return true;
    this.#straight--;
    return false;
  }

  /** The caller holds the write transaction, and has asked `mayPut`. */
  put(db: Database, writes: Writes, before: readonly LiveJob[]): void {
    const jobs = this.#jobs;
    assert(jobs !== null, "what is held is known");
    const changes = new SameChanges();
    const row = ++this.#number;
    let last: LiveJob | null = null;
    for (const [i, event] of writes.events.entries()) {
      const [stored, live] = [before[i], writes.live.get(event.jobId)];
      assert(stored !== undefined && live?.id === stored.id, "a claim has one event of each of its jobs, in their order");
      addChange(changes, live, stored);
      jobs.set(live.id, { stored, live, event, row });
      db.hot.putLive(live);
      if (last !== null && last.queue !== live.queue) this.#moveFront(last);
      last = live;
    }
    if (last !== null) this.#moveFront(last);
    this.#rows.set(row, writes.events.length);
    const claim: ClaimRow = { changes: changes.groups(), events: alike(eventsTable.encodeAll(writes.events)) };
    db.run("INSERT INTO held_claims (number, claimed) VALUES (?, ?)", [row, JSON.stringify(claim)]);
  }

  /**
   * Behind which job the ready ones of this queue begin: undefined when none is held, null when that is not known.
   */
  frontOf(executor: string, queue: string): Front | null | undefined {
    return this.#fronts.get(`${executor}/${queue}`);
  }

  /** A job waits in its queue: see H7. */
  ready({ state, executor, queue, priority, fairnessKey, id }: LiveJob): void {
    if (this.#fronts.size === 0 || state !== "queued") return;
    const front = this.#fronts.get(`${executor}/${queue}`);
    if (front === undefined || front === null) return;
    const isBefore = priority > front.priority || (priority === front.priority && fairnessKey === "" && id <= front.id);
    if (isBefore) this.#fronts.set(`${executor}/${queue}`, null);
  }

  /** What is held of these jobs for the feed. */
  eventsOf(ids: Iterable<string>): JobEvent[] {
    return Array.from(ids).flatMap((id) => this.#jobs?.get(id)?.event ?? []);
  }

  /** Those of these jobs that are held, which they are not any more: the caller writes them. */
  take(db: Database, ids: Iterable<string>): ReadonlyMap<string, HeldJob> {
    if (this.#jobs === null || this.#jobs.size === 0) return NONE;
    const taken = new Map<string, HeldJob>();
    for (const id of ids) {
      const held = this.#jobs.get(id);
      if (held === undefined) continue;
      taken.set(id, held);
      this.#jobs.delete(id);
      const left = (this.#rows.get(held.row) ?? 0) - 1;
      this.#rows.set(held.row, left);
      if (left > 0) continue;
      this.#rows.delete(held.row);
      db.run("DELETE FROM held_claims WHERE number = ?", [held.row]);
    }
    this.#wentOn += taken.size;
    if (this.#jobs.size === 0) this.#fronts.clear();
    return taken;
  }

  /** Puts what is held into the tables. The caller holds the write transaction. */
  apply(db: Database): void {
    // H8.
    db.intake.apply(db, "asked");
    const jobs = this.#jobs;
    this.#jobs = new Map();
    this.#rows.clear();
    this.#fronts.clear();
    if (jobs === null) {
      if (replay(db)) db.onUnflushed();
    } else if (jobs.size > 0) {
      write(db, [...jobs.values()]);
      db.onUnflushed();
      this.#count(jobs.size);
    } else return;
    db.run("DELETE FROM held_claims");
  }

  #moveFront({ executor, queue, priority, id }: LiveJob): void {
    this.#fronts.set(`${executor}/${queue}`, { priority, id });
  }

  #count(inVain: number): void {
    this.#inVain += inVain;
    if (this.#inVain > this.#wentOn * VAIN_PER_SPARED) this.#straight = STRAIGHT_AFTER;
    // What was long ago counts less.
    this.#inVain /= 2;
    this.#wentOn /= 2;
  }

  forget(): void {
    this.#jobs = null;
    this.#rows.clear();
    this.#fronts.clear();
  }
}

const NONE: ReadonlyMap<string, HeldJob> = new Map();

/** Whether nothing is counted, waited for or timed of this job. See H5. */
export function isPlain(live: LiveJob): boolean {
  const { concurrencyKey, fairnessKey, executor, resumed, startDeadline } = live;
  const isTimed = startDeadline !== null || timerOf(live) !== null;
  return executor === "handler" && !resumed && concurrencyKey === null && fairnessKey === "" && !isTimed;
}

function write(db: Database, held: readonly HeldJob[]): void {
  const changes = new SameChanges();
  for (const { live, stored } of held) addChange(changes, live, stored);
  changes.update(db, "jobs_live");
  insertEvents(
    db,
    held.map(({ event }) => event),
  );
}

/** What another process, or a transaction that failed, has left. See H3. Returns whether there was anything. */
function replay(db: Database): boolean {
  const rows = db.all("SELECT number, claimed FROM held_claims ORDER BY number");
  for (const [number, claimed] of rows) {
    try {
      const { changes, events } = JSON.parse(claimed as string) as ClaimRow;
      const done = new Set(changes.flatMap((change) => redo(db, change)));
      insertEvents(
        db,
        recordsOf(eventsTable, events).filter(({ jobId }) => done.has(jobId)),
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new WindlassError("unavailable", `row ${String(number)} of the table held_claims cannot be put into the tables: ${why}`, {
        cause: error,
      });
    }
  }
  return rows.length > 0;
}

/** Names are made of small letters and underscores; nothing else gets into a statement from what is stored. */
const COLUMNS = /^[a-z_]+ = \?(?:, [a-z_]+ = \?)*$/u;

/** Returns the jobs that had not gone on. */
function redo(db: Database, { columns, values, ids }: Alike): string[] {
  if (!COLUMNS.test(columns)) throw new Error(`"${columns}" are no columns of jobs_live`);
  const revision = values[columns.split(", ").indexOf("revision = ?")] as SqlValue;
  return ids.filter((id) => db.run(`UPDATE jobs_live SET ${columns} WHERE id = ? AND revision < ?`, [...values, id, revision]) > 0);
}
