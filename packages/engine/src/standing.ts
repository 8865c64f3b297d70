/** Where a job stands that waits to be started: its number in order, in its queue. */
import { CLOSING_KEY, isRunnerKey, placesAhead, RUNNER_NAME, type JobView, type LiveJob } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

/** Jobs of that name below one parent that are looked at: a step may be called so as well. */
const NAMED_MAX = 100;

/** 1: it is next. Where there are several fairness keys, its turn is not later than that. */
export async function numberInOrder({ store }: Pick<EngineContext, "store">, live: LiveJob): Promise<number> {
  return placesAhead(await store.queues.waiting(live), live.fairnessKey) + 1;
}

/** Of a job that is ready, or of an execution whose runner is; null: it waits for nothing of that kind. */
export async function positionOf(context: Pick<EngineContext, "store" | "kindOf">, { record, live }: JobView): Promise<number | null> {
  if (live === null) return null;
  const isIsolated = record.executor === "none" && (context.kindOf(record.kind)?.runner?.(record) ?? null) !== null;
  const waiting = isIsolated && live.state !== "queued" ? await liveRunner(context, record.id) : live;
  if (waiting === undefined || waiting.state !== "queued" || waiting.blocked || waiting.executor === "none") return null;
  return numberInOrder(context, waiting);
}

/** The runner of an execution, or of what ends it; undefined: there is none now. */
export async function liveRunner({ store }: Pick<EngineContext, "store">, execution: string): Promise<LiveJob | undefined> {
  const closing = await store.reads.child(execution, CLOSING_KEY);
  const parentId = closing === null || closing.live === null ? execution : closing.record.id;
  const jobs = await store.jobs.live({ parentId, name: RUNNER_NAME }, NAMED_MAX);
  return jobs.find(({ childKey }) => isRunnerKey(childKey));
}
