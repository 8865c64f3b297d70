/**
 * What may be done with dead letters: run them again as new jobs, or strike them off.
 *
 * R1. A letter is redriven once, however often and by however many it is asked for: the new job has an idempotency key made
 *     of the letter and how often it was redriven. To redrive it once more has to be said.
 * R2. The new job is stored before the letter is marked: a crash in between makes the next try find that job.
 */
import { WindlassError, type ChangeResult, type DeadLetter } from "@windlass/kernel";
import type { DeadLetterFilter } from "@windlass/ports";
import type { CommandGate } from "./command-gate.ts";
import type { EngineContext } from "./context.ts";
import { again } from "./jobs.ts";

export interface Redriven {
  readonly letter: DeadLetter;
  /** The job that it was run again as. */
  readonly job: string;
  /** False when it had been redriven before. */
  readonly created: boolean;
}

export interface DeadLetters {
  list(filter: DeadLetterFilter): Promise<readonly DeadLetter[]>;
  /** @throws WindlassError `not_found`. */
  get(workspace: string, id: string): Promise<DeadLetter>;
  /** Redrives what matches, newest first, up to `filter.limit`. */
  redrive(
    filter: DeadLetterFilter,
    request: {
      readonly by: string;
      /** Also those that were redriven before. */
      readonly again: boolean;
      /** How many are to start in a second; null: as soon as they can. */
      readonly perSecond: number | null;
      /** Asked about each of them before the first is run again. */
      readonly gate: CommandGate;
    },
  ): Promise<readonly Redriven[]>;
  /** Strikes what matches off the list, up to `filter.limit`; in a preview only counts. */
  purge(filter: DeadLetterFilter, dryRun: boolean): Promise<{ readonly matched: number; readonly removed: number }>;
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
    async redrive(filter, request) {
      const named = filter.ids !== undefined;
      const letters = await store.deadLetters.list({ ...filter, ...(request.again || named ? {} : { redriven: false }) });
      const due = letters.filter(({ redrives }) => request.again || redrives === 0);
      const made = new Map((await redriveAll(context, due, request)).map((one) => [one.letter.jobId, one]));
      return letters.flatMap((letter) => {
        const known = letter.redrivenAs === null ? [] : [{ letter, job: letter.redrivenAs, created: false }];
        return made.get(letter.jobId) ?? known;
      });
    },
    async purge(filter, dryRun) {
      const letters = await store.deadLetters.list(filter);
      return { matched: letters.length, removed: dryRun ? 0 : await store.deadLetters.remove(letters.map(({ jobId }) => jobId)) };
    },
  };
}

async function redriveAll(
  context: EngineContext,
  letters: readonly DeadLetter[],
  { by, perSecond, gate }: { readonly by: string; readonly perSecond: number | null; readonly gate: CommandGate },
): Promise<Redriven[]> {
  if (letters.length === 0) return [];
  const records = new Map((await context.store.jobs.records(letters.map(({ jobId }) => jobId))).map((record) => [record.id, record]));
  const now = context.now();
  // Oldest first, as they would have been started.
  const found = letters.toReversed().flatMap((letter) => {
    const record = records.get(letter.jobId);
    return record === undefined ? [] : [{ letter, record }];
  });
  for (const { record } of found) gate(record);
  const results = await context.commit(
    found.map(({ letter, record }, i) => ({
      type: "submit",
      job: {
        ...again(context, record, by),
        notBefore: perSecond === null ? null : now + Math.floor((i * 1_000) / perSecond),
        idempotencyKey: `${REDRIVE}/${letter.jobId}/${letter.redrives + 1}`,
        requestHash: REDRIVE,
      },
    })),
  );
  const redriven = found.flatMap(({ letter }, i): Redriven[] => made(letter, results[i]));
  const marks = redriven.map(({ letter: { jobId, redrives }, job }) => ({ jobId, redrives, as: job }));
  await context.store.deadLetters.redriven(marks, { by, at: now });
  return redriven;
}

/** Where the idempotency keys of redrives begin; it is no key that people would think of. */
const REDRIVE = "windlass.dev/redrive";

function made(letter: DeadLetter, result: ChangeResult | undefined): Redriven[] {
  return result?.ok === true ? [{ letter, job: result.id, created: result.created ?? true }] : [];
}
