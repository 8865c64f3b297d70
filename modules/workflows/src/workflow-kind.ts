/** Jobs of kind `workflow`: executions. */
import type { JobKind } from "@windlass/engine";
import type { ExecutorName, Fault, Json, JsonObject } from "@windlass/kernel";
import { advanceWorkflow } from "./advance.ts";
import { checkDefinition, type ParsedWorkflow } from "./parse-workflow.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { executorsOf } from "./tool-child.ts";
import { specOf } from "./workflow.ts";

export const workflowKind: JobKind = { kind: "workflow", validate, executors, advance: advanceWorkflow };

/** Definitions that were checked last: one that is run again and again is checked once. */
const CHECKED_MAX = 16;
const checked = new Map<string, ParsedWorkflow>();

function validate(spec: JsonObject, input: Json): readonly Fault[] {
  const parsed = checkOnce(spec);
  if ("faults" in parsed) return parsed.faults.map(({ path, message }) => ({ path: path === "" ? "spec" : `spec.${path}`, message }));
  const resolved = resolveInputs(parsed.workflow, input);
  return "faults" in resolved ? resolved.faults : [];
}

/** Of one with faults none: it is refused, and has no children. */
function executors(spec: JsonObject): readonly ExecutorName[] {
  const parsed = checkOnce(spec);
  const steps = "faults" in parsed ? [] : (specOf(parsed.workflow)["steps"] as readonly JsonObject[]);
  return [...new Set(steps.flatMap(({ tool }) => executorsOf(tool)))];
}

function checkOnce(spec: JsonObject): ParsedWorkflow {
  const text = JSON.stringify(spec);
  const known = checked.get(text);
  if (known !== undefined) return known;
  const parsed = checkDefinition(spec);
  const [oldest] = checked.size >= CHECKED_MAX ? checked.keys() : [];
  if (oldest !== undefined) checked.delete(oldest);
  checked.set(text, parsed);
  return parsed;
}
