/** Reads `finally`: the steps that run at the end of an execution, however it ends. */
import type { Json } from "@windlass/kernel";
import type { Fields } from "./fields.ts";
import { shown, type Finding } from "./finding.ts";
import { findGraphFaults, type StepPath } from "./graph.ts";
import { readStep } from "./read-step.ts";
import { FINALLY_SECONDS_MAX, FINALLY_STEP_SECONDS, type Workflow } from "./workflow.ts";

/** The most steps at the end: they clean up. */
const FINALLY_MAX = 100;

export function readFinally(fields: Fields, findings: Finding[]): Workflow["finally"] {
  const list = fields.list("finally");
  if (list === undefined || list.length === 0) return undefined;
  if (list.length > FINALLY_MAX) fields.fault("finally", `${list.length} steps; ${FINALLY_MAX} are allowed`);
  return list
    .slice(0, FINALLY_MAX)
    .map((value: Json, index) => readStep({ value, path: [...fields.pathOf("finally"), index], findings }))
    .map((step) => ({ ...step, timeoutSeconds: step.timeoutSeconds ?? FINALLY_STEP_SECONDS }));
}

/** Names are those of one file; a step at the end waits for nobody outside, and has a limit that a cancel can wait for. */
export function finallyFaults({ steps, finally: last = [] }: Workflow, path: StepPath): readonly Finding[] {
  const names = new Set(steps.map(({ name }) => name));
  const own = last.flatMap(({ name, tool, timeoutSeconds = 0, handles }, index): Finding[] => [
    ...(name !== "" && names.has(name)
      ? [{ path: path(index, "name"), message: `${shown(name)} is the name of another step already` }]
      : []),
    ...(tool.kind === "wait" && (tool.signal !== undefined || tool.approval !== undefined)
      ? [{ path: path(index, "tool"), message: "a step of finally waits for nobody: an execution that is cancelled would not end" }]
      : []),
    ...(timeoutSeconds > FINALLY_SECONDS_MAX
      ? [{ path: path(index), message: `a step of finally may take ${FINALLY_SECONDS_MAX} s at most: whoever cancels waits for it` }]
      : []),
    ...(handles === undefined ? [] : [{ path: path(index, "handles"), message: "a step of finally makes no failure good" }]),
  ]);
  return [...own, ...findGraphFaults(last, path)];
}
