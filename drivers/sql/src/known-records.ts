/**
 * Records that were written here lately, so that a claim does not read again what is known: nothing in a record ever
 * changes but its queue, which the live row says as well.
 *
 * Its size is bounded. Records stay until their jobs have ended (they are claimed oldest first); after as many were refused
 * as there is room for, those that are here go: what waits for long keeps no others out for good.
 */
import type { JobRecord, LiveJob } from "@windlass/kernel";

/** About 1 KB each. */
const RECORDS_MAX = 20_000;
/** A record with a larger specification or input is read when it is needed. */
const LENGTH_MAX = 2_000;

export class KnownRecords {
  readonly #records = new Map<string, JobRecord>();
  #refused = 0;

  put(record: JobRecord): void {
    if (JSON.stringify(record.spec).length + JSON.stringify(record.input).length > LENGTH_MAX) return;
    if (this.#records.size >= RECORDS_MAX) {
      if (++this.#refused < RECORDS_MAX) return;
      this.forget();
    }
    this.#records.set(record.id, record);
  }

  /** As it is now: it may have been moved to another queue, also by another process. */
  of({ id, queue }: Pick<LiveJob, "id" | "queue">): JobRecord | undefined {
    const record = this.#records.get(id);
    return record === undefined || record.queue === queue ? record : { ...record, queue };
  }

  ended(id: string): void {
    this.#records.delete(id);
  }

  forget(): void {
    this.#refused = 0;
    this.#records.clear();
  }
}
