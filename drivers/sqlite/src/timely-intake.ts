/**
 * The intake of the writer thread (intake.ts): puts into the tables what nobody has asked for, and tells who reads elsewhere
 * whether something lies there.
 */
import type { Database } from "./database.ts";
import type { Commits } from "./flushing.ts";

/** How long something lies in the intake at most while nobody asks: so many jobs come together that their tables share their pages. */
const APPLY_MS = 20;

export class TimelyIntake {
  readonly #db: Database;
  readonly #commits: Commits;
  readonly #monotonic: () => number;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is due: it comes late where the thread has no turn for it. */
  #dueAt = 0;

  constructor(db: Database, commits: Commits, monotonic: () => number) {
    this.#db = db;
    this.#commits = commits;
    this.#monotonic = monotonic;
  }

  /** Around every transaction: the answer comes after it. */
  watched<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.#commits.withheld = this.#db.intake.mayHold;
    }
  }

  /** After what came was answered. */
  rest(): void {
    const { intake } = this.#db;
    if (!intake.mayHold) return;
    if (!intake.hasRoom) return this.#apply();
    if (this.#timer !== null) {
      if (this.#monotonic() >= this.#dueAt) this.#onTime();
      return;
    }
    this.#dueAt = this.#monotonic() + APPLY_MS;
    this.#timer = setTimeout(() => this.#onTime(), APPLY_MS);
  }

  #onTime(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#db.intake.mayHold) this.#apply();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#apply();
  }

  #apply(): void {
    try {
      this.watched(() => this.#db.transaction(() => this.#db.intake.apply(this.#db, "time")));
    } catch {
      // The disk is full, most likely: it lies where it is safe, and the next call tries again, and says why it cannot.
    }
  }
}
