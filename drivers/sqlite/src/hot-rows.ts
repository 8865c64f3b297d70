/**
 * Live rows that the writing connection has written lately, with the records of known-records.ts, so that a claim and a settle
 * do not read again what is known. Nothing else writes to the file while a server owns it.
 *
 * H1. What is here is what the file says: the caller forgets everything when a transaction fails, and when the file was
 *     changed by another connection.
 * H2. Its size is bounded. Rows that wait stay until they are claimed (they are claimed oldest first); after as many were
 *     refused as there is room for, those that are here go: what waits for long (in a paused queue, for its time) keeps no
 *     others out for good. Of the other rows the oldest go.
 */
import type { LiveJob } from "@windlass/kernel";
import { KnownRecords } from "@windlass/sql";

/** About 1 KB each. */
const LIVE_MAX = 20_000;

export class HotRows {
  readonly #waiting = new Map<string, LiveJob>();
  readonly #others = new Map<string, LiveJob>();
  readonly records = new KnownRecords();
  #refused = 0;

  live(id: string): LiveJob | undefined {
    return this.#others.get(id) ?? this.#waiting.get(id);
  }

  putLive(live: LiveJob): void {
    if (live.state === "queued") {
      this.#others.delete(live.id);
      if (this.#waiting.has(live.id) || this.#hasRoom()) this.#waiting.set(live.id, live);
      return;
    }
    this.#waiting.delete(live.id);
    this.#others.set(live.id, live);
    if (this.#others.size > LIVE_MAX) drop(this.#others);
  }

  ended(id: string): void {
    this.#waiting.delete(id);
    this.#others.delete(id);
    this.records.ended(id);
  }

  #hasRoom(): boolean {
    if (this.#waiting.size < LIVE_MAX) return true;
    if (++this.#refused < LIVE_MAX) return false;
    this.#refused = 0;
    this.#waiting.clear();
    return true;
  }

  forget(): void {
    this.#waiting.clear();
    this.#others.clear();
    this.records.forget();
  }
}

function drop(rows: Map<string, unknown>): void {
  const [oldest] = rows.keys();
  if (oldest !== undefined) rows.delete(oldest);
}
