/**
 * Jobs that nobody will end, for an operator who cleans up: what they are and why, and, where it is asked for, their end. Which
 * they are is decided by the kernel (stuck.ts) of what is stored and of what this server sees where they were started.
 */
import { isOutOfBand, messageOf, queueOfKey, stuckOf, type LiveJob, type Stuck } from "@windlass/kernel";
import type { Executor } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { ofLivingRunners } from "./runner-token.ts";

export interface StuckJob extends Stuck {
  readonly live: LiveJob;
  /** True: it was ended. */
  readonly cleaned: boolean;
}

export interface Cleaning {
  readonly workspace: string;
  readonly olderThanMs: number;
  /** Only these; all when left out. */
  readonly ids?: readonly string[] | undefined;
  /** Only tell which they are. */
  readonly dryRun: boolean;
  /** Jobs that are found at most. */
  readonly limit: number;
}

export interface Cleaned {
  readonly jobs: readonly StuckJob[];
  /** Attempts that are as old and run where this server cannot look. */
  readonly unseen: number;
}

export type CleanStuck = (cleaning: Cleaning) => Promise<Cleaned>;

const PAGE = 500;

export function stuckJobs(context: EngineContext, executors: readonly Executor[]): CleanStuck {
  return async ({ workspace, olderThanMs, ids, dryRun, limit }) => {
    const now = context.now();
    const sessions = await context.store.sessions.list();
    // One that could not tell that it lives for a while, for its store was away, may do so again in a moment.
    const heard = sessions.filter(({ expiresAt }) => expiresAt > now - olderThanMs).map(({ id }) => id);
    const held = new Set([...heard, ...(await ofLivingRunners(context, sessions))]);
    const look = outsideOf(context, executors);
    const found: StuckJob[] = [];
    let unseen = 0;
    for await (const live of alive(context)) {
      if (found.length >= limit) break;
      const isMeant = queueOfKey(live.queue).workspace === workspace && (ids === undefined || ids.includes(live.id));
      if (!isMeant || now - (live.attemptStartedAt ?? now) < olderThanMs) continue;
      const outside = await look(live);
      if (outside === "unknown" && isOutOfBand(live.executor)) unseen++;
      const isHeld = live.session !== null && held.has(live.session);
      const stuck = stuckOf(live, { isHeld, outside, now, olderThanMs, random: context.random.next() });
      if (stuck === null) continue;
      const [result] = dryRun ? [] : await context.commit([stuck.end]);
      found.push({ ...stuck, live, cleaned: result?.ok === true });
    }
    return { jobs: found, unseen };
  };
}

async function* alive({ store }: EngineContext): AsyncGenerator<LiveJob> {
  for (let after = ""; ;) {
    const page = await store.jobs.live({ states: ["running", "stopping"], after }, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.id ?? "";
  }
}

/**
 * What there is of an attempt where it was started. A place is listed once; what is not in the list is looked for by its name. What
 * is gone from a place that others watch may have ended well, and not be told yet: that is left to the reconciler (reconcile-place.ts).
 */
function outsideOf({ logger }: EngineContext, executors: readonly Executor[]): (live: LiveJob) => Promise<"there" | "gone" | "unknown"> {
  const listed = new Map<Executor, Promise<ReadonlySet<string>>>();
  return async ({ executor: name, place, externalName }) => {
    const executor = executors.find((one) => one.name === name && one.place === place);
    if (executor === undefined || externalName === null) return "unknown";
    const names = listed.get(executor) ?? executor.list().then((all) => new Set(all.map((one) => one.name)));
    listed.set(executor, names);
    try {
      if ((await names).has(externalName) || (await executor.find(externalName)) !== null) return "there";
      return executor.isWatchedOutside === true && ((await executor.examine?.(externalName)) ?? null) !== null ? "unknown" : "gone";
    } catch (error) {
      logger.warn("a place could not be looked at for jobs that are stuck", { executor: name, place, error: messageOf(error) });
      return "unknown";
    }
  };
}
