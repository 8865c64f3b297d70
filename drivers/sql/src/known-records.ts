/**
 * Records that were written here lately, so that a claim does not read again what is known: nothing in a record ever
 * changes but its queue, which the live row says as well. A driver keeps them as it gives them (`Shape`).
 *
 * Its size is bounded. Records stay until their jobs have ended (they are claimed oldest first); after as many were refused
 * as there is room for, those that are here go: what waits for long keeps no others out for good.
 */
import type { JobRecord, LiveJob } from "@windlass/kernel";

/** About 1 KB each. */
const RECORDS_MAX = 20_000;
/** A record with a larger specification or input is read when it is needed. */
const LENGTH_MAX = 2_000;

export interface Shape<T> {
  readonly idOf: (record: T) => string;
  readonly queueOf: (record: T) => string;
  /** The same job in another queue. */
  readonly moved: (record: T, queue: string) => T;
  /** Characters of its specification and input. */
  readonly lengthOf: (record: T) => number;
}

export class KnownRecords<T = JobRecord> {
  readonly #shape: Shape<T>;
  readonly #records = new Map<string, T>();
  #refused = 0;

  constructor(shape: Shape<T>) {
    this.#shape = shape;
  }

  put(record: T): void {
    const { lengthOf, idOf } = this.#shape;
    if (lengthOf(record) > LENGTH_MAX) return;
    if (this.#records.size >= RECORDS_MAX) {
      if (++this.#refused < RECORDS_MAX) return;
      this.forget();
    }
    this.#records.set(idOf(record), record);
  }

  /** As it is now: it may have been moved to another queue, also by another process. */
  of({ id, queue }: Pick<LiveJob, "id" | "queue">): T | undefined {
    const record = this.#records.get(id);
    return record === undefined || this.#shape.queueOf(record) === queue ? record : this.#shape.moved(record, queue);
  }

  ended(id: string): void {
    this.#records.delete(id);
  }

  forget(): void {
    this.#refused = 0;
    this.#records.clear();
  }
}

/** Records as the kernel has them. */
export const asRecords: Shape<JobRecord> = {
  idOf: ({ id }) => id,
  queueOf: ({ queue }) => queue,
  moved: (record, queue) => ({ ...record, queue }),
  lengthOf: ({ spec, input }) => JSON.stringify(spec).length + JSON.stringify(input).length,
};
