/**
 * What lies in the table `intake`: jobs that were acknowledged, each as one row, and that do not stand in their own tables yet.
 * A job has rows in a dozen trees; alone in its transaction it writes and flushes a page of each. Here it writes one or two,
 * and many are put into their tables together. take-in.ts says which jobs come here.
 *
 * I1. A row says all that goes into the tables, the position in the feed too. To put it there asks nothing and decides nothing,
 *     so it comes to the same whenever it is done, and again after a power cut.
 * I2. The transaction that puts rows into their tables removes them here: at any moment a job is in one of the two.
 * I3. Nobody reads or changes jobs before that was done, in the same transaction or in one before it, but as I6 says. So nobody can
 *     tell the difference, and the order of events is that of the acknowledgements; of what is acknowledged together, ends come first.
 * I4. That transaction tells nobody anything that the disk does not have, and needs no flush of its own: the log is in order,
 *     so a power cut leaves the row or its tables.
 * I5. What was written here is known in memory; after a transaction that failed, and when another connection has written, the
 *     table says what is there.
 * I6. A job that lies here may be claimed here, when its claim is held (held-claims.ts), and end here: the end is one more row, of
 *     what it puts into the tables. Such a job never has a live row. Any other change of it comes behind I3.
 * I7. While nobody asks, what came first is put into its tables in pieces: up to a row behind which nothing more of these jobs
 *     lies. So events come in the order of their positions, and no end comes apart from its job.
 */
import { WindlassError, type ExecutorName, type JobRecord, type LiveJob } from "@windlass/kernel";
import type { SqlValue } from "@windlass/sql";
import type { Database } from "./database.ts";
import { ENDED, ENDS, insertRows, LIVE, MADE, recordsOf, type EndedRows, type MadeRows } from "./made-rows.ts";
import type { Target } from "./many-rows.ts";

/** So that whatever comes next waits for no more than a few milliseconds. */
export const INTAKE_ROWS_MAX = 64;
/** So many share most of what their pages cost, and who comes right after them waits for a quarter of a millisecond. */
const PIECE_JOBS = 16;

/** When fewer than this were put into their tables for somebody, and none was claimed here, the way through here did not pay. */
const WORTH_ROWS = 4;
/** So many single submits go straight into their tables then, before it is tried again. */
const STRAIGHT_AFTER = 32;

interface TakenJob {
  readonly record: JobRecord;
  readonly live: LiveJob;
  readonly made: MadeRows;
}

/** Something that lies here, and the number of its row. */
type Lying<T> = T & { readonly row: number };

/** What of a job lies here that has ended: it never has a live row. */
interface TakenEnd {
  readonly ids: readonly string[];
  readonly rows: EndedRows;
}

/** One for each table row: its table, its columns, its values. */
type StoredRows = readonly (readonly [string, readonly string[], readonly SqlValue[]])[];

export class Intake {
  /** In order; null: the table says what is there. See I5. */
  #taken: Lying<TakenJob>[] | null = null;
  /** Of jobs that were taken in. */
  #ends: Lying<TakenEnd>[] = [];
  /** Those jobs, and the rows of their ends. */
  readonly #ended = new Map<string, number>();
  #newest = 0;
  /** Whether some went in a piece since all were last put into the tables. */
  #inPieces = false;
  /** Single submits that are to go straight. */
  #straight = 0;

  /** Whether something lies here, as far as is known. */
  get mayHold(): boolean {
    return this.#taken === null || this.#taken.length > 0;
  }

  get isKnown(): boolean {
    return this.#taken !== null;
  }

