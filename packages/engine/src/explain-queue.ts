/** Why its queue does not let a ready job start: the kernel says which limit it is, this says it to people. */
import { holdOf, queueOfKey, unreachable, type LiveJob, type RateLimit } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import type { Cause } from "./job-kind.ts";
import { numberInOrder } from "./standing.ts";

/** Null: its queue lets it. */
export async function heldByQueue(context: EngineContext, live: LiveJob): Promise<Cause | null> {
  const { queues } = context.store;
  const state = await queues.state(live.queue, live.fairnessKey, context.spawner);
  const hold = holdOf(state, live, context.now());
  if (hold === null) return null;
  const { name: object } = queueOfKey(live.queue);
  const { settings, overall, running, fairness } = state;
  const key = `fairness key "${live.fairnessKey}"`;
  const because = (message: string, since: number | null = null): Cause => ({ reason: hold.reason, message, object, since });
  const inOrder = async (): Promise<string> => (live.blocked ? "" : `; it is number ${await numberInOrder(context, live)} in order`);
  switch (hold.reason) {
    case "queue_paused": {
      const queue = await queues.get(live.queue);
      const at = queue?.pausedAt ?? null;
      return because(`queue "${object}" was paused by ${queue?.pausedBy ?? "somebody"} at ${timeText(at)}`, at);
    }
    case "queue_limit":
      return because(`queue "${object}" runs ${jobs(running)}; its limit is ${settings.concurrencyLimit}${await inOrder()}`);
    case "spawner_limit": {
      const { running: all, limit } = overall ?? { running: 0, limit: 0 };
      return because(
        `${all} ${all === 1 ? "runner is" : "runners are"} there over all workspaces; the limit is ${limit}${await inOrder()}`,
      );
    }
    case "fairness_limit": {
      const of = jobs(fairness.get(live.fairnessKey)?.running ?? 0);
      return because(`${key} runs ${of} of queue "${object}"; the limit of each key is ${settings.keyConcurrencyLimit}${await inOrder()}`);
    }
    case "rate_limit": {
      const rate = hold.ofKey ? settings.keyRateLimit : settings.rateLimit;
      const who = hold.ofKey ? `${key} of queue "${object}"` : `queue "${object}"`;
      return because(`${who} starts ${rateText(rate)}; the next may start at ${timeText(hold.until)}`);
    }
    default:
      return unreachable(hold.reason);
  }
}

function jobs(count: number): string {
  return `${count} ${count === 1 ? "job" : "jobs"}`;
}

function rateText(rate: RateLimit | null): string {
  return rate === null ? "none" : `${jobs(rate.limit)} in ${rate.perSeconds} s at most`;
}

function timeText(at: number | null): string {
  return at === null ? "an unknown time" : new Date(at).toISOString();
}
