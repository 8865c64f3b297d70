/**
 * Looks after everything that happens because time passes: delays, back-offs, waits, start deadlines and time limits.
 * Looks at the stored times (level-triggered); knowing the next one only saves looking. Any number may run.
 */
import { isOutOfBand, startDeadlineOf, type Change, type LiveJob, type Reason } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { loop, type Loop } from "./service.ts";
import { stopOf } from "./stop.ts";

/** Jobs that one pass takes. */
const BATCH = 500;
/** The longest rest (but for `pace.ts`): what other servers scheduled is seen after this at the latest, if their wake-up was lost. */
const REST_MS_MAX = 1_000;

export function timers(context: EngineContext): Loop {
  let nextAt: number | null = null;
  return loop({
    name: "timers",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => Math.min(context.pace.rest(REST_MS_MAX), nextAt === null ? Infinity : Math.max(0, nextAt - context.now())),
    subscribe: (wake) =>
      context.bus.subscribe("timer", (at) => {
        if (nextAt === null || Number(at) < nextAt) wake();
      }),
    pass: async () => {
      const now = context.now();
      const due = await context.store.jobs.due(now, BATCH);
      await context.commit(due.flatMap((live) => dueChange(live, now) ?? []));
      nextAt = due.length === BATCH ? now : await context.store.jobs.nextDue();
      return due.length === BATCH;
    },
  });
}

/** What the time that came means for this job; null when it means nothing (any more). Pure. */
export function dueChange(live: LiveJob, now: number): Change | null {
  const startDeadline = startDeadlineOf(live);
  if ((live.state === "scheduled" || live.state === "queued") && startDeadline !== null && startDeadline <= now)
    return { type: "expire", id: live.id };
  if (live.deadlineAt !== null && live.deadlineAt <= now && (live.state === "running" || live.state === "waiting")) {
    const reason = timeoutReasonOf(live);
    const message = `it took longer than its time limit of ${(live.timeoutMs ?? 0) / 1000} s`;
    return stopOf(live.id, { stopFor: "failed_timeout", reason, message, by: "windlass", attempt: live.attempt });
  }
  if (live.dueAt !== null && live.dueAt <= now) return { type: "due", id: live.id };
  return null;
}

function timeoutReasonOf(live: LiveJob): Reason {
  if (live.executor === "none") return isAwaited(live) ? "wait_timeout" : "execution_timeout";
  return isOutOfBand(live.executor) ? "step_timeout" : "handler_timeout";
}

/** By somebody outside, who did not come in time. */
function isAwaited({ state, wait }: LiveJob): boolean {
  return state === "waiting" && (wait?.for === "signal" || wait?.for === "approval");
}
