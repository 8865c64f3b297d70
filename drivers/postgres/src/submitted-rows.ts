/**
 * Live rows as submits of this process have left them, so that a claim need not read them: to make some forty columns into texts there and
 * into values here took the server 1 µs of a drained job, and this process 2.
 *
 * S1. A row is what stands here as long as its `xmin` is the number of the transaction that made it: whoever changes a row makes a new
 *     version of it, which has another number.
 * S2. What stands here is what was stored: not before it is, no texts that PostgreSQL stores as others, and nothing that is shared with
 *     who has submitted it.
 * S3. Whether it pays is seen by each look into a queue: where most of what is ready came from elsewhere, or long ago, rows are read whole.
 * S4. Its size is bounded, as that of records (known-records.ts): what is claimed first is kept, and when as much was refused as there
 *     is room for, all go.
 */
import type { LiveJob } from "@windlass/kernel";
import type { Querier, Row, Value } from "./connection.ts";
import { ID, liveColumns, liveOf } from "./live-rows.ts";

interface SubmittedRow {
  readonly live: LiveJob;
  /** The number of the transaction that made it. */
  readonly made: string;
}

/** About 1 KB each; as many as there are records of (known-records.ts). */
const ROWS_MAX = 20_000;

export class SubmittedRows {
  readonly #rows = new Map<string, SubmittedRow>();
  #refused = 0;
  /** Places of which rows are read whole. */
  readonly #whole = new Set<string>();

  /** To be called when the transaction with this number is stored. */
  put(lives: Iterable<LiveJob>, made: string): void {
    for (const live of lives) {
      if (!isStoredAsItIs(live)) continue;
      if (this.#rows.size >= ROWS_MAX) {
        if (++this.#refused < ROWS_MAX) continue;
        this.#rows.clear();
        this.#refused = 0;
      }
      this.#rows.set(live.id, { live: live.retry === null ? live : { ...live, retry: structuredClone(live.retry) }, made });
    }
  }

  /**
   * The rows that a statement finds, and locks, in its order. `sql` makes the statement that selects these columns of a table by
   * this name; `place` says where it looks.
   */
  async read(db: Querier, place: string, { sql, values }: Look): Promise<LiveJob[]> {
    if (this.#whole.has(place)) {
      const rows = await db.rows(sql(wholeRow), values);
      this.#saw(place, {
        all: rows.length,
        known: rows.filter((row) => this.#take([row[ID] ?? "", row.at(-1) ?? ""]) !== undefined).length,
      });
      return rows.map((row) => liveOf(row.slice(0, -1)));
    }
    const found = await db.rows(sql(idAndNumber), values);
    const lives = found.map((row) => this.#take(row));
    const missing = found.filter((_row, i) => lives[i] === undefined).map(([id]) => id as string);
    this.#saw(place, { all: found.length, known: found.length - missing.length });
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

  #saw(place: string, { all, known }: { readonly all: number; readonly known: number }): void {
    if (all === 0) return;
    if (known * 2 >= all) this.#whole.delete(place);
    else if (this.#whole.size < PLACES_MAX) this.#whole.add(place);
  }
}

interface Look {
  readonly sql: (columns: Columns) => string;
  readonly values: readonly Value[];
}

/** So many places are remembered at most; of others it is tried each time. */
const PLACES_MAX = 10_000;

/** PostgreSQL takes no NUL, and half a character only as another one (connection.ts). */
export function isStoredAsItIs({ name, queue, fairnessKey, concurrencyKey, childKey }: LiveJob): boolean {
  return [name, queue, fairnessKey, concurrencyKey, childKey].every(
    (text) => text === null || (text.isWellFormed() && !text.includes("\0")),
  );
}

/** What to select of a live row that goes by `prefix`. */
export type Columns = (prefix?: string) => string;

const wholeRow: Columns = (prefix = "") => `${liveColumns(prefix)}, ${prefix}xmin`;
const idAndNumber: Columns = (prefix = "") => `${prefix}id, ${prefix}xmin`;
/** They are locked: nobody has changed or removed one meanwhile. */
const BY_ID = `SELECT ${liveColumns()} FROM jobs_live WHERE id = ANY($1::text[])`;
