import { workflowScope, type JsonObject } from "@windlass/kernel";
import { expect, test } from "vitest";
import { play } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { readReference } from "./pins.ts";
import { executionOf, type StoredVersion } from "./submit-workflow.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const head = (name: string): string => `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: ${name}}\n`;

function workflow(name: string, text: string): Workflow {
  const parsed = parseWorkflow(head(name) + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

const stored = (version: number, name: string, text: string): StoredVersion => ({
  id: `wfv_${name}_${version}`,
  version,
  body: specOf(workflow(name, text)),
});

const CHILD = `
inputs: {day: {type: string}, n: {type: integer, default: 2}}
timeout_seconds: 100
queue: slow
steps: [{name: work, tool: {kind: shell, script: "echo {{ day }} {{ n }}"}}]
output: {day: "{{ day }}"}
`;
const PARENT = `
inputs: {day: {type: string, default: monday}}
steps:
  - {name: child, timeout_seconds: 30, tool: {kind: workflow, name: child, version: 3, inputs: {day: "{{ day }}"}}}
  - {name: each, foreach: [1, 2], tool: {kind: workflow, name: child@3, inputs: {day: x, n: "{{ item }}"}}}
  - {name: after, needs: [child], tool: {kind: shell, script: "echo {{ child.output.day }}"}}
output: {days: "{{ each.output }}"}
`;
const PINS = new Map([["child@3", stored(3, "child", CHILD)]]);

const execution = (text: string, pinned = PINS): JsonObject =>
  executionOf({ definition: specOf(workflow("parent", text)), versionId: null, input: {}, pinned }).spec;

test.each([
  ["report", { name: "report" }],
  ["report@latest", { name: "report" }],
  ["report@12", { name: "report", version: 12 }],
  ["report@0", undefined],
  ["Report", undefined],
  ["report@", undefined],
])("%s means %j", (text, meaning) => {
  expect(readReference(text)).toEqual(meaning);
});

test("who is asked for to carry out containers does so for all of them: those at the end, and of the workflows that it runs", () => {
  const box = '{kind: container, image: x, command: ["true"]}';
  const child = stored(3, "child", `executor: docker\nsteps: [{name: work, tool: ${box}}]\n`);
  const text = `
steps:
  - {name: call, tool: {kind: workflow, name: child@3}}
  - {name: own, executor: docker, tool: ${box}}
finally: [{name: last, executor: docker, tool: ${box}}]
`;
  const given = { definition: specOf(workflow("parent", text)), versionId: null, input: {}, pinned: new Map([["child@3", child]]) };
  expect(workflowKind.executors?.(executionOf({ ...given, executor: "kubernetes" }).spec)).toEqual(["kubernetes"]);
  expect(workflowKind.executors?.(executionOf({ ...given, usualExecutor: "kubernetes" }).spec)).toEqual(["docker"]);
});

test("a step runs a workflow as an execution below its own, with that one's inputs, limits and version", () => {
  const played = play({ spec: execution(PARENT), input: { day: "monday" } });
  expect(played.result).toMatchObject({ outcome: "succeeded", output: { days: [{ day: "x" }, { day: "x" }] } });
  const [child] = played.children.get("child") ?? [];
  expect(child).toMatchObject({
    kind: "workflow",
    name: "child",
    executor: "none",
    input: { day: "monday", n: 2 },
    timeoutMs: 30_000,
    queue: "slow",
    labels: { "windlass.dev/definition": "wfv_child_3" },
  });
  expect(child?.spec["pinned"]).toBeUndefined();
  expect(new Set(played.leaves.map(({ spec }) => spec["script"]))).toEqual(
    new Set(["echo monday", "echo monday 2", "echo x 1", "echo x 2"]),
  );
});

test("what is wrong between workflows is said when an execution is submitted, all at once", () => {
  const text = `steps:
  - {name: a, tool: {kind: workflow, name: child@3, inputs: {dya: x}}}
  - {name: b, tool: {kind: workflow, name: other}}`;
  expect(() => execution(text)).toThrow(
    expect.objectContaining({
      faults: [
        { path: "steps[0].tool.inputs", message: 'child@3: there is no input "dya"; did you mean day?' },
        { path: "steps[0].tool.inputs", message: "child@3: the input day (string) is missing" },
        { path: "steps[1].tool.name", message: "the version of other is not pinned: run it by workflows.run" },
      ],
    }) as Error,
  );
  const [fault] = workflowKind.validate(specOf(workflow("parent", text)), {});
  expect(fault?.path).toBe("spec.steps[0].tool.name");
});

test("inputs of the wrong type fail the step and not the execution's decision", () => {
  const played = play({
    spec: execution(`steps: [{name: a, tool: {kind: workflow, name: child@3, inputs: "{{ {'day': 1} }}"}}]`),
    input: {},
  });
  expect(played.steps.get("a")).toMatchObject({ outcome: "failed_config", reason: "input_invalid", message: "expected text, found 1" });
});

test("one that runs itself ends where trees would become too deep", () => {
  const text = "steps: [{name: again, tool: {kind: workflow, name: loop}}]";
  const pinned = new Map([["loop", stored(1, "loop", text)]]);
  const played = play({
    spec: executionOf({ definition: specOf(workflow("loop", text)), versionId: null, input: {}, pinned }).spec,
    input: {},
  });
  expect(played.result.outcome).toBe("failed");
  expect(played.ends.find(({ reason }) => reason === "too_deep")).toMatchObject({ outcome: "failed_config" });
  expect(played.made.length).toBe(13);
});

test("an execution names the executors of the workflows that it runs", () => {
  expect(workflowKind.executors?.(execution("steps: [{name: a, tool: {kind: workflow, name: child@3, inputs: {day: x}}}]"))).toEqual([
    "process",
  ]);
});

test("aliases that a pinned workflow writes as they are count as used, and are looked for in its scope, too; templates do not", () => {
  const child = stored(
    3,
    "child",
    'steps: [{name: a, tool: {kind: shell, script: "true", env: {KEY: {valueFrom: db}, OTHER: {valueFrom: "{{ job.name }}"}}}}]',
  );
  const spec = execution("steps: [{name: child, tool: {kind: workflow, name: child@3}}]", new Map([["child@3", child]]));
  expect(workflowKind.aliases?.(spec, {})).toEqual([
    { path: 'pinned["child@3"].steps[0].tool.env.KEY', alias: "db", within: [workflowScope("child")] },
  ]);
});
