/** One line for each change of a job and its steps, for where nothing can be rewritten in place. */
import type { JobDetailJson, StepJson } from "@windlass/contract";
import { systemClock } from "../machine/system-clock.ts";
import { jobLine, stepLine } from "../output/job-lines.ts";
import type { Style } from "../output/style.ts";

/** Returns the lines that are new since the last call. What has not begun is no news. */
export function stepChanges(style: Style): (job: JobDetailJson) => string[] {
  const told = new Map<string, string>();
  const isNews = (key: string, state: string): boolean => {
    if (told.get(key) === state) return false;
    told.set(key, state);
    return true;
  };
  return (job) => {
    const now = systemClock.now();
    const lines: string[] = [];
    if (job.finishedAt === null && isNews(job.id, job.state)) lines.push(jobLine(job, style, now));
    for (const step of job.steps ?? []) {
      if (isNews(step.id, `${step.state} ${step.attempts}`) && hasBegun(step))
        lines.push(stepLine({ ...step, name: step.key }, { style, now, width: 0 }));
    }
    return lines;
  };
}

function hasBegun(step: StepJson): boolean {
  return step.startedAt !== null || step.finishedAt !== null || step.attempts > 0;
}
