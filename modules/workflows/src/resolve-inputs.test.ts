import { expect, test } from "vitest";
import { LABELS_MAX, type Json } from "@windlass/kernel";
import { parseWorkflow } from "./parse-workflow.ts";
import { coerceInput, resolveInputs } from "./resolve-inputs.ts";
import { workflowKind } from "./workflow-kind.ts";
import { contentOf, executionOf } from "./submit-workflow.ts";
import { specOf, type Workflow } from "./workflow.ts";

const workflow: Workflow = {
  apiVersion: "windlass.dev/v1",
  kind: "Workflow",
  metadata: { name: "w", labels: { team: "data" } },
  inputs: {
    day: { type: "string", default: "today" },
    count: { type: "integer" },
    mode: { type: "string", enum: ["fast", "slow"], default: "fast" },
    note: { type: "object", required: false },
  },
  timeoutSeconds: 60,
  concurrency: { key: "{{ day }}-{{ count }}", limit: 2 },
  steps: [{ name: "a", tool: { kind: "noop" } }],
};

test("defaults are filled in, and what is optional is null", () => {
  expect(resolveInputs(workflow, { count: 3 })).toEqual({ inputs: { day: "today", count: 3, mode: "fast", note: null } });
});

test("all that is wrong with inputs is told at once", () => {
  const resolved = resolveInputs(workflow, { day: 3, cuont: 1, mode: "fats", toString: 1 });
  expect("faults" in resolved && resolved.faults.map(({ path, message }) => `${path}: ${message}`)).toEqual([
    'input.cuont: there is no input "cuont"; did you mean count?',
    'input.toString: there is no input "toString"; its inputs: day, count, mode, note',
    "input.day: expected text, found 3",
    "input.count: the input count (integer) is missing",
    'input.mode: expected one of fast, slow, found "fats"; did you mean fast?',
  ]);
});

test("of inputs that are not known a hundred are told, each with all that there are, and how many more there are", () => {
  const given = Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`input-${n}`, 1]));
  const resolved = resolveInputs(workflow, { ...given, count: 3 });
  if (!("faults" in resolved)) throw new Error("it was taken");
  expect(resolved.faults).toHaveLength(101);
  expect(resolved.faults.at(-1)).toEqual({ path: "input", message: "99900 more inputs that are not known are not listed" });
});

test.each<[Parameters<typeof coerceInput>[0], string, Json]>([
  ["string", "3", "3"],
  ["string", "true", "true"],
  ["integer", "3", 3],
  ["integer", "3.5", 3.5],
  ["integer", "three", "three"],
  ["number", "1e3", 1000],
  ["number", "", ""],
  ["number", "Infinity", "Infinity"],
  ["boolean", "false", false],
  ["boolean", "yes", "yes"],
  ["array", "[1, 2]", [1, 2]],
  ["object", '{"a": 1}', { a: 1 }],
  ["object", "{a: 1}", "{a: 1}"],
])("on a command line an input of type %s given as %j is %j", (type, text, value) => {
  expect(coerceInput(type, text)).toEqual(value);
});

test("an execution has its inputs, limits, labels and rendered key", () => {
  expect(executionOf({ definition: specOf(workflow), versionId: "wfv_1", input: { count: 3 } })).toMatchObject({
    kind: "workflow",
    name: "w",
    executor: "none",
    input: { day: "today", count: 3, mode: "fast", note: null },
    timeoutMs: 60_000,
    concurrency: { key: "today-3", limit: 2 },
    labels: { team: "data", "windlass.dev/definition": "wfv_1" },
    retry: { limit: 0 },
  });
});

test("a workflow with as many labels as its file may have can be run: its stored version is one more", () => {
  const text = (count: number): string =>
    JSON.stringify({
      apiVersion: "windlass.dev/v1",
      kind: "Workflow",
      metadata: { name: "w", labels: Object.fromEntries(Array.from({ length: count }, (_, n) => [`label-${n}`, "x"])) },
      steps: [{ name: "a", tool: { kind: "noop" } }],
    });
  const parsed = parseWorkflow(text(LABELS_MAX - 1));
  if ("faults" in parsed) throw new Error("it was refused");
  const { labels } = executionOf({ definition: specOf(parsed.workflow), versionId: "wfv_1", input: {} });
  expect(Object.keys(labels)).toHaveLength(LABELS_MAX);
  expect(parseWorkflow(text(LABELS_MAX))).toMatchObject({ faults: [{ path: "metadata.labels", message: "64 labels; 63 are allowed" }] });
});

test("what an execution was given is told by its specification: with its defaults it is its input, and nothing where it takes no such input", () => {
  const { spec, input } = executionOf({ definition: specOf(workflow), versionId: "wfv_1", input: { count: 3 } });
  expect(workflowKind.inputs?.(spec, { count: 3 })).toEqual(input);
  expect(workflowKind.inputs?.(spec, { count: 3, mode: "fast" })).toEqual(input);
  expect(workflowKind.inputs?.(spec, { count: 4 })).not.toEqual(input);
  expect(workflowKind.inputs?.(spec, { count: "three" })).toBeNull();
});

test("wrong inputs are refused with every fault", () => {
  expect(() => executionOf({ definition: specOf(workflow), versionId: null, input: { day: 1 } })).toThrow(
    expect.objectContaining({ code: "invalid", faults: [expect.anything(), expect.anything()] }) as Error,
  );
});

test("the same workflow has the same content however its keys are ordered", () => {
  const turned = Object.fromEntries(Object.entries(workflow).toReversed()) as unknown as Workflow;
  expect(contentOf(turned)).toBe(contentOf(workflow));
  expect(contentOf({ ...workflow, timeoutSeconds: 61 })).not.toBe(contentOf(workflow));
});
