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
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Database, commits: Commits) {
    this.#db = db;
    this.#commits = commits;
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
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (intake.mayHold) this.#apply();
    }, APPLY_MS);
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
