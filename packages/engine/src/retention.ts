/**
 * Removes trees of jobs, with their logs, some time after their root ended, old entries of the audit and of the ledger
 * of schedules, and answers whose time is over. One process leads.
 *
 * R1. What is removed is old by a clock that did not jump in the last day: a jump that is undone removes nothing early.
 * R2. Trees that cannot go yet hold no others back: a walk goes on behind them, and the next one looks at them again.
 */
import { days } from "@windlass/kernel";
import type { EndedRoot } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { leadership } from "./lead.ts";
import { loop, type Loop } from "./service.ts";
import { JUMP_TRUST_MS, steadyTime } from "./steady-time.ts";

const REST_MS = 60_000;
const LEAD_MS = 120_000;
/** Roots that one transaction removes: small, so that nobody waits for it. */
const BATCH = 50;
/** Entries of the audit, and answers under idempotency keys, that one transaction removes. */
const ROWS_BATCH = 1_000;

export interface RetentionOptions {
  readonly session: () => string;
  /** Of jobs; 0 keeps them. */
  readonly days: number;
  /** Of the audit; 0 keeps it. */
  readonly auditDays?: number;
  /** Of the ledger of schedules; 0 keeps it. */
  readonly historyDays?: number;
}

export function retention(context: EngineContext, options: RetentionOptions): Loop {
  const { days: jobDays, auditDays = 0, historyDays = 0 } = options;
  const leads = leadership(context, { chore: "retention", session: options.session, leadMs: LEAD_MS });
  const removal = removalOf(context);
  const time = steadyTime(context.clock, () => context.now(), JUMP_TRUST_MS);
  return loop({
    name: "retention",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    pass: async () => {
      const now = time();
      if (!(await leads())) return false;
      const { audit, answers, schedules } = context.store;
      const forgotten = await answers.prune(now, ROWS_BATCH);
      const moreJobs = jobDays > 0 && (await removal(now - days(jobDays)));
      const pruned = auditDays > 0 ? await audit.prune(now - days(auditDays), ROWS_BATCH) : 0;
      const history = historyDays > 0 ? await schedules.prune(now - days(historyDays), ROWS_BATCH) : 0;
      return moreJobs || history === ROWS_BATCH || pruned === ROWS_BATCH || forgotten === ROWS_BATCH;
    },
  });
}

/** Removes a batch; true when the walk has more (R2). What went is told once for the whole walk: batches come twenty a second. */
function removalOf(context: EngineContext): (endedBefore: number) => Promise<boolean> {
  let after: EndedRoot | null = null;
  let went = { roots: 0, jobs: 0 };
  return async (endedBefore) => {
    const roots = await context.store.retention.ended(endedBefore, BATCH, after);
    const removed = roots.length === 0 ? [] : await context.store.retention.remove(roots.map(({ id }) => id));
    await context.logs.remove(removed);
    const gone = new Set(removed);
    went = { roots: went.roots + roots.filter(({ id }) => gone.has(id)).length, jobs: went.jobs + removed.length };
    after = roots.length === BATCH ? (roots.at(-1) ?? null) : null;
    if (after !== null) return true;
    if (went.jobs > 0) context.logger.info("finished jobs were removed", went);
    went = { roots: 0, jobs: 0 };
    return false;
  };
}
