/**
 * What callers may do with the jobs of one workspace: the job of another is not there for them. A job never changes its
 * workspace, so looking first and acting then is safe.
 */
import { WindlassError, type JobView } from "@windlass/kernel";
import { refusalOf, type CommandGate } from "./command-gate.ts";
import type { Jobs, Submitted } from "./jobs.ts";

/** Without what a completion token opens: that is a permission of its own, for one job, wherever it is. */
export type JobsWithin = Omit<Jobs, "complete">;

export interface Caller {
  /** What was sent with the call that asks. */
  readonly traceparent?: string | null;
  /** Asked about each job that the caller is about to make. */
  readonly gate: CommandGate;
}

export function jobsWithin(jobs: Jobs, workspace: string, { traceparent = null, gate }: Caller): JobsWithin {
  const get = async (id: string): Promise<JobView> => {
    const view = await jobs.get(id);
    if (view.record.workspace !== workspace) throw jobNotFound(id);
    return view;
  };
  return {
    get,
    async submit(request, meanwhile) {
      gate(request);
      return jobs.submit({ traceparent, ...request, workspace }, meanwhile);
    },
    async submitMany(requests) {
      const refusals = requests.map((request) => refusalOf(() => gate(request)));
      const passed = requests.filter((_, i) => refusals[i] === null);
      const answers = (await jobs.submitMany(passed.map((request) => ({ traceparent, ...request, workspace })))).values();
      return refusals.map((refusal) => refusal ?? (answers.next().value as Submitted | WindlassError));
    },
    async cancel(id, request) {
      await get(id);
      await jobs.cancel(id, request);
    },
    async retry(id, by) {
      gate((await get(id)).record);
      return jobs.retry(id, by);
    },
    async resume(id) {
      await get(id);
      await jobs.resume(id);
    },
    async signal(id, signal) {
      await get(id);
      await jobs.signal(id, signal);
    },
    async decide(id, approval) {
      await get(id);
      return jobs.decide(id, approval);
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
