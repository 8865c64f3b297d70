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
  /** Since when what lies in the intake has done so, up to which row; the oldest first. */
  #came: { readonly row: number; readonly at: number }[] = [];
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

  /** After what came was answered. `isIdle`: nothing else has come yet. */
  rest(isIdle: boolean): void {
    this.#restHeld();
    const { intake } = this.#db;
    if (!intake.mayHold) return;
    // A timer comes late where the thread has no turn for it.
    if (!intake.hasRoom || this.#leftMs() <= 0) return this.#onTime();
    if (isIdle && intake.hasPiece(this.#db)) this.#applyPiece();
    this.#wait();
  }

  #wait(): void {
    if (this.#timer !== null || !this.#db.intake.mayHold) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        // What lay here when it was set may have gone in a piece.
        if (this.#leftMs() <= 0) this.#onTime();
        else this.#wait();
      },
      Math.max(0, this.#leftMs()),
    );
  }

  /** How long what came first may still lie in the intake. Where it is not known what lies there, it may have come long ago. */
  #leftMs(): number {
    const { span, isKnown } = this.#db.intake;
    if (!isKnown) return 0;
    const now = this.#monotonic();
    if (span === null) this.#came = [];
    else {
      this.#came = this.#came.filter(({ row }) => row >= span.oldest);
      if (span.newest > (this.#came.at(-1)?.row ?? 0)) this.#came.push({ row: span.newest, at: now });
    }
    return (this.#came[0]?.at ?? now) + APPLY_MS - now;
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

  /** Where it fails no timer is set: the next call tries again. */
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

  /** Waits for no other process: these jobs have time. */
  #applyPiece(): void {
    const { intake } = this.#db;
    this.#carryOut(() => this.#db.tryTransaction(() => intake.applyPiece(this.#db)));
  }

  /** Everything when left out. */
  #apply(apply: () => void = () => this.#db.payOff("time")): void {
    this.#carryOut(() => this.#db.transaction(apply));
  }

  #carryOut(transaction: () => void): void {
    try {
      this.watched(transaction);
      this.#flush();
    } catch {
      // The disk is full, most likely: it lies where it is safe, and the next call tries again, and says why it cannot.
    }
  }
}
