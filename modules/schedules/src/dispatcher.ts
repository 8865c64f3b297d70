/**
 * Looks after schedules: what is due is decided and stored with its jobs, in batches. Looks at the stored times
 * (level-triggered); wake-ups and the lead only save looking, for each decision is guarded by its cursor (kernel, L3).
 */
import { leadership, loop, type EngineContext, type Loop } from "@windlass/engine";
import type { Dispatch } from "@windlass/kernel";
import { evaluate, type Evaluating, type ScheduleFailure } from "./evaluate.ts";

/** Schedules that one decision is stored for: large enough that the commit is shared, small enough that others get in between. */
const BATCH = 500;
/** The longest rest: what others stored is seen after this at the latest, if their wake-up was lost. */
const REST_MS_MAX = 1_000;
/** How long others wait for a dispatcher that has died. */
const LEAD_MS = 10_000;

export interface DispatcherOptions extends Evaluating {
  readonly session: () => string;
}

export function dispatcher(options: DispatcherOptions): Loop {
  const { context, session } = options;
  const leads = leadership(context, { chore: "dispatcher", session, leadMs: LEAD_MS });
  let nextAt: number | null = null;
  return loop({
    name: "dispatcher",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: () => (nextAt === null ? REST_MS_MAX : Math.min(REST_MS_MAX, Math.max(0, nextAt - context.now()))),
    subscribe: (wake) =>
      context.bus.subscribe("schedules", (at) => {
        if (nextAt === null || Number(at) < nextAt) wake();
      }),
    pass: async () => {
      if (!(await leads())) {
        nextAt = null;
        return false;
      }
      const now = context.now();
      const due = await context.store.schedules.due(now, BATCH);
      if (due.length > 0) {
        const { dispatches, failures } = await evaluate(options, due, { now });
        warnOf(context, failures);
        await storeDispatches(context, dispatches);
      }
      nextAt = due.length === BATCH ? now : await context.store.schedules.nextDue();
      return due.length === BATCH || (nextAt !== null && nextAt <= context.now());
    },
  });
}

function warnOf(context: EngineContext, failures: readonly ScheduleFailure[]): void {
  for (const { schedule, message } of failures)
    context.logger.warn("a schedule could not be looked at and is tried again", {
      schedule: schedule.name,
      workspace: schedule.workspace,
      message,
    });
}

/** Stores decisions and tells those who wait. Which of them counted. */
export async function storeDispatches(context: EngineContext, dispatches: readonly Dispatch[]): Promise<readonly boolean[]> {
  const { counted, signals } = await context.store.schedules.dispatch(dispatches, context.now());
  context.announce(signals);
  return counted;
}
