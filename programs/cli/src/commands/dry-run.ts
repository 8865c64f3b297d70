/** `windlass run --dry-run`: the graph of a workflow and every field of it, rendered as far as the inputs go. Runs nothing. */
import { WindlassError, type JsonObject } from "@windlass/kernel";
import { parseWorkflow, planOf, workflowOf, type Plan, type PlannedField, type Workflow } from "@windlass/workflows";
import { connect } from "../connection/connect.ts";
import { count } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import type { Call } from "../tree/call.ts";
import type { RunOptions } from "./run.ts";
import { inputsOf } from "./workflow-source.ts";

const SHOWN_MAX = 200;

export async function dryRun(
  call: Call<RunOptions>,
  { target, source }: { readonly target: string; readonly source: string | undefined },
): Promise<void> {
  const workflow = source === undefined ? await stored(call, target) : read(source, target);
  const declared = async (): Promise<JsonObject> => (workflow.inputs ?? {}) as unknown as JsonObject;
  const input = await inputsOf({ pairs: call.options.input ?? [], json: call.options.inputJson }, declared);
  const planned = planOf(workflow, input);
  if ("faults" in planned)
    throw new WindlassError("invalid", planned.faults.map(({ message }) => message).join("; "), { faults: planned.faults });
  await present(call, planned.plan, () => textOf(planned.plan, call.terminal.style));
}

function read(source: string, file: string): Workflow {
  const parsed = parseWorkflow(source);
  if ("faults" in parsed) throw new WindlassError("invalid", `${file} is no valid workflow`, { faults: parsed.faults, details: { file } });
  return parsed.workflow;
}

async function stored(call: Call<RunOptions>, name: string): Promise<Workflow> {
  return workflowOf((await connect(call).client.workflows.get({ name })).definition);
}

function textOf({ name, inputs, steps, output }: Plan, style: Call["terminal"]["style"]): string {
  const lines = [`${name}: ${count(steps.length, "step")}. Nothing is run.`];
  for (const [input, value] of Object.entries(inputs)) lines.push(`  ${input} = ${JSON.stringify(value)}`);
  let level = 0;
  for (const step of steps) {
    if (step.level !== level) lines.push("", style("bold", step.isFinal ? "at the end" : step.level === 1 ? "first" : "then"));
    level = step.level;
    lines.push(`  ${step.name} (${step.kind})${step.needs.length === 0 ? "" : ` after ${step.needs.join(", ")}`}`);
    lines.push(...step.fields.map((field) => `    ${fieldText(field, style)}`));
  }
  if (output.length > 0) lines.push("", style("bold", "output"), ...output.map((field) => `    ${fieldText(field, style)}`));
  return `${lines.join("\n")}\n`;
}

function fieldText({ path, value, template, isKnown, fault }: PlannedField, style: Call["terminal"]["style"]): string {
  const text = JSON.stringify(value);
  const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
  if (fault !== undefined) return style("red", `${path}: ${shown} cannot be evaluated: ${fault}`);
  if (!isKnown) return `${path}: ${shown} ${style("dim", "(known when it starts)")}`;
  return `${path}: ${shown}${template === undefined ? "" : style("dim", ` from ${template}`)}`;
}
