/**
 * Records of jobs that decide, kept between their decisions: one holds its whole workflow, so reading it anew for each
 * end of a step would cost the more the larger the graph is. Nothing in a record ever changes but its queue, which the
 * live row says as well. What is kept is bounded by its length; the ones that were not asked for longest go first.
 */
import type { JobRecord } from "@windlass/kernel";
import type { ClaimedJob, JobStore, WokenJob } from "@windlass/ports";

/** Characters of specifications and inputs: sixteen of the largest workflows, or thousands of a usual size. */
const LENGTH_MAX = 16_777_216;
/** Of a record besides its specification and input. */
const LENGTH_OF_REST = 1_000;

export type DecidingJob = WokenJob & ClaimedJob;

export class DecidedRecords {
  readonly #known = new Map<string, { readonly record: JobRecord; readonly length: number }>();
  readonly #jobs: Pick<JobStore, "records">;
  readonly #lengthMax: number;
  #length = 0;

  constructor(jobs: Pick<JobStore, "records">, lengthMax = LENGTH_MAX) {
    this.#jobs = jobs;
    this.#lengthMax = lengthMax;
  }

  /** The same jobs with their records. One that was removed meanwhile is left out: nothing is to be decided about it. */
  async join(woken: readonly WokenJob[]): Promise<readonly DecidingJob[]> {
    const records = new Map(woken.flatMap(({ live: { id } }) => this.#take(id)));
    const unknown = woken.flatMap(({ live: { id } }) => (records.has(id) ? [] : [id]));
    for (const record of unknown.length === 0 ? [] : await this.#jobs.records(unknown)) records.set(record.id, record);
    for (const [id, record] of records) this.#keep(id, record);
    return woken.flatMap((job) => {
      const record = records.get(job.live.id);
      if (record === undefined) return [];
      return [{ ...job, record: record.queue === job.live.queue ? record : { ...record, queue: job.live.queue } }];
    });
  }

  forget(id: string): void {
    this.#length -= this.#known.get(id)?.length ?? 0;
    this.#known.delete(id);
  }

  /** What is asked for goes to the end of the row. */
  #take(id: string): readonly (readonly [string, JobRecord])[] {
    const known = this.#known.get(id);
    if (known === undefined) return [];
    this.#known.delete(id);
    this.#known.set(id, known);
    return [[id, known.record]];
  }

  #keep(id: string, record: JobRecord): void {
    if (this.#known.has(id)) return;
    const length = LENGTH_OF_REST + JSON.stringify(record.spec).length + JSON.stringify(record.input).length;
    this.#known.set(id, { record, length });
    this.#length += length;
    for (const [oldest] of this.#known) {
      if (this.#length <= this.#lengthMax) break;
      this.forget(oldest);
    }
  }
}
