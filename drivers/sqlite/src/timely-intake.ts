/**
 * The intake (intake.ts) and the held claims (held-claims.ts) of the writer thread: puts into the tables what nobody has asked for,
 * and tells who reads elsewhere whether something lies there.
 */
import type { Database } from "./database.ts";
import type { Commits } from "./flushing.ts";

/** How long something lies in the intake at most while nobody asks: so many jobs come together that their tables share their pages. */
const APPLY_MS = 20;
/** The same of a claim: handlers that end sooner spare it the way into the tables. */
const HELD_MS = 200;

export class TimelyIntake {
  readonly #db: Database;
  readonly #commits: Commits;
  readonly #monotonic: () => number;
  #timer: NodeJS.Timeout | null = null;
  /** When the timer is due: it comes late where the thread has no turn for it. */
  #dueAt = 0;
  #heldTimer: NodeJS.Timeout | null = null;

  readonly #flush: () => void;

  /** `flush`: sees to it that what is committed gets on the disk. */
  constructor(db: Database, { commits, monotonic, flush }: { commits: Commits; monotonic: () => number; flush: () => void }) {
    this.#db = db;
    this.#commits = commits;
    this.#monotonic = monotonic;
    this.#flush = flush;
    db.onUnflushed = () => commits.made();
  }

  /** Around every transaction: the answer comes after it. */
  watched<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.#commits.withheld = this.#db.owes;
    }
  }

  /** After what came was answered. */
  rest(): void {
    this.#restHeld();
    const { intake } = this.#db;
    if (!intake.mayHold) return;
    if (!intake.hasRoom) return this.#onTime();
    if (this.#timer !== null) {
      if (this.#monotonic() >= this.#dueAt) this.#onTime();
      return;
    }
    this.#dueAt = this.#monotonic() + APPLY_MS;
    this.#timer = setTimeout(() => this.#onTime(), APPLY_MS);
  }

  /** What was claimed before the timer was set has been held for long enough when it is due. */
  #restHeld(): void {
    const { held } = this.#db;
    if (!held.isKnown) this.#apply();
    if (held.span === null || this.#heldTimer !== null) return;
    const upTo = held.span.newest;
    this.#heldTimer = setTimeout(() => {
      this.#heldTimer = null;
      if (held.span !== null && held.span.oldest <= upTo) this.#apply();
      this.#restHeld();
    }, HELD_MS);
  }

  #onTime(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { intake, held } = this.#db;
    // What is held has its own time.
    if (intake.mayHold) this.#apply(held.isKnown ? () => intake.apply(this.#db, "time") : undefined);
  }

  close(): void {
    for (const timer of [this.#timer, this.#heldTimer]) if (timer !== null) clearTimeout(timer);
    this.#apply();
  }

  /** Everything when left out. */
  #apply(apply: () => void = () => this.#db.payOff("time")): void {
    try {
      this.watched(() => this.#db.transaction(apply));
      this.#flush();
    } catch {
      // The disk is full, most likely: it lies where it is safe, and the next call tries again, and says why it cannot.
    }
  }
}
