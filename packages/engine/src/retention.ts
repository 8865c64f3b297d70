/**
 * Removes trees of jobs, with their logs, some time after their root ended, old entries of the audit,
 * and answers whose time is over. One process leads.
 *
 * R1. What is removed is old by a clock that did not jump in the last day: a jump that is undone removes nothing early.
 */
import { days } from "@windlass/kernel";
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
}

export function retention(context: EngineContext, options: RetentionOptions): Loop {
  const { days: jobDays, auditDays = 0 } = options;
  const leads = leadership(context, { chore: "retention", session: options.session, leadMs: LEAD_MS });
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
      const { audit, answers } = context.store;
      const forgotten = await answers.prune(now, ROWS_BATCH);
      const moreJobs = jobDays > 0 && (await removeJobs(context, now - days(jobDays)));
      const pruned = auditDays > 0 ? await audit.prune(now - days(auditDays), ROWS_BATCH) : 0;
      return moreJobs || pruned === ROWS_BATCH || forgotten === ROWS_BATCH;
    },
  });
}

/** True when there are likely more. */
async function removeJobs(context: EngineContext, endedBefore: number): Promise<boolean> {
  const roots = await context.store.retention.ended(endedBefore, BATCH);
  if (roots.length === 0) return false;
  const removed = await context.store.retention.remove(roots);
  await context.logs.remove(removed);
  context.logger.info("finished jobs were removed", { roots: roots.length, jobs: removed.length });
  // Where something of each tree still lives, looking again at once would find the same.
  return removed.length > 0 && roots.length === BATCH;
}
