/**
 * Makes the log of the writer thread longer while nothing else is to be done, so that it need not be done while somebody waits:
 * who flushes next would wait for the zeros (log-file.ts), and for the new length of the file.
 *
 * G1. One piece at a time, and each is on the disk before the next one is written: who comes meanwhile waits for one at most.
 * G2. A flush that fails ends the writer, as any other does (D3 of flushing.ts): it is of the same file.
 */
import type { Database } from "./database.ts";
import type { LogFile } from "./log-file.ts";

/** When nothing has come for so long, nothing is about to. */
const IDLE_MS = 10;

export interface IdleGrowthParts {
  readonly db: Pick<Database, "tryTransaction">;
  readonly log: Pick<LogFile, "wantsMore" | "growAhead">;
  /** Of its own: what a flush tells of is told once to each who has opened the file. */
  readonly zeros: Pick<LogFile, "flush" | "close">;
  /** Whether still nothing has come. */
  readonly isIdle: () => boolean;
  readonly fail: (error: Error) => void;
}

export class IdleGrowth {
  readonly #parts: IdleGrowthParts;
  #flushing = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: IdleGrowthParts) {
    this.#parts = parts;
  }

  /** Nothing has come for a moment: when that stays so, it is time. */
  soon(): void {
    if (this.#closed) return;
    if (this.#timer !== null) return void this.#timer.refresh();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#parts.isIdle()) this.rest();
    }, IDLE_MS).unref();
  }

  /** Nothing has come for long enough. Keeps G1. */
  rest(): void {
    const { db, log, zeros, isIdle, fail } = this.#parts;
    if (this.#flushing || this.#closed || !log.wantsMore()) return;
    let hasGrown = false;
    try {
      db.tryTransaction(() => (hasGrown = log.growAhead("idle")));
    } catch {
      // Nobody asked for it: who writes next is told what is wrong.
    }
    // Another process writes, or there is no room (L2 of log-file.ts).
    if (!hasGrown) return;
    this.#flushing = true;
    zeros.flush((error) => {
      this.#flushing = false;
      if (this.#closed) return zeros.close();
      if (error !== null) return fail(error);
      if (isIdle()) this.rest();
    });
  }

  /** The file is closed when no flush of it is under way: its number may be given to another one. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!this.#flushing) this.#parts.zeros.close();
  }
}
