import { expect, test } from "vitest";
import type { Json } from "@windlass/kernel";
import { checkDefinition, parseWorkflow } from "./parse-workflow.ts";
import { specOf } from "./workflow.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: nightly}\n";

function faultsOf(text: string): string[] {
  const parsed = parseWorkflow(text);
  return "faults" in parsed ? parsed.faults.map(({ path, message, line, column }) => `${line}:${column} ${path}: ${message}`) : [];
}

function workflowOf(text: string) {
  const parsed = parseWorkflow(text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

const full = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly-report, labels: {team: data}}
inputs:
  day: {type: string, default: "2026-01-31"}
  parts: {type: array, default: [1, 2]}
timeout_seconds: 7200
concurrency: {key: "{{ day }}", limit: 1, on_conflict: queue}
retry: {limit: 2, on: [failed], backoff: {initial: 1s, max: 1m}}
steps:
  - name: extract
    tool: {kind: shell, command: [sh, -c, "echo {{ inputs.day }}"], env: [{name: MODE, value: batch}], output: json, timeout_seconds: 60, resources: {limits: {memory: 64Mi}}}
  - name: check-db
    tool: {kind: shell, script: "true", env: {PORT: 8080}}
  - name: each
    needs: [extract, check-db]
    when: succeeded(extract) && steps['check-db'].outcome == 'succeeded'
    foreach: "{{ parts }}"
    maxParallel: 2
    fail_fast: true
    tool: {kind: handler, name: work, queue: heavy, input: {item: "{{ item }}", at: "{{ index + 1 }}", text: "2"}}
  - name: pause
    needs: [each]
    tool: {kind: wait, for: 1m30s}
  - {name: end, needs: [pause], tool: {kind: noop}}
output: {rows: "{{ extract.output.rows }}", each: "{{ each.output }}"}
`;

test("a whole file is read, its keys in either spelling", () => {
  const workflow = workflowOf(full);
  expect(workflow.timeoutSeconds).toBe(7200);
  expect(workflow.steps[0]).toMatchObject({ timeoutSeconds: 60, tool: { kind: "shell", env: { MODE: "batch" }, output: "json" } });
  expect(workflow.steps[1]?.tool).toMatchObject({ env: { PORT: "8080" } });
  expect(workflow.steps[2]).toMatchObject({
    maxParallel: 2,
    failFast: true,
    queue: "heavy",
    tool: { handler: "work", input: { text: "2" } },
  });
});

test("reading what was read gives the same again", () => {
  const workflow = workflowOf(full);
  expect(checkDefinition(specOf(workflow))).toEqual({ workflow });
  expect(checkDefinition(JSON.parse(JSON.stringify(workflow)))).toEqual({ workflow });
});

test("literals are never given another type", () => {
  const workflow = workflowOf(
    `${head}steps:\n  - {name: a, tool: {kind: handler, handler: h, input: {a: "2", b: 2, c: "true", d: 2026-01-31, e: yes, f: 1.0}}}\n`,
  );
  expect(workflow.steps[0]?.tool).toMatchObject({ input: { a: "2", b: 2, c: "true", d: "2026-01-31", e: "yes", f: 1 } });
});

test("all faults are told at once, each with line and column", () => {
  const faults = faultsOf(`apiVersion: windlass.dev/v2
kind: Workflow
metadata: {name: Nightly}
inputs:
  day: {type: strng, default: 3}
  n: {type: integer, default: "3"}
timeout_second: 60
steps:
  - name: a
    needs: [b, c]
    tool: {kind: shell, comand: x}
  - name: b
    needs: [a]
    when: a.outcome == 'failed_om'
    tool: {kind: operation, image: x}
  - name: b
    needs: [b]
    tool: {kind: wait, for: soon}
`);
  expect(faults).toEqual([
    '1:13 apiVersion: expected windlass.dev/v1, found "windlass.dev/v2"',
    expect.stringMatching(/^3:18 metadata\.name: "Nightly" is no name of a workflow/u),
    '5:15 inputs.day.type: expected one of string, integer, number, boolean, array, object, found "strng"; did you mean string?',
    "5:31 inputs.day.default: expected text, found 3",
    '6:31 inputs.n.default: expected a whole number, found "3"',
    '7:1 timeout_second: unknown key "timeout_second"; did you mean timeout_seconds?',
    '10:16 steps[0].needs[1]: no step is called "c"',
    "11:11 steps[0].tool: command is missing: a program with its arguments as a list, or a script as text",
    '11:25 steps[0].tool.comand: unknown key "comand"; did you mean command?',
    "14:24 steps[1].when: there is no outcome 'failed_om'; did you mean failed_oom?",
    expect.stringMatching(/^15:18 steps\[1\]\.tool\.kind: operation is not supported yet/u),
    '16:11 steps[2].name: "b" is the name of steps[1] already',
    '17:13 steps[2].needs[0]: "b" needs itself',
    expect.stringMatching(/^18:29 steps\[2\]\.tool\.for: expected a duration/u),
  ]);
});

test("a cycle is named step by step", () => {
  const step = (name: string, need: string) => `  - {name: ${name}, needs: [${need}], tool: {kind: noop}}\n`;
  expect(faultsOf(`${head}steps:\n  - {name: z, tool: {kind: noop}}\n${step("a", "c")}${step("b", "a")}${step("c", "b")}`)).toEqual([
    "6:22 steps[1].needs: these steps wait for each other: a needs c needs b needs a",
  ]);
});

test.each([
  ["when: b.outcome == 'failed'", "b may not have finished by then: add it to needs", "7:11"],
  ["when: extrakt.outcome == 'failed'", "nothing is called extrakt here; did you mean extract?", "7:11"],
  ["when: failed(extract) && check-db.outcome == 'failed'", "check-db is read as a calculation; write steps['check-db']", "7:30"],
  ["when: steps['chek-db'].outcome == 'failed'", "no step is called chek-db; did you mean check-db?", "7:11"],
  ["when: steps[inputs.day].outcome == 'failed'", "steps is followed by the name of one step in quotes: steps['extract']", "7:11"],
  ["when: 1 + 'a' == 2", "+ cannot be used with int and string", "7:11"],
  ["when: inputs.dya == ''", "there is no input called dya; did you mean day?", "7:11"],
  ["when: day", "a condition is true or false; this is a value of type string", "7:11"],
  ["when: day + ", "not a valid expression", "7:"],
  ["when: suceeded(extract)", "there is no function suceeded; did you mean succeeded?", "7:11"],
  ["when: succeeded('extract')", "succeeded(…) takes a step, not a value of type string: succeeded(extract)", "7:11"],
  ["when: item > 1", "item means something only in the tool of a step with foreach", "7:11"],
  ["when: secrets.x == ''", "secrets are never read by expressions", "7:11"],
  ["when: loop.outcome == ''", "loop is a reserved word of the expression language; reach a step of that name by steps['loop']", "7:11"],
  ["when: '{{ succeeded(extract) }}'", "a condition is a bare expression; leave the {{ }} out", "7:11"],
])("%s is refused: %s", (line, message, place) => {
  const faults = faultsOf(`${head}inputs: {day: {type: string}}
steps:
  - name: a
    ${line}
    needs: [extract, check-db]
    tool: {kind: noop}
  - {name: extract, tool: {kind: noop}}
  - {name: check-db, tool: {kind: noop}}
  - {name: b, tool: {kind: noop}}
`);
  expect(faults.join("\n")).toContain(message);
  expect(faults[0]).toMatch(new RegExp(`^${place}`, "u"));
});

test("an expression inside a block of text is pointed at where it stands", () => {
  const faults = faultsOf(`${head}steps:
  - name: a
    tool:
      kind: shell
      script: |
        echo start
        echo {{ job.id }} {{ job.nam }}
        echo {{ nothing }}
`);
  expect(faults).toEqual([
    "10:30 steps[0].tool.script: there is no field of job called nam; did you mean name?",
    "11:17 steps[0].tool.script: nothing is called nothing here",
  ]);
});

test.each([
  ["images: []", "images is not supported yet"],
  ["isolation: jobs", "expected one of shared, job"],
])("%s is of a later version and refused as such", (line, message) => {
  expect(faultsOf(`${head}${line}\nsteps: [{name: a, tool: {kind: noop}}]\n`).join("\n")).toContain(message);
});

test.each([
  ["a: 1\na: 2\n", '2:1 a: the key "a" is given twice'],
  ["a: 1\n---\nb: 2\n", "a second document begins here; a file is one workflow"],
  ["a: &x [*x]\n", "nested more than"],
  ["__proto__: {a: 1}\n", "the key __proto__ is not allowed"],
  ["a: !custom x\n", "not valid YAML"],
  ["a: !!binary aGk=\n", "only text, numbers"],
  ["a: .inf\n", "a number must be finite"],
  ["a: 12345678901234567890\n", "too large to be kept exactly"],
  ["? [a]\n: b\n", "not valid YAML"],
  ["", "expected an object"],
  ["- 1\n", "expected an object"],
])("%j is refused", (text, message) => {
  expect(faultsOf(text).join("\n").toLowerCase()).toContain(message.toLowerCase());
});

test("aliases cannot blow a small file up", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ")}]`);
  expect(faultsOf(lines.join("\n")).join("\n")).toContain("counting what aliases repeat");
}, 30_000);

