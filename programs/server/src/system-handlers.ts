/** What the server tells about itself. */
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

/** Counting goes no further. */
export const COUNT_CAP = 10_000;

export function systemHandlers({ engine: { context }, version, store, executors, startedAt }: ServerContext): Handlers<"system"> {
  return {
    info: async (_, { workspace }) => ({
      version,
      store,
      startedAt: isoTime(startedAt),
      now: isoTime(context.now()),
      jobs: { ...(await context.store.reads.counts(workspace, COUNT_CAP)) },
      executors: [...executors],
    }),
  };
}
