import { expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";
import { executionOf } from "./submit-workflow.ts";
import { specOf } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: nightly}\n";
const COMMAND = "steps: [{name: a, tool: {kind: shell, script: make}}]";

function runnerOf(text: string, isolates: boolean) {
  const parsed = parseWorkflow(HEAD + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ message }) => message).join());
  const { spec, labels } = executionOf({ definition: specOf(parsed.workflow), versionId: null, input: {}, isolates });
  expect(workflowKind.validate(spec, {})).toEqual([]);
  return workflowKind.runner?.({ spec, labels }) ?? null;
}

test("what a schedule makes has a runner of its own where commands run and nobody has said otherwise", () => {
  expect(runnerOf(COMMAND, true)).toMatchObject({ workflow: "nightly", executor: null });
  expect(runnerOf(`executor: kubernetes\n${COMMAND}`, true)).toMatchObject({ executor: "kubernetes" });
  expect(runnerOf(COMMAND, false)).toBeNull();
});

test.each([
  ["isolation: shared", COMMAND],
  ["executor: process", COMMAND],
  ["a limit of one step", "steps: [{name: a, tool: {kind: shell, script: make, resources: {limits: {memory: 1Gi}}}}]"],
  ["no command", 'steps: [{name: a, tool: {kind: http, url: "http://example.org/"}}]'],
])("with %s it runs as it would by hand", (what, text) => {
  const head = what.includes(": ") ? `${what}\n` : "";
  expect(runnerOf(`${head}${text}`, true)).toBeNull();
});
