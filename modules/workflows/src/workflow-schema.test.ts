import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { parseWorkflow } from "./parse-workflow.ts";
import { workflowSchema } from "./workflow-schema.ts";

const validate = new Ajv({ allErrors: true, allowUnionTypes: true, strict: true, strictTypes: false, strictRequired: false }).compile(
  workflowSchema(),
);
const examples = join(import.meta.dirname, "..", "..", "..", "examples");

test.each(readdirSync(examples).filter((file) => /\.ya?ml$/u.test(file)))("the example %s is valid", (file) => {
  validate(parse(readFileSync(join(examples, file), "utf8")));
  expect(validate.errors).toBeNull();
});

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: a}\n";
const fileOf = (text: string): string => `${HEAD}${text}`;

test.each([
  [
    "every key of a step",
    "steps: [{name: a, needs: [], when: true, tool: {kind: noop}, foreach: [1], max_parallel: 2, fail_fast: true, timeout_seconds: 1}]",
  ],
  ["keys in camelCase", "timeoutSeconds: 5\nsteps: [{name: a, tool: {kind: noop}, foreach: [1], maxParallel: 2}]"],
  [
    "every tool",
    "steps: [{name: a, tool: {kind: shell, command: [ls]}}, {name: b, tool: {kind: handler, name: x}}, {name: c, tool: {kind: wait, for: 1h30m}}, {name: d, executor: docker, tool: {kind: container, image: x, env: {A: b}, resources: {limits: {cpu: 2, memory: 1Gi}}, volumes: [{mount_path: /a, empty_dir: {}}], node_selector: {a: b}}}]",
  ],
  ["inputs", "inputs: {a: , b: {type: integer, default: 1}}\nsteps: [{name: a, tool: {kind: noop}}]"],
  ["variables as a list", "steps: [{name: a, tool: {kind: shell, script: ls, env: [{name: A, value: b}]}}]"],
  ["retry", "retry: {limit: 2, on: [failed_oom], backoff: {initial: 1s, max: 60}}\nsteps: [{name: a, tool: {kind: noop}}]"],
])("what the reader takes is valid: %s", (_name, text) => {
  expect(parseWorkflow(fileOf(text))).toHaveProperty("workflow");
  validate(parse(fileOf(text)));
  expect(validate.errors).toBeNull();
});

test.each([
  ["no steps", "steps: []"],
  ["an unknown key", "stepz: []\nsteps: [{name: a, tool: {kind: noop}}]"],
  ["an unknown tool", "steps: [{name: a, tool: {kind: shel}}]"],
  ["a key of another tool", "steps: [{name: a, tool: {kind: noop, script: ls}}]"],
  ["no name", "steps: [{tool: {kind: noop}}]"],
  ["an outcome that cannot be retried", "retry: {limit: 1, on: [succeeded]}\nsteps: [{name: a, tool: {kind: noop}}]"],
  ["a wrong duration", "steps: [{name: a, tool: {kind: wait, for: soon}}]"],
  ["a wrong type of input", "inputs: {a: {type: text}}\nsteps: [{name: a, tool: {kind: noop}}]"],
  ["a priority beyond all", "priority: 5000\nsteps: [{name: a, tool: {kind: noop}}]"],
  ["a key that is not supported yet", "images: []\nsteps: [{name: a, tool: {kind: noop}}]"],
])("what the reader refuses is not valid: %s", (_name, text) => {
  expect(parseWorkflow(fileOf(text))).not.toHaveProperty("workflow");
  expect(validate(parse(fileOf(text)))).toBe(false);
});
