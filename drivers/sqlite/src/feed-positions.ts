/**
 * Where events stand in the feed. SQLite would note the last position that it gave with every commit that has events: a page
 * more to write and to flush each time. So they are given out here, from a block of which the file knows.
 *
 * P1. A later event has a larger position, and none is given twice: before the first of a block is used, its transaction
 *     says in the file where the block ends. Whoever opens the file next begins behind it.
 * P2. Positions may be left out: the rest of a block that nobody used, and what a transaction took that failed.
 */
import type { Database } from "./database.ts";

/** Positions are whole numbers of up to 53 bits: a block for each start is nothing, and its page is written once in a while. */
const BLOCK = 10_000;

const END = "SELECT seq FROM sqlite_sequence WHERE name = 'events'";

export class FeedPositions {
  #next = 1;
  #end = 0;

  /** The first of `count` positions in a row. The caller holds the write transaction. */
  take(db: Database, count: number): number {
    if (this.#next + count > this.#end + 1) this.#reserve(db, count);
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** The file may say something else now. */
  forget(): void {
    [this.#next, this.#end] = [1, 0];
  }

  #reserve(db: Database, count: number): void {
    const stored = db.get(END)?.[0] as number | undefined;
    if (stored === undefined) db.run("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 0)");
    const end = stored ?? 0;
    // What is left of the own block is used up; behind one of somebody else begins a new one.
    if (end !== this.#end) this.#next = end + 1;
    this.#end = end + Math.max(BLOCK, count);
    db.run("UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'", [this.#end]);
  }
}