test("an alias stands for what was marked last before it", () => {
  const workflow = workflowOf(`${head}steps:\n  - {name: a, tool: {kind: handler, handler: h, input: [&x 1, *x, &x 2, *x]}}\n`);
  expect(workflow.steps[0]?.tool).toMatchObject({ input: [1, 1, 2, 2] });
  expect(faultsOf("a: *x\nb: &x 1\n").join()).toContain("1:4 a: nothing before it is marked &x");
});

test("a graph of ten thousand steps is checked within the time that a test has", () => {
  const steps = Array.from(
    { length: 10_000 },
    (_, i) =>
      `  - {name: s${i}, ${i === 0 ? "" : `needs: [s${i - 1}${i > 50 ? `, s${i - 50}` : ""}], when: finished(s${i - 1}), `}tool: {kind: noop}}`,
  );
  // Minutes, were each step compared with all others.
  expect(faultsOf(`${head}steps:\n${steps.join("\n")}\n`)).toEqual([]);
}, 60_000);

test("data that come as JSON are held to the same shape as a file", () => {
  let deep: Json = 1;
  for (let i = 0; i < 50_000; i++) deep = [deep];
  expect(checkDefinition({ output: deep })).toMatchObject({ faults: [{ message: "nested more than 50 deep" }] });
  expect(checkDefinition(JSON.parse('{"inputs": {"__proto__": {"type": "string"}}}'))).toMatchObject({
    faults: [{ path: "inputs.__proto__", message: "the key __proto__ is not allowed" }],
  });
});

test.each([
  ["{kind: wait, for: 1s}", "steps[0].retry: a wait has no attempts that could be repeated"],
  ["{kind: workflow, name: other}", "steps[0].retry: a workflow is not repeated as a whole; give retry to the steps in it"],
])("retry that would be passed over is refused: %s", (tool, message) => {
  expect(
    faultsOf(`apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: nightly}
steps:
  - {name: a, retry: {limit: 2}, tool: ${tool}}
`),
  ).toEqual([expect.stringContaining(message) as string]);
});
