/** Heartbeats of the writer thread: on timers of its own, as long as the event loop moves (W3). */
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
  #seen = { count: -1, at: 0 };

  constructor(db: Database, options: BeatOptions) {
    this.#db = db;
    this.#options = options;
  }

  keep({ session, intervalMs, ttlMs }: { readonly session: string; readonly intervalMs: number; readonly ttlMs: number }): void {
    this.unkeep(session);
    let lastBeat = performance.now();
    const timer = setInterval(() => {
      if (!this.#loopMoves()) return;
      const alive = this.#beat(session, ttlMs);
      if (alive === true) lastBeat = performance.now();
      if (alive === false || (alive === null && performance.now() - lastBeat >= ttlMs)) {
        this.unkeep(session);
        this.#options.onLost(session);
      }
    }, intervalMs);
    this.#timers.set(session, timer);
  }

  unkeep(session: string): void {
    clearInterval(this.#timers.get(session));
    this.#timers.delete(session);
  }

  stop(): void {
    for (const session of [...this.#timers.keys()]) this.unkeep(session);
  }

  /** False when the session was given up, null when the store could not tell; then the next interval tries again. */
  #beat(session: string, ttlMs: number): boolean | null {
    try {
      return this.#db.transaction(() => beat(this.#db, [session], Date.now() + ttlMs)).length > 0;
    } catch {
      return null;
    }
  }

  #loopMoves(): boolean {
    const count = Atomics.load(this.#options.moved, 0);
    const at = performance.now();
    if (count !== this.#seen.count) this.#seen = { count, at };
    return at - this.#seen.at < STILL_MS;
  }
}