  /** The rows of the first job and of what came last; null when no job lies here, as far as is known. */
  get span(): { readonly oldest: number; readonly newest: number } | null {
    const [first] = this.#taken ?? [];
    return first === undefined ? null : { oldest: first.row, newest: this.#newest };
  }

  get hasRoom(): boolean {
    return this.#taken !== null && this.#taken.length < INTAKE_ROWS_MAX;
  }

  /** Whether it is likely that several come together here before somebody asks for one of them. */
  pays(): boolean {
    if (this.#straight === 0) return true;
    this.#straight--;
    return false;
  }

  /** Whether this job lies here, or another one under its key. */
  has({ id, workspace, idempotencyKey }: JobRecord): boolean {
    return (this.#taken ?? []).some(
      ({ record }) =>
        record.id === id || (idempotencyKey !== null && record.idempotencyKey === idempotencyKey && record.workspace === workspace),
    );
  }

  /** The jobs that are ready here in these queues, and were not claimed; null: not known. */
  waiting(
    db: Database,
    { executor, queues }: { readonly executor: ExecutorName; readonly queues: ReadonlyMap<string, unknown> },
  ): readonly LiveJob[] | null {
    if (this.#taken === null) return null;
    return this.#taken.flatMap(({ live }) => {
      const isReady = live.state === "queued" && !live.blocked && live.executor === executor && queues.has(live.queue);
      return isReady && db.held.live(live.id) === undefined && !this.#ended.has(live.id) ? [live] : [];
    });
  }

  /** Whether this job lies here and was claimed, and has not ended. */
  isRunning(db: Database, id: string): boolean {
    return db.held.live(id) !== undefined && (this.#taken ?? []).some(({ live }) => live.id === id);
  }

  /** Jobs end that lie here (`isRunning`). The caller holds the write transaction. */
  putEnd(db: Database, end: TakenEnd): void {
    const row = this.#put(db, textOf(ENDED, end.rows));
    this.#ends.push({ ...end, row });
    for (const id of end.ids) {
      this.#ended.set(id, row);
      db.hot.ended(id);
    }
  }

  /** The caller holds the write transaction, and has asked `hasRoom` and `has`. */
  put(db: Database, job: TakenJob): void {
    const row = this.#put(db, textOf(MADE, job.made));
    this.#taken?.push({ ...job, row });
    for (const record of recordsOf(job.made)) db.hot.records.put(record);
  }

  /** Of a table that is known to have no row behind this one. */
  #put(db: Database, made: string): number {
    db.run("INSERT INTO intake (number, made) VALUES (?, ?)", [++this.#newest, made]);
    return this.#newest;
  }

  /**
   * Puts what lies here into the tables. The caller holds the write transaction. `because`: somebody asks, or it is time.
   * Keeps I2.
   */
  apply(db: Database, because: "asked" | "time"): void {
    const taken = this.#taken;
    const wasOfUse = taken?.some(({ live }) => this.#ended.has(live.id) || db.held.live(live.id) !== undefined) === true;
    const count = taken === null ? replay(db) : this.#insert(db, taken, this.#ends);
    if (count > 0) db.run("DELETE FROM intake");
    const isMore = this.#inPieces;
    this.#empty([]);
    if (because === "asked" && count > 0 && !wasOfUse && !isMore && count < WORTH_ROWS) this.#straight = STRAIGHT_AFTER;
  }

  /** Whether there is a piece that can go (I7), of so many jobs. */
  hasPiece(db: Database, least = PIECE_JOBS): boolean {
    return (this.#taken?.length ?? 0) >= least && this.#whole(db) >= least;
  }

  /** The caller holds the write transaction, and has asked `hasPiece`. Keeps I2 and I7. */
  applyPiece(db: Database): void {
    const taken = this.#taken ?? [];
    const stay = taken.slice(this.#whole(db));
    const [next] = stay;
    if (next === undefined) this.apply(db, "time");
    else {
      const goes = ({ row }: { readonly row: number }): boolean => row < next.row;
      const gone = taken.filter(goes);
      this.#insert(db, gone, this.#ends.filter(goes));
      db.run("DELETE FROM intake WHERE number < ?", [next.row]);
      for (const { live } of gone) this.#ended.delete(live.id);
      this.#ends = this.#ends.filter((end) => !goes(end));
      this.#taken = stay;
    }
    this.#inPieces = true;
  }

  /** How many of the jobs that came first can go without the others: none that runs, for it mostly ends soon, and here. */
  #whole(db: Database): number {
    const taken = this.#taken ?? [];
    let [whole, lastEnd] = [0, 0];
    for (const [i, { live, row }] of taken.entries()) {
      if (row > lastEnd) whole = i;
      const end = this.#ended.get(live.id);
      if (end === undefined && db.held.live(live.id) !== undefined) return whole;
      lastEnd = Math.max(lastEnd, end ?? 0);
    }
    return taken.length;
  }

  #insert(db: Database, taken: readonly TakenJob[], ends: readonly TakenEnd[]): number {
    if (taken.length === 0) return 0;
    const isAlive = ({ live }: TakenJob): boolean => !this.#ended.has(live.id);
    insertRows(db, MADE, (i) => (MADE[i] === LIVE ? taken.filter(isAlive) : taken).flatMap(({ made }) => made[i] ?? []));
    insertRows(db, ENDED, (i) => ends.flatMap(({ rows }) => rows[i] ?? []));
    for (const one of taken) {
      // Of a held job more is known than what its table has.
      if (!isAlive(one) || db.held.live(one.live.id) !== undefined) continue;
      db.hot.putLive(one.live);
      db.held.ready(one.live);
    }
    return taken.length;
  }

  #empty(taken: [] | null): void {
    this.#taken = taken;
    this.#ends = [];
    this.#ended.clear();
    this.#inPieces = false;
  }

  forget(): void {
    this.#empty(null);
  }
}

function textOf(targets: readonly Target[], rows: MadeRows | EndedRows): string {
  return `[${targets.flatMap((target, i) => (rows[i] ?? []).map((row) => target.named(row))).join(",")}]`;
}

/** What another process, or a transaction that failed, has left. */
function replay(db: Database): number {
  const rows = db.all("SELECT number, made FROM intake ORDER BY number");
  for (const [number, made] of rows) {
    try {
      for (const stored of JSON.parse(made as string) as StoredRows) insertStored(db, stored);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new WindlassError("unavailable", `row ${String(number)} of the table intake cannot be put into the tables: ${why}`, {
        cause: error,
      });
    }
  }
  return rows.length;
}

/** Names are made of small letters and underscores; nothing else gets into a statement from what is stored. */
const COLUMN = /^[a-z_]+$/u;

function insertStored(db: Database, [table, columns, values]: StoredRows[number]): void {
  const target = [...MADE, ...ENDED].find(({ name }) => name === table);
  const wrong = columns.find((column) => !COLUMN.test(column));
  if (target === undefined || wrong !== undefined)
    throw new Error(`"${wrong ?? table}" is ${wrong === undefined ? "no table of new jobs" : `no column of ${table}`}`);
  db.run(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`, values);
  if (target === ENDS) db.run("DELETE FROM jobs_live WHERE id = ?", [values[columns.indexOf("job_id")] as SqlValue]);
}
