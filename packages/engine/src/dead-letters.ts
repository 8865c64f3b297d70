/**
 * What may be done with dead letters: run them again as new jobs, or strike them off.
 *
 * R1. A letter is redriven once, however often and by however many it is asked for: the new job has an idempotency key made
 *     of the letter and how often it was redriven. To redrive it once more has to be said.
 * R2. The new job is stored before the letter is marked: a crash in between makes the next try find that job.
 * R3. Whoever may refuse one of them is asked about all before the first is run again.
 */
import { WindlassError, type ChangeResult, type DeadLetter, type JobRecord } from "@windlass/kernel";
import type { DeadLetterFilter } from "@windlass/ports";
import type { CommandGate } from "./command-gate.ts";
import type { EngineContext } from "./context.ts";
import { disabledAmong, submitOf } from "./disabled-definitions.ts";
import { again } from "./jobs.ts";
import { leftTally, type LettersLeft } from "./letters-left.ts";

export interface Redriven {
  readonly letter: DeadLetter;
  /** The job that it was run again as. */
  readonly job: string;
  /** False when it had been redriven before. */
  readonly created: boolean;
}

export interface JobRedrive {
  readonly by: string;
  /** Also those that were redriven before. */
  readonly again: boolean;
  /** How many are to start in a second; null: as soon as they can. */
  readonly perSecond: number | null;
  /** The first of them starts so much later; 0 when left out. */
  readonly delayMs?: number;
  /** Asked about each of them before the first is run again. */
  readonly gate: CommandGate;
}

/** Letters that are chosen, and with which nothing was done yet (R3). */
export interface ChosenJobs {
  /** That are run again, and that were before. */
  readonly count: number;
  /** More fit than the limit lets through. */
  readonly more: boolean;
  run(): Promise<{ readonly items: readonly Redriven[]; readonly left: readonly LettersLeft[] }>;
}

export interface DeadLetters {
  list(filter: DeadLetterFilter): Promise<readonly DeadLetter[]>;
  /** @throws WindlassError `not_found`. */
  get(workspace: string, id: string): Promise<DeadLetter>;
  /** Chooses what matches, newest first, up to `filter.limit`. */
  chooseRedrive(filter: DeadLetterFilter, request: JobRedrive): Promise<ChosenJobs>;
  /** Strikes what matches off the list, up to `filter.limit`; in a preview only counts. */
  purge(filter: DeadLetterFilter, dryRun: boolean): Promise<Purged>;
}

export interface Purged {
  readonly matched: number;
  readonly removed: number;
  /** More fit than the limit lets through. */
  readonly more: boolean;
}

export function deadLetters(context: EngineContext): DeadLetters {
  const { store } = context;
  return {
    list: (filter) => store.deadLetters.list(filter),
    async get(workspace, id) {
      const [letter] = await store.deadLetters.list({ workspace, ids: [id], limit: 1 });
      if (letter === undefined) throw new WindlassError("not_found", `there is no dead letter ${id}`);
      return letter;
    },
    chooseRedrive: (filter, request) => choose(context, filter, request),
    async purge(filter, dryRun) {
      const { letters, more } = await firstOf(context, filter);
      const removed = dryRun ? 0 : await store.deadLetters.remove(letters.map(({ jobId }) => jobId));
      return { matched: letters.length, removed, more };
    },
  };
}

async function firstOf(
  { store }: EngineContext,
  filter: DeadLetterFilter,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly more: boolean }> {
  // One more tells whether there are more.
  const letters = await store.deadLetters.list({ ...filter, limit: filter.limit + 1 });
  return { letters: letters.slice(0, filter.limit), more: letters.length > filter.limit };
}

interface Due {
  readonly letter: DeadLetter;
  readonly record: JobRecord;
}

async function choose(context: EngineContext, filter: DeadLetterFilter, request: JobRedrive): Promise<ChosenJobs> {
  const isOpenOnly = !request.again && filter.ids === undefined;
  const { letters, more } = await firstOf(context, { ...filter, ...(isOpenOnly ? { redriven: false } : {}) });
  const due = letters.filter(({ redrives }) => request.again || redrives === 0);
  const ids = due.map(({ jobId }) => jobId);
  const records = new Map((ids.length === 0 ? [] : await context.store.jobs.records(ids)).map((record) => [record.id, record]));
  // Oldest first, as they would have been started.
  const found = due.toReversed().flatMap((letter): Due[] => {
    const record = records.get(letter.jobId);
    return record === undefined ? [] : [{ letter, record }];
  });
  for (const { record } of found) request.gate(record);
  const disabled = await disabledAmong(
    context,
    found.map(({ record }) => record),
  );
  return {
    count: letters.length,
    more,
    async run() {
      const left = leftTally();
      for (const { jobId: id, reason } of due) if (!records.has(id)) left.add({ id, reason }, "its job is not there any more");
      for (const { letter, record } of found) {
        const refusal = disabled(record);
        if (refusal !== null) left.add({ id: letter.jobId, reason: letter.reason }, refusal.message);
      }
      const runnable = found.filter(({ record }) => disabled(record) === null);
      const made = await runAll(context, runnable, request);
      for (const { letter, refused } of made) if (refused !== undefined) left.add({ id: letter.jobId, reason: letter.reason }, refused);
      const jobs = new Map(made.map((one) => [one.letter.jobId, one]));
      const items = letters.flatMap((letter): Redriven[] => {
        const { job = letter.redrivenAs, created = false } = jobs.get(letter.jobId) ?? {};
        return job === null ? [] : [{ letter, job, created }];
      });
      return { items, left: left.all() };
    },
  };
}

type Made = { readonly letter: DeadLetter } & (
  | { readonly job: string; readonly created: boolean; readonly refused?: undefined }
  | { readonly refused: string; readonly job?: undefined; readonly created?: undefined }
);

async function runAll(context: EngineContext, found: readonly Due[], { by, perSecond, delayMs = 0 }: JobRedrive): Promise<readonly Made[]> {
  if (found.length === 0) return [];
  const now = context.now();
  const notBefore = (i: number): number | null =>
    perSecond === null && delayMs === 0 ? null : now + delayMs + (perSecond === null ? 0 : Math.floor((i * 1_000) / perSecond));
  const results = await context.commit(
    found.map(({ letter, record }, i) =>
      submitOf(context, {
        ...again(context, record, by),
        notBefore: notBefore(i),
        idempotencyKey: `${REDRIVE}/${letter.jobId}/${letter.redrives + 1}`,
        requestHash: REDRIVE,
      }),
    ),
  );
  const made = found.map(({ letter }, i) => madeOf(letter, results[i]));
  const marks = made.flatMap(({ letter: { jobId, redrives }, job }) => (job === undefined ? [] : [{ jobId, redrives, as: job }]));
  await context.store.deadLetters.redriven(marks, { by, at: now });
  return made;
}

/** Where the idempotency keys of redrives begin; it is no key that people would think of. */
const REDRIVE = "windlass.dev/redrive";

function madeOf(letter: DeadLetter, result: ChangeResult | undefined): Made {
  if (result?.ok === true) return { letter, job: result.id, created: result.created ?? true };
  return { letter, refused: result?.refusal.why ?? "the store did not answer" };
}
