/** What an execution may start is known before it is there. */
import type { JsonObject } from "@windlass/kernel";
import { expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";
import { stepKind } from "./step-kind.ts";
import { workflowKind } from "./workflow-kind.ts";
import { specOf } from "./workflow.ts";

const executorsOf = (steps: string): readonly string[] | undefined => {
  const read = parseWorkflow(`apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata:\n  name: w\nsteps:\n${steps}`);
  if ("faults" in read) throw new Error(JSON.stringify(read.faults));
  return workflowKind.executors?.(specOf(read.workflow));
};
const step = (name: string, tool: string, more = ""): string => `  - name: ${name}\n${more}    tool: {${tool}}\n`;

test("a workflow names the executors of all its steps, also of those in a loop", () => {
  expect(executorsOf(step("a", "kind: handler, handler: h") + step("b", "kind: noop"))).toEqual(["handler", "none"]);
  const loop = step("b", 'kind: shell, script: "true"', '    foreach: "{{ [1] }}"\n');
  expect(executorsOf(step("a", "kind: noop") + loop)).toEqual(["none", "process"]);
});

test("a loop that somebody submits by itself names the executor of its tool; what is no tool comes to nothing", () => {
  const of = (spec: JsonObject): readonly string[] | undefined => stepKind.executors?.(spec);
  expect(of({ type: "loop", step: { tool: { kind: "shell", script: "true" } }, scope: {} })).toEqual(["process"]);
  for (const tool of [{ kind: "constructor" }, { kind: 1 }, null, "shell"])
    expect(of({ type: "loop", step: { tool }, scope: {} })).toEqual([]);
  expect(of({ type: "noop" })).toEqual([]);
});
