/** What a terminal shows of a job while it runs: its line, and the steps that matter now. Pure. */
import type { JobDetailJson, StepJson } from "@windlass/contract";
import { count, jobLine, stepLine } from "../output/job-lines.ts";
import type { Terminal } from "../output/terminal.ts";

/** Steps shown at once; the others are counted. */
const STEPS_MAX = 12;
const WIDTH_MAX = 40;

/** Running first, then those to come, then the newest that ended. */
const ORDER: Record<string, number> = {
  running: 0,
  stopping: 0,
  waiting: 1,
  scheduled: 2,
  queued: 3,
  failed: 4,
  expired: 4,
  cancelled: 5,
  succeeded: 6,
  skipped: 7,
};

export function progressLines(job: JobDetailJson, terminal: Terminal, now: number): string[] {
  const steps = job.steps ?? [];
  const chosen = new Set(steps.toSorted((a, b) => rank(a) - rank(b)).slice(0, STEPS_MAX));
  const shown = steps.filter((step) => chosen.has(step));
  const width = Math.min(WIDTH_MAX, Math.max(0, ...shown.map((step) => step.key.length)));
  const lines = shown.map((step) => `  ${stepLine({ ...step, name: step.key }, { style: terminal.style, now, width })}`);
  const rest = steps.length - shown.length;
  const progress =
    job.progress?.text ??
    (job.progress?.fraction === undefined || job.progress.fraction === null ? "" : `${Math.round(job.progress.fraction * 100)} %`);
  return [
    jobLine(job, terminal.style, now) + (progress === "" ? "" : terminal.style("dim", `, ${progress}`)),
    ...lines,
    ...(rest > 0 ? [terminal.style("dim", `  and ${count(rest, "more step")}`)] : []),
  ];
}

function rank(step: StepJson): number {
  return ORDER[step.state] ?? 0;
}
