/** Many jobs at once: count them, end them, run them again; and a parked one that is to go on. */
import { problemOf, type BulkJson } from "@windlass/contract";
import { cancelMany, retryMany, type BulkAnswer } from "@windlass/engine";
import { JOBS_COUNTED_MAX, queueOfKey, wholeSeconds, WindlassError } from "@windlass/kernel";
import { filterOf, type AskedFilter } from "./job-filter.ts";
import { isoTime, presentJob } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

type BulkHandlers = Pick<Handlers<"jobs">, "counts" | "resume" | "cancelMany" | "retryMany" | "clean">;

export function bulkHandlers({ engine: { context, cleanStuck, jobs: own } }: ServerContext): BulkHandlers {
  return {
    async counts({ query }, { workspace }) {
      const { by, rootsOnly, ...asked } = query;
      const filter = { ...filterOf(workspace, asked), limit: JOBS_COUNTED_MAX, ...(rootsOnly === true ? { rootsOnly } : {}) };
      const { counts, capped } = await context.store.reads.tally(filter, by);
      const items = Object.entries(counts)
        .map(([value, count]) => ({ value: by === "queue" ? queueOfKey(value).name : value, count }))
        .toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
      return { by, items, total: items.reduce((sum, { count }) => sum + count, 0), capped };
    },
    async resume({ params }, { jobs }) {
      await jobs.resume(params.id);
      return presentJob(await jobs.get(params.id));
    },
    async cancelMany({ body }, { workspace, principal }) {
      const { dryRun, limit, message, graceSeconds } = body;
      const graceMs = graceSeconds === undefined ? {} : { graceMs: wholeSeconds(graceSeconds) };
      const request = { filter: narrowed(workspace, body), dryRun, limit, by: principal.name, message: message ?? null, ...graceMs };
      return presentBulk(dryRun, await cancelMany(context, request));
    },
    async clean({ body: { ids, olderThanSeconds, dryRun, limit } }, { workspace }) {
      const { jobs, unseen } = await cleanStuck({ workspace, olderThanMs: wholeSeconds(olderThanSeconds), ids, dryRun, limit });
      const items = await Promise.all(
        jobs.map(async ({ live, since, why, cleaned }) => ({
          job: presentJob(await own.get(live.id)),
          since: isoTime(since),
          why,
          cleaned,
        })),
      );
      return { dryRun, items, unseen };
    },
    async retryMany({ body }, { workspace, principal, gate }) {
      const { dryRun, limit } = body;
      const request = { filter: narrowed(workspace, body), dryRun, limit, by: principal.name, gate };
      return presentBulk(dryRun, await retryMany(context, request));
    },
  };
}

/** Throws `invalid` for a filter that lets everything through without saying so. */
function narrowed(
  workspace: string,
  { all, kind, name, state, outcome, queue, label }: AskedFilter & { readonly all?: boolean | undefined },
): ReturnType<typeof filterOf> {
  const asked = { kind, name, state, outcome, queue, label };
  const isNarrow = Object.values(asked).some((value) => value !== undefined);
  if (isNarrow === (all === true)) {
    const message = isNarrow
      ? "all means every job; leave it out, or leave the filter out"
      : "give a filter (kind, name, state, outcome, queue or label), or all: true for every job of the workspace";
    throw new WindlassError("invalid", message, { faults: [{ path: "all", message }] });
  }
  return filterOf(workspace, asked);
}

function presentBulk(dryRun: boolean, { matched, more, done, refused, sample }: BulkAnswer): BulkJson {
  const problems = refused.map(({ id, error }) => ({ id, problem: problemOf(error) }));
  return { dryRun, matched, more, done, refused: problems, sample: sample.map(presentJob) };
}
