/**
 * Records that were written here lately, so that a claim does not read again what is known: nothing in a record ever
 * changes but its queue, which the live row says as well.
 *
 * K1. They are kept as rows of `jobs`, and read anew for each claim: a handler may do with its input what it likes, and
 *     another attempt does not see it, nor does who submitted the job.
 *
 * Its size is bounded. Records stay until their jobs have ended (they are claimed oldest first); after as many were refused
 * as there is room for, those that are here go: what waits for long keeps no others out for good.
 */
import type { JobRecord, LiveJob } from "@windlass/kernel";
import type { SqlValue } from "./table.ts";
import { jobsTable } from "./tables.ts";

/** The values of the columns of a record, in the order of `jobsTable`. */
export type RecordRow = readonly SqlValue[];

/** About 1 KB each. */
const RECORDS_MAX = 20_000;
/** A record with a larger specification or input, in characters, is read when it is needed. */
const LENGTH_MAX = 2_000;

/** Where a column stands among those of a record. */
const at = (key: keyof JobRecord): number => jobsTable.columns.findIndex((column) => column.key === key);
const [ID, QUEUE, SPEC, INPUT] = [at("id"), at("queue"), at("spec"), at("input")];

export function idOfRecord(row: RecordRow): string {
  return row[ID] as string;
}

export class KnownRecords {
  readonly #records = new Map<string, RecordRow>();
  #refused = 0;

  put(record: RecordRow): void {
    if (String(record[SPEC]).length + String(record[INPUT]).length > LENGTH_MAX) return;
    if (this.#records.size >= RECORDS_MAX) {
      if (++this.#refused < RECORDS_MAX) return;
      this.forget();
    }
    this.#records.set(idOfRecord(record), record);
  }

  /** As it is now: it may have been moved to another queue, also by another process. */
  of({ id, queue }: Pick<LiveJob, "id" | "queue">): RecordRow | undefined {
    const record = this.#records.get(id);
    return record === undefined || record[QUEUE] === queue ? record : record.with(QUEUE, queue);
  }

  ended(id: string): void {
    this.#records.delete(id);
  }

  forget(): void {
    this.#refused = 0;
    this.#records.clear();
  }
}
