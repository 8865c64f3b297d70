/**
 * What may be done with a queue: pause and limit it; and with all the jobs that wait there: move them to another, or cancel them. In batches; each job on its
 * own merits, so that one which was started meanwhile is passed over. A call says where the next one goes on: what stays, as
 * steps do in a purge, would hide from one that begins anew what waits behind it.
 */
import {
  EXECUTORS,
  faultOfNamedQueue,
  isUnhindered,
  queueOfKey,
  queueState,
  WindlassError,
  type Change,
  type ChangeResult,
  type Expected,
  type LiveJob,
  type Queue,
} from "@windlass/kernel";
import type { QueueChange } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { stopOf } from "./stop.ts";

/** Which of the jobs that wait in a queue are meant. */
export interface WaitingFilter {
  /** Its key. */
  readonly queue: string;
  readonly name?: string | undefined;
  readonly fairnessKey?: string | undefined;
  /** Only those behind this place, which an earlier call told. */
  readonly after?: string | undefined;
}

export interface Swept {
  /** Jobs that were meant (of the batch). */
  readonly matched: number;
  /** Those of them with which it was done; 0 in a preview. */
  readonly done: number;
  /** Those that belong to an execution: a purge leaves them to it. */
  readonly steps: number;
  /** The place behind which the next call goes on, though it did nothing; null at the end. */
  readonly next: string | null;
}

export interface Queues {
  /** Makes the queue of this key when it is not there. Throws `revision_mismatch`. */
  set(key: string, change: QueueChange, expected?: Expected): Promise<Queue>;
  move(filter: WaitingFilter, request: { readonly to: string; readonly by: string; readonly dryRun: boolean }): Promise<Swept>;
  /** Cancels what waits; with `remove` the jobs that were never started are deleted as well. */
  purge(filter: WaitingFilter, request: { readonly by: string; readonly dryRun: boolean; readonly remove: boolean }): Promise<Swept>;
}

/** Jobs with which one call does it: it answers within seconds, and whoever asked asks again. */
const SWEEP_MAX = 10_000;
/** Jobs that it reads, also in a preview and whatever they are: as many as the figures of a queue count. */
const LOOKED_AT_MAX = 100_000;
const PAGE = 500;

export function queues(context: EngineContext): Queues {
  return {
    async set(key, change, expected = null) {
      const queue = await context.store.queues.put(key, change, context.now(), expected);
      const isHeld = !isUnhindered(queueState(queue));
      for (const executor of EXECUTORS) {
        // What is to start nothing more, or no more at once, is not to be started from what was read ahead of it.
        if (isHeld) context.bus.publish("held", `${executor}/${key}`);
        // Its jobs may be startable now: those who wait are to look.
        context.bus.publish("ready", `${executor}/${key}`);
      }
      return queue;
    },
    async move(filter, { to, by, dryRun }) {
      for (const key of [filter.queue, to]) demandNamed(queueOfKey(key).name);
      if (to === filter.queue) throw new WindlassError("invalid", `queue ${queueOfKey(to).name} cannot be moved to itself`);
      if (dryRun) return sweep(context, filter, null);
      return sweep(context, filter, async (page) => {
        const moves = page.map(({ id }): Change => ({ type: "move", id, from: filter.queue, to, by }));
        return accepted(await context.commit(moves)).length;
      });
    },
    async purge(filter, { by, dryRun, remove }) {
      if (dryRun) return sweep(context, filter, null);
      return sweep(context, filter, async (page) => {
        const own = page.filter(({ parentId }) => parentId === null);
        const message = `cancelled by ${by}, with what waited in its queue`;
        // Of the attempt that was seen: of one that began meanwhile nobody has spoken.
        const stops = own.map(({ id, attempt }) => stopOf(id, { reason: "cancel_requested", message, by, attempt }));
        const ended = accepted(await context.commit(stops));
        if (remove) {
          const started = new Set(own.filter(({ attempt }) => attempt > 0).map(({ id }) => id));
          await context.logs.remove(await context.store.retention.remove(ended.filter((id) => !started.has(id))));
        }
        return ended.length;
      });
    },
  };
}

/** `work`: what is done with a page, and how many it was done with; null in a preview. */
async function sweep(
  context: EngineContext,
  filter: WaitingFilter,
  work: ((page: readonly LiveJob[]) => Promise<number>) | null,
): Promise<Swept> {
  const wanted = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  let swept: Swept = { matched: 0, done: 0, steps: 0, next: null };
  for (let read = PAGE; ; read += PAGE) {
    const after = swept.next ?? filter.after ?? "";
    const page = await context.store.jobs.live({ ...wanted, states: ["scheduled", "queued"], after }, PAGE);
    // An attempt that goes on was admitted to where it is.
    const waiting = page.filter(({ resumed }) => !resumed);
    const done = work === null || waiting.length === 0 ? 0 : await work(waiting);
    swept = {
      matched: swept.matched + waiting.length,
      done: swept.done + done,
      steps: swept.steps + waiting.filter(({ parentId }) => parentId !== null).length,
      next: page.length < PAGE ? null : (page.at(-1)?.id ?? null),
    };
    if (swept.next === null || swept.done >= SWEEP_MAX || read >= LOOKED_AT_MAX) return swept;
  }
}

function accepted(results: readonly ChangeResult[]): string[] {
  return results.flatMap((result) => (result.ok ? [result.id] : []));
}

/** Throws `invalid` for a queue that is not for people to fill. */
function demandNamed(name: string): void {
  const fault = faultOfNamedQueue(name);
  if (fault !== null) throw new WindlassError("invalid", fault);
}
