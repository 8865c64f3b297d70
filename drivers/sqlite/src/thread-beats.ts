/**
 * Heartbeats of the writer thread: on timers of its own, and between its transactions where it has no turn for timers (W5), as
 * long as the event loop moves (W3).
 *
 * B1. While nothing can be written (a full disk) no session is given up: this thread is the only writer, so nobody can take
 *     anything over. The first that is written afterwards are the beats that failed.
 */
import type { Database } from "./database.ts";
import { beat } from "./small-stores.ts";

/** How long the event loop may stand still before its sessions are no longer extended. */
const STILL_MS = 30_000;

export interface BeatOptions {
  /** The event loop adds to its first number each second. */
  readonly moved: Int32Array;
  /** Milliseconds, of a clock that only goes forward. */
  readonly monotonic: () => number;
  readonly onLost: (session: string) => void;
}

interface Kept {
  readonly timer: NodeJS.Timeout;
  readonly intervalMs: number;
  readonly ttlMs: number;
  dueAt: number;
}

export class ThreadBeats {
  readonly #db: Database;
  readonly #options: BeatOptions;
  readonly #kept = new Map<string, Kept>();
  /** No beat is due before; the earliest may have been sent meanwhile. */
  #nextDueAt = Infinity;
  /** Time to live of sessions whose last beat could not be written. See B1. */
  readonly #missed = new Map<string, number>();
  #seen = { count: -1, at: 0 };

  constructor(db: Database, options: BeatOptions) {
    this.#db = db;
    this.#options = options;
  }

  keep({ session, intervalMs, ttlMs }: { readonly session: string; readonly intervalMs: number; readonly ttlMs: number }): void {
    this.unkeep(session);
    const timer = setInterval(() => this.#onTime(session), intervalMs);
    const kept = { timer, intervalMs, ttlMs, dueAt: 0 };
    this.#kept.set(session, kept);
    this.#wait(kept);
  }

  /** Between transactions, before anything else is written: what failed (B1), and what is due. */
  catchUp(): void {
    for (const [session, ttlMs] of [...this.#missed]) this.#beat(session, ttlMs);
    const now = this.#options.monotonic();
    if (now < this.#nextDueAt) return;
    this.#nextDueAt = Infinity;
    for (const [session, kept] of [...this.#kept])
      if (kept.dueAt > now) this.#nextDueAt = Math.min(this.#nextDueAt, kept.dueAt);
      else {
        kept.timer.refresh();
        this.#onTime(session);
      }
  }

  unkeep(session: string): void {
    clearInterval(this.#kept.get(session)?.timer);
    this.#kept.delete(session);
    this.#missed.delete(session);
  }

  stop(): void {
    for (const session of [...this.#kept.keys()]) this.unkeep(session);
  }

  #onTime(session: string): void {
    const kept = this.#kept.get(session);
    if (kept === undefined) return;
    this.#wait(kept);
    if (this.#loopMoves()) this.#beat(session, kept.ttlMs);
  }

  #wait(kept: Kept): void {
    kept.dueAt = this.#options.monotonic() + kept.intervalMs;
    this.#nextDueAt = Math.min(this.#nextDueAt, kept.dueAt);
  }

  #beat(session: string, ttlMs: number): void {
    try {
      const kept = this.#db.transaction(() => beat(this.#db, [session], Date.now() + ttlMs));
      this.#missed.delete(session);
      if (kept.length > 0) return;
    } catch {
      this.#missed.set(session, ttlMs);
      return;
    }
    this.unkeep(session);
    this.#options.onLost(session);
  }

  #loopMoves(): boolean {
    const count = Atomics.load(this.#options.moved, 0);
    const at = this.#options.monotonic();
    if (count !== this.#seen.count) this.#seen = { count, at };
    return at - this.#seen.at < STILL_MS;
  }
}
