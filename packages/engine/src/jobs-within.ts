/**
 * What callers may do with the jobs of one workspace: the job of another is not there for them. A job never changes its
 * workspace, so looking first and acting then is safe.
 */
import { WindlassError, type JobView } from "@windlass/kernel";
import type { Jobs } from "./jobs.ts";

/** Without what a completion token opens: that is a permission of its own, for one job, wherever it is. */
export type JobsWithin = Omit<Jobs, "complete">;

/** `traceparent`: what was sent with the call that asks. */
export function jobsWithin(jobs: Jobs, workspace: string, traceparent: string | null = null): JobsWithin {
  const get = async (id: string): Promise<JobView> => {
    const view = await jobs.get(id);
    if (view.record.workspace !== workspace) throw jobNotFound(id);
    return view;
  };
  return {
    get,
    submit: (request) => jobs.submit({ traceparent, ...request, workspace }),
    submitMany: (requests) => jobs.submitMany(requests.map((request) => ({ traceparent, ...request, workspace }))),
    async cancel(id, request) {
      await get(id);
      await jobs.cancel(id, request);
    },
    async retry(id, by) {
      await get(id);
      return jobs.retry(id, by);
    },
    async resume(id) {
      await get(id);
      await jobs.resume(id);
    },
    async remove(id) {
      await get(id);
      return jobs.remove(id);
    },
    async wait(id, timeoutMs) {
      await get(id);
      return jobs.wait(id, timeoutMs);
    },
  };
}

/** The same words for a job that is not there and for one of another workspace. */
export function jobNotFound(id: string): WindlassError {
  return new WindlassError("not_found", `there is no job ${id}`);
}
