/**
 * Looks after schedules: what is due is decided and stored with its jobs, in batches. Looks at the stored times
 * (level-triggered); wake-ups and the lead only save looking, for each decision is guarded by its cursor (kernel, L3). A clock
 * that jumps forwards for a moment moves no cursor: its time is a steady one.
 */
import { leadership, loop, steadyTime, type EngineContext, type Loop } from "@windlass/engine";
import { dispatchPages } from "./dispatch-pages.ts";
import type { Evaluating, ScheduleFailure } from "./evaluate.ts";

/** Pages of one pass: then it is seen anew who leads, and what time it is. */
const PAGES_MAX = 40;
/** The longest rest (but for `context.pace`): what others stored is seen after this at the latest, if their wake-up was lost. */
const REST_MS_MAX = 1_000;
/** How long others wait for a dispatcher that has died. */
const LEAD_MS = 10_000;
/** How long a jump forwards must last until it counts: a machine that slept is as late as that, and a clock that is set wrong is set right by then. */
const JUMP_TRUST_MS = 10_000;

export interface DispatcherOptions extends Evaluating {
  readonly session: () => string;
}

export function dispatcher(options: DispatcherOptions): Loop {
  const { context, session } = options;
  const leads = leadership(context, { chore: "dispatcher", session, leadMs: LEAD_MS });
  const time = steadyTime(context.clock, () => context.now(), JUMP_TRUST_MS);
  let leading = false;
  let nextAt: number | null = null;
  return loop({
    name: "dispatcher",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => Math.min(context.pace.rest(REST_MS_MAX), nextAt === null ? Infinity : Math.max(0, nextAt - time())),
    subscribe: (wake) =>
      context.bus.subscribe("schedules", (at) => {
        if (leading && (nextAt === null || Number(at) < nextAt)) wake();
      }),
    pass: async () => {
      const now = time();
      leading = await leads();
      if (!leading) {
        nextAt = null;
        return false;
      }
      const { more } = await dispatchPages(options, {
        now,
        pagesMax: PAGES_MAX,
        onPage: (_due, { failures }) => warnOf(context, failures),
      });
      nextAt = more ? now : await context.store.schedules.nextDue();
      return more || (nextAt !== null && nextAt <= time());
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
