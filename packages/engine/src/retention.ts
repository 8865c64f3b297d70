/** Removes trees of jobs, with their logs, some time after their root ended, and old entries of the audit. One process leads. */
import { days } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { leadership } from "./lead.ts";
import { loop, type Loop } from "./service.ts";

const REST_MS = 60_000;
const LEAD_MS = 120_000;
/** Roots that one transaction removes: small, so that nobody waits for it. */
const BATCH = 50;
/** Entries of the audit that one transaction removes. */
const AUDIT_BATCH = 1_000;

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
  return loop({
    name: "retention",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    pass: async () => {
      if ((jobDays <= 0 && auditDays <= 0) || !(await leads())) return false;
      const moreJobs = jobDays > 0 && (await removeJobs(context, jobDays));
      const pruned = auditDays > 0 ? await context.store.audit.prune(context.now() - days(auditDays), AUDIT_BATCH) : 0;
      return moreJobs || pruned === AUDIT_BATCH;
    },
  });
}

/** True when there are likely more. */
async function removeJobs(context: EngineContext, keptDays: number): Promise<boolean> {
  const roots = await context.store.retention.ended(context.now() - days(keptDays), BATCH);
  if (roots.length === 0) return false;
  const removed = await context.store.retention.remove(roots);
  await context.logs.remove(removed);
  context.logger.info("finished jobs were removed", { roots: roots.length, jobs: removed.length });
  return roots.length === BATCH;
}
