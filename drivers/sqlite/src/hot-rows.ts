/**
 * Live rows and records that the writing connection has written lately, so that a claim and a settle do not read
 * again what is known. Nothing else writes to the file while a server owns it.
 *
 * H1. What is here is what the file says: the caller forgets everything when a transaction fails, and when the file was
 *     changed by another connection.
 * H2. Its size is bounded. Rows that wait, and records, stay until they are claimed and have ended (they are claimed oldest
 *     first); after as many were refused as there is room for, those that are here go: what waits for long (in a paused
 *     queue, for its time) keeps no others out for good. Of the other rows the oldest go.
 */
import type { JobRecord, LiveJob } from "@windlass/kernel";

/** About 1 KB each. */
const LIVE_MAX = 20_000;
/** A record with a larger specification or input is read when it is needed. */
const RECORD_LENGTH_MAX = 2_000;

export class HotRows {
  readonly #waiting = new Map<string, LiveJob>();
  readonly #others = new Map<string, LiveJob>();
  readonly #records = new Map<string, JobRecord>();
  readonly #refused = { waiting: 0, records: 0 };

  live(id: string): LiveJob | undefined {
    return this.#others.get(id) ?? this.#waiting.get(id);
  }

  record(id: string): JobRecord | undefined {
    return this.#records.get(id);
  }

  putLive(live: LiveJob): void {
    if (live.state === "queued") {
      this.#others.delete(live.id);
      if (this.#waiting.has(live.id) || this.#hasRoom("waiting", this.#waiting)) this.#waiting.set(live.id, live);
      return;
    }
    this.#waiting.delete(live.id);
    this.#others.set(live.id, live);
    if (this.#others.size > LIVE_MAX) drop(this.#others);
  }

  /** `length` is that of its specification and input as they are stored. */
  putRecord(record: JobRecord, length: number): void {
    if (length <= RECORD_LENGTH_MAX && this.#hasRoom("records", this.#records)) this.#records.set(record.id, record);
  }

  moved(id: string, queue: string): void {
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, queue });
  }

  ended(id: string): void {
    this.#waiting.delete(id);
    this.#others.delete(id);
    this.#records.delete(id);
  }

  #hasRoom(name: "waiting" | "records", rows: Map<string, unknown>): boolean {
    if (rows.size < LIVE_MAX) return true;
    if (++this.#refused[name] < LIVE_MAX) return false;
    this.#refused[name] = 0;
    rows.clear();
    return true;
  }

  forget(): void {
    this.#waiting.clear();
    this.#others.clear();
    this.#records.clear();
  }
}

function drop(rows: Map<string, unknown>): void {
  const [oldest] = rows.keys();
  if (oldest !== undefined) rows.delete(oldest);
}
