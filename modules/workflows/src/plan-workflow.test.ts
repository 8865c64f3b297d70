import { expect, test } from "vitest";
import { parseWorkflow } from "./parse-workflow.ts";
import { planOf, type Plan } from "./plan-workflow.ts";

const TEXT = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly}
inputs: {day: {type: string}, n: {type: number, default: 2}}
steps:
  - {name: last, needs: [first, other], when: "n > 1.0", tool: {kind: http, url: "https://x/{{ first.output }}/{{ day }}", json: {rows: "{{ n * 2.0 }}"}}}
  - {name: first, when: "int(day) > 1", tool: {kind: shell, script: "echo {{ day }}", env: {JOB: "{{ job.id }}"}}}
  - {name: other, foreach: "{{ [1, 2] }}", tool: {kind: shell, command: [echo, "{{ item }}", plain]}}
finally: [{name: clean, tool: {kind: noop}}]
output: {day: "{{ day }}", rows: "{{ last.body }}"}
`;

function plan(input: object): Plan {
  const parsed = parseWorkflow(TEXT);
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  const planned = planOf(parsed.workflow, input as never);
  if ("faults" in planned) throw new Error(planned.faults.map(({ message }) => message).join("; "));
  return planned.plan;
}

const fieldsOf = (name: string): unknown => plan({ day: "mo" }).steps.find((step) => step.name === name)?.fields;

test("steps stand in the order in which they can run, those at the end last", () => {
  expect(plan({ day: "mo" }).steps.map(({ name, level, isFinal }) => [name, level, isFinal])).toEqual([
    ["first", 1, false],
    ["other", 1, false],
    ["last", 2, false],
    ["clean", 3, true],
  ]);
});

test("what the inputs alone give is rendered with its type; what steps and items give stays as it is written", () => {
  expect(fieldsOf("last")).toEqual([
    { path: "when", value: true, template: "n > 1.0", isKnown: true },
    { path: "tool.url", value: "https://x/{{ first.output }}/{{ day }}", isKnown: false },
    { path: "tool.json.rows", value: 4, template: "{{ n * 2.0 }}", isKnown: true },
  ]);
  expect(fieldsOf("other")).toEqual([
    { path: "foreach", value: [1, 2], template: "{{ [1, 2] }}", isKnown: true },
    { path: "tool.command[0]", value: "echo", isKnown: true },
    { path: "tool.command[1]", value: "{{ item }}", isKnown: false },
    { path: "tool.command[2]", value: "plain", isKnown: true },
  ]);
  expect(fieldsOf("first")).toEqual([
    { path: "when", value: "int(day) > 1", isKnown: true, fault: expect.any(String) as string },
    { path: "tool.script", value: "echo mo", template: "echo {{ day }}", isKnown: true },
    { path: "tool.env.JOB", value: "{{ job.id }}", isKnown: false },
  ]);
  expect(plan({ day: "mo" }).output.map(({ isKnown }) => isKnown)).toEqual([true, false]);
});

test("inputs are checked as a run checks them", () => {
  expect(() => plan({ dya: 1 })).toThrow('there is no input "dya"; did you mean day?; the input day (string) is missing');
});
