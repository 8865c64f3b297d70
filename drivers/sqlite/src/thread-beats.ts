/**
 * Heartbeats of the writer thread: on timers of its own, as long as the event loop moves (W3).
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
  readonly onLost: (session: string) => void;
}

export class ThreadBeats {
  readonly #db: Database;
  readonly #options: BeatOptions;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  /** Time to live of sessions whose last beat could not be written. See B1. */
  readonly #missed = new Map<string, number>();
  #seen = { count: -1, at: 0 };

  constructor(db: Database, options: BeatOptions) {
    this.#db = db;
    this.#options = options;
  }

  keep({ session, intervalMs, ttlMs }: { readonly session: string; readonly intervalMs: number; readonly ttlMs: number }): void {
    this.unkeep(session);
    const timer = setInterval(() => {
      if (this.#loopMoves()) this.#beat(session, ttlMs);
    }, intervalMs);
    this.#timers.set(session, timer);
  }

  /** Before anything else is written. See B1. */
  catchUp(): void {
    for (const [session, ttlMs] of [...this.#missed]) this.#beat(session, ttlMs);
  }

  unkeep(session: string): void {
    clearInterval(this.#timers.get(session));
    this.#timers.delete(session);
    this.#missed.delete(session);
  }

  stop(): void {
    for (const session of [...this.#timers.keys()]) this.unkeep(session);
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
    const at = performance.now();
    if (count !== this.#seen.count) this.#seen = { count, at };
    return at - this.#seen.at < STILL_MS;
  }
}
