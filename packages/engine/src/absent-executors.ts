/**
 * Which executors nobody has had for so long that what waits for them need not wait any more: a server that is started again
 * is away for a moment, a cluster that was taken away is away for good.
 */
import { EXECUTORS, minutes, type ExecutorName } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

/** Longer than any upgrade of all servers takes. */
export const ABSENT_MS: number = minutes(10);

export interface AbsentExecutors {
  /** Looks who is there; to be called now and then. */
  look(): Promise<void>;
  /** True when it was absent at each look since so long. */
  isLong(executor: ExecutorName): boolean;
}

export function absentExecutors({ store, clock, now }: Pick<EngineContext, "store" | "clock" | "now">): AbsentExecutors {
  const since = new Map<ExecutorName, number>();
  return {
    async look() {
      const open = (await store.sessions.list()).filter(({ expiresAt }) => expiresAt >= now());
      const served = new Set(open.flatMap(({ serves }) => serves.map(({ executor }) => executor)));
      for (const executor of EXECUTORS) {
        if (served.has(executor)) since.delete(executor);
        else if (!since.has(executor)) since.set(executor, clock.monotonic());
      }
    },
    isLong(executor) {
      const from = since.get(executor);
      return from !== undefined && clock.monotonic() - from >= ABSENT_MS;
    },
  };
}
