/**
 * Live rows as submits of this process have left them, so that a claim need not read them: to make some forty columns into texts there and
 * into values here took the server 1 µs of a drained job, and this process 2.
 *
 * S1. A row is what stands here as long as its `xmin` is the number of the transaction that made it: whoever changes a row makes a new
 *     version of it, which has another number. What a transaction that was undone has put here is never asked for.
 * S2. Whether it pays is seen by each look: where most of what is ready came from elsewhere, or long ago, rows are read whole.
 * S3. Its size is bounded; the oldest go.
 */
import type { LiveJob } from "@windlass/kernel";
import type { Querier, Row, Value } from "./connection.ts";
import { liveColumns, liveOf } from "./live-rows.ts";

interface SubmittedRow {
  readonly live: LiveJob;
  /** The number of the transaction that made it. */
  readonly made: string;
}

/** About 1 KB each; as many as there are records of (known-records.ts). */
const ROWS_MAX = 20_000;

export class SubmittedRows {
  readonly #rows = new Map<string, SubmittedRow>();
  #pays = true;

  put(live: LiveJob, made: string): void {
    this.#rows.set(live.id, { live, made });
    if (this.#rows.size <= ROWS_MAX) return;
    const [oldest] = this.#rows.keys();
    if (oldest !== undefined) this.#rows.delete(oldest);
  }

  /**
   * The rows that a statement finds, and locks, in its order. `sql` makes the statement that selects these columns of a table by
   * this name.
   */
  async read(db: Querier, sql: (columns: Columns) => string, values: readonly Value[]): Promise<LiveJob[]> {
    if (!this.#pays) {
      const lives = (await db.rows(sql(liveColumns), values)).map(liveOf);
      this.#saw(lives.length, lives.filter(({ id }) => this.#rows.has(id)).length);
      return lives;
    }
    const found = await db.rows(sql(idAndNumber), values);
    const lives = found.map((row) => this.#take(row));
    const missing = found.filter((_row, i) => lives[i] === undefined).map(([id]) => id as string);
    this.#saw(found.length, found.length - missing.length);
    if (missing.length === 0) return lives.filter((live) => live !== undefined);
    const read = new Map((await db.rows(BY_ID, [missing])).map(liveOf).map((live) => [live.id, live]));
    return found.flatMap(([id], i) => lives[i] ?? read.get(id as string) ?? []);
  }

  #take([id, number]: Row): LiveJob | undefined {
    const row = this.#rows.get(id as string);
    return row !== undefined && row.made === number ? row.live : undefined;
  }

  /** Those that were claimed. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) this.#rows.delete(id);
  }

  #saw(all: number, known: number): void {
    if (all > 0) this.#pays = known * 2 >= all;
  }
}

/** What to select of a live row that goes by `prefix`. */
export type Columns = (prefix?: string) => string;

const idAndNumber: Columns = (prefix = "") => `${prefix}id, ${prefix}xmin`;
/** They are locked: nobody has changed or removed one meanwhile. */
const BY_ID = `SELECT ${liveColumns()} FROM jobs_live WHERE id = ANY($1::text[])`;
