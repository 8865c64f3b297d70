/** Removes trees of jobs, with their logs, some time after their root ended. One process leads. */
import { days } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { leadership } from "./lead.ts";
import { loop, type Loop } from "./service.ts";

const REST_MS = 60_000;
const LEAD_MS = 120_000;
/** Roots that one transaction removes: small, so that nobody waits for it. */
const BATCH = 50;

export function retention(context: EngineContext, options: { readonly session: () => string; readonly days: number }): Loop {
  const leads = leadership(context, { chore: "retention", session: options.session, leadMs: LEAD_MS });
  return loop({
    name: "retention",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    pass: async () => {
      if (options.days <= 0 || !(await leads())) return false;
      const roots = await context.store.retention.ended(context.now() - days(options.days), BATCH);
      if (roots.length === 0) return false;
      const removed = await context.store.retention.remove(roots);
      await context.logs.remove(removed);
      context.logger.info("finished jobs were removed", { roots: roots.length, jobs: removed.length });
      return roots.length === BATCH;
    },
  });
}
