/** How jobs and their steps are told to people. Pure. */
import { formatDuration } from "@windlass/kernel";
import type { JobDetailJson, JobJson, StepJson } from "@windlass/contract";
import { printable, styleOfState, type Style } from "./style.ts";
import type { Column } from "./table.ts";

type Told = Pick<JobJson, "name" | "state" | "message" | "exitCode" | "attempts" | "startedAt" | "finishedAt">;

/** `✓ greet  0.2s`, and what went wrong. */
export function stepLine(
  step: Told,
  { style, now, width }: { readonly style: Style; readonly now: number; readonly width: number },
): string {
  const { colour, sign } = styleOfState(step.state);
  return `${style(colour, sign)} ${printable(step.name).padEnd(width)}  ${stateText(step, style, now)}`.trimEnd();
}

/** The state with what matters about it. */
function stateText(step: Told, style: Style, now: number): string {
  const took = tookOf(step, now);
  const tries = step.attempts > 1 ? `${step.attempts} attempts` : "";
  switch (step.state) {
    case "succeeded":
      return joined(style("dim", took), style("dim", tries));
    case "failed":
    case "expired":
    case "cancelled":
      return joined(style(styleOfState(step.state).colour, step.state), printable(step.message ?? ""), style("dim", joined(tries, took)));
    case "skipped":
      return style("dim", joined("skipped", printable(step.message ?? "")));
    case "running":
      return joined("running", style("dim", joined(took, step.attempts > 1 ? `attempt ${step.attempts}` : "")));
    case "scheduled":
      return step.attempts > 0
        ? joined(style("yellow", "waits for its next attempt"), style("dim", `after ${count(step.attempts, "attempt")}`))
        : style("dim", "scheduled");
    default:
      return style("dim", step.state);
  }
}

/** The line that says how a job ended, or where it stands. */
export function jobLine(job: Told & Pick<JobJson, "id">, style: Style, now: number): string {
  const { colour, sign } = styleOfState(job.state);
  const took = tookOf(job, now);
  const how =
    took === ""
      ? job.state
      : job.finishedAt === null
        ? `${job.state}, ${took}`
        : `${job.state} ${job.state === "succeeded" ? "in" : "after"} ${took}`;
  const why = job.message === null || job.state === "succeeded" ? "" : `: ${printable(job.message)}`;
  return `${style(colour, sign)} ${style("bold", printable(job.name))} ${style("dim", job.id)} ${style(colour, how)}${why}`;
}

export function stepsBlock(steps: readonly StepJson[], style: Style, now: number): string {
  const width = Math.min(40, Math.max(0, ...steps.map((step) => step.key.length)));
  return steps.map((step) => `  ${stepLine({ ...step, name: step.key }, { style, now, width })}\n`).join("");
}

/** What is printed when a job that was waited for has ended. */
export function endOf(job: JobDetailJson, style: Style, now: number): string {
  const output = job.output === null ? "" : `${style("dim", "output:")} ${outputText(job, style)}\n`;
  const more = job.state === "failed" || job.state === "expired" ? style("dim", `why: windlass explain ${job.id}`) + "\n" : "";
  return `${jobLine(job, style, now)}\n${stepsBlock(job.steps ?? [], style, now)}${output}${more}`;
}

/** Lines of an output that are shown unasked. */
const OUTPUT_LINES_MAX = 20;

function outputText({ id, output }: JobDetailJson, style: Style): string {
  const lines = JSON.stringify(output, null, 2).split("\n");
  if (lines.length <= OUTPUT_LINES_MAX) return lines.join("\n");
  return `${lines.slice(0, OUTPUT_LINES_MAX).join("\n")}\n${style("dim", `… and ${lines.length - OUTPUT_LINES_MAX} more lines: windlass jobs get ${id} --json`)}`;
}

export function jobColumns(now: number): readonly Column<JobJson>[] {
  return [
    { title: "ID", value: (job) => job.id },
    { title: "KIND", value: (job) => job.kind },
    { title: "NAME", value: (job) => job.name, elastic: true },
    { title: "STATE", value: (job) => job.state, colour: (job) => styleOfState(job.state).colour },
    { title: "OUTCOME", value: (job) => job.outcome ?? "", wide: true },
    { title: "REASON", value: (job) => job.reason ?? "", wide: true },
    { title: "EXIT", value: (job) => String(job.exitCode ?? ""), wide: true },
    { title: "ATTEMPTS", value: (job) => String(job.attempts), wide: true },
    { title: "QUEUE", value: (job) => job.queue, wide: true },
    { title: "TOOK", value: (job) => tookOf(job, now) },
    timeColumn("CREATED", (job) => job.createdAt, now),
    { title: "MESSAGE", value: (job) => (job.state === "succeeded" ? "" : (job.message ?? "")), elastic: true },
  ];
}

/** How long ago it was, or, where there is room, when. */
export function timeColumn<Row>(title: string, of: (row: Row) => string | null, now: number): Column<Row> {
  return { title, value: (row, wide) => (wide ? (of(row) ?? "") : agoOf(of(row), now)) };
}

/** `3m 20s ago` */
export function agoOf(at: string | null, now: number): string {
  return at === null ? "" : `${formatDuration(Math.max(0, now - Date.parse(at)))} ago`;
}

export function tookOf(job: Pick<JobJson, "startedAt" | "finishedAt">, now: number): string {
  if (job.startedAt === null) return "";
  return formatDuration(Math.max(0, (job.finishedAt === null ? now : Date.parse(job.finishedAt)) - Date.parse(job.startedAt)));
}

export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? "" : "s"}`;
}

function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}
