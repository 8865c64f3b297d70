/** What the server tells about itself. */
import { JOBS_COUNTED_MAX } from "@windlass/kernel";
import { isoTime } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

export function systemHandlers({ engine: { context }, version, store, executors, startedAt }: ServerContext): Handlers<"system"> {
  return {
    info: async (_, { workspace }) => ({
      version,
      store,
      startedAt: isoTime(startedAt),
      now: isoTime(context.now()),
      jobs: { ...(await context.store.reads.counts(workspace, JOBS_COUNTED_MAX)) },
      executors: [...executors],
    }),
  };
}
