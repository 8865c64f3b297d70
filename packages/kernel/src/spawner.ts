/**
 * How many isolated executions may have a runner at once: in all, in each workspace, and of each workflow. A store counts, and
 * asks this. Pure.
 *
 * S1. What a workspace has set of its queue `runners` comes before the settings; the limit over all of them holds always.
 * S2. Runners of a full workspace, or of a full workflow, hold back no others (admission.ts, D6).
 */
import type { Overall, QueueState } from "./admission.ts";
import { queueOfKey, type QueueSettings } from "./queue.ts";
import { RUNNERS_QUEUE } from "./runner.ts";

/** Null: no limit. */
export interface SpawnerLimits {
  readonly runningMax: number | null;
  readonly perWorkspaceMax: number | null;
  readonly perWorkflowMax: number | null;
}

/** `key`: of a queue. */
export function isRunnersQueue(key: string): boolean {
  return queueOfKey(key).name === RUNNERS_QUEUE;
}

/** What holds for a queue (S1): the fairness key of a runner is its workflow. */
export function withSpawnerLimits<T extends QueueSettings & { readonly name: string }>(queue: T, limits: SpawnerLimits | undefined): T {
  if (limits === undefined || !isRunnersQueue(queue.name)) return queue;
  const { perWorkspaceMax, perWorkflowMax } = limits;
  return {
    ...queue,
    concurrencyLimit: queue.concurrencyLimit ?? perWorkspaceMax,
    keyConcurrencyLimit: queue.keyConcurrencyLimit ?? perWorkflowMax,
  };
}

/** The state of a queue with the limit that is over all of those with runners. */
export function withOverall(state: QueueState, key: string, overall: Overall | null): QueueState {
  if (isRunnersQueue(key)) state.overall = overall;
  return state;
}

/** The limit over all runners, of which so many are alive; null: there is none, or none of these queues has runners. */
export function overallOf(keys: readonly string[], limits: SpawnerLimits | undefined, running: number): Overall | null {
  const limit = limits?.runningMax ?? null;
  return limit === null || !keys.some(isRunnersQueue) ? null : { limit, running };
}
