/** Nothing that is typed makes the readers throw or hang: they answer with faults. Bounded, so that it runs every time. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { celOf } from "./cel-value.ts";
import { checkExpression } from "./check-expression.ts";
import { compileExpression } from "./expression.ts";
import { checkDefinition, parseWorkflow } from "./parse-workflow.ts";
import { play } from "./execution-fixture.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { render, splitTemplate } from "./template.ts";
import type { JsonObject } from "@windlass/kernel";

const sample = `apiVersion: windlass.dev/v1
kind: Workflow
metadata: {name: sample}
inputs: {day: {type: string, default: "x"}, list: {type: array, default: [1]}}
retry: {limit: 1, backoff: {initial: 1s}}
steps:
  - {name: a, tool: {kind: shell, script: "echo {{ day }}", env: {A: b}, output: json}}
  - name: b-c
    needs: [a]
    when: failed(a) || a.output.n > 1
    foreach: "{{ list }}"
    tool: {kind: handler, handler: h, input: {x: "{{ item }}"}}
  - {name: w, needs: [b-c], tool: {kind: wait, for: 1s}}
output: {n: "{{ a.output.n }}", s: "{{ steps['b-c'].outcome }}"}
`;

const junk = fc.oneof(
  fc.string({ unit: "binary", maxLength: 6 }),
  fc.constantFrom(
    "{{",
    "}}",
    "&a ",
    "*a",
    "<<: ",
    "!!",
    "- ",
    ": ",
    "{",
    "[",
    "'",
    '"',
    "|\n",
    "\t",
    "---\n",
    "__proto__",
    "steps",
    "null",
    "1e999",
    "? ",
    "#",
    "%",
    "\u0000",
    "a.b",
    "['x']",
    "\n  ",
  ),
);
const edits = fc.array(fc.record({ at: fc.nat(sample.length), cut: fc.nat(12), add: junk }), { minLength: 1, maxLength: 5 });

function answers(text: string): void {
  const parsed = parseWorkflow(text);
  if ("faults" in parsed) {
    expect(parsed.faults.length).toBeGreaterThan(0);
    for (const { line, column } of parsed.faults) expect((line ?? 1) > 0 && (column ?? 1) > 0).toBe(true);
    return;
  }
  expect(checkDefinition(JSON.parse(JSON.stringify(parsed.workflow)) as JsonObject)).toEqual(parsed);
  const resolved = resolveInputs(parsed.workflow, {});
  // What was accepted can be run to an end.
  if ("inputs" in resolved) expect(play({ workflow: parsed.workflow, input: resolved.inputs }).result.outcome).toBeTypeOf("string");
}

test("files that were damaged in a few places are refused or run", () => {
  fc.assert(
    fc.property(edits, (list) => answers(list.reduce((text, { at, cut, add }) => text.slice(0, at) + add + text.slice(at + cut), sample))),
    { numRuns: 300 },
  );
}, 60_000);

test("any text is refused", () => {
  fc.assert(
    fc.property(fc.array(junk, { maxLength: 40 }), (parts) => answers(parts.join(""))),
    { numRuns: 300 },
  );
}, 60_000);

test.each([
  ["brackets", "[".repeat(100_000)],
  ["braces", "a: ".concat("{b: ".repeat(50_000))],
  ["lists", "- ".repeat(20_000)],
  ["quotes", `a: "${"\\x".repeat(100_000)}`],
  ["indents", Array.from({ length: 2_000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n")],
  ["keys", Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join("\n")],
  ["too long", "a".repeat(2_000_000)],
])(
  "a file of %s only is refused in a moment",
  (_, text) => {
    const started = performance.now();
    answers(text);
    expect(performance.now() - started).toBeLessThan(15_000);
  },
  60_000,
);

const words = [
  "a",
  "b-c",
  "steps['b-c']",
  "inputs.day",
  "item",
  "1",
  "2.5",
  "'x'",
  "true",
  "null",
  "[1,2]",
  "{'k': 1}",
  "failed(a)",
  "size(list)",
  "list",
  "job.id",
  "b'x'",
  "1u",
  ".a",
  "a.output.x",
  "has(a.x)",
  "list.map(x, x)",
  "list.all(x, list.exists(y, y == x))",
  "type(1)",
  "strings.quote('x')",
];
const operators = [
  " + ",
  " - ",
  " && ",
  " || ",
  " == ",
  " in ",
  " ? ",
  " : ",
  ".",
  "[",
  "]",
  "(",
  ")",
  ", ",
  " % ",
  "!",
  "}}",
  "{{",
  "\n",
  " // ",
  "'''",
  "r'",
];
const expressions = fc.array(fc.constantFrom(...words, ...operators), { minLength: 1, maxLength: 14 }).map((parts) => parts.join(""));
const vocabulary = {
  inputs: new Map([
    ["day", "string"],
    ["list", "list"],
  ]),
  steps: new Set(["a", "b-c"]),
  barred: () => undefined,
  inLoop: true,
  hasJob: true,
};

test("any expression is refused or evaluated, and never throws", () => {
  const variables = Object.assign(Object.create(null), {
    a: celOf({ outcome: "failed", output: { x: [1] } }),
    list: celOf([1, 2]),
    day: "x",
    inputs: celOf({ day: "x" }),
  });
  fc.assert(
    fc.property(fc.oneof(expressions, fc.string({ unit: "binary" })), (text) => {
      for (const { offset, message } of checkExpression(text, vocabulary).mistakes) expect(offset >= 0 && message !== "").toBe(true);
      const compiled = compileExpression(text);
      if (!("mistake" in compiled)) expect(compiled.evaluate(variables).ok).toBeTypeOf("boolean");
      const parts = splitTemplate(`{{${text}}}`);
      if (!("mistake" in parts)) expect(render(`x{{${text}}}`, () => ({ ok: true, value: 1 })).ok).toBeTypeOf("boolean");
    }),
    { numRuns: 1_000 },
  );
}, 60_000);

test.each([
  ["parentheses", "(".repeat(4_000)],
  ["balanced parentheses", `${"(".repeat(2_000)}1${")".repeat(2_000)}`],
  ["conditions", `${"true ? 1 : ".repeat(370)}2`],
  ["fields", `a${".b".repeat(2_000)}`],
  ["too long", "1+".repeat(5_000)],
  ["minus", "-".repeat(4_000)],
  ["not", `${"!".repeat(4_000)}true`],
  ["nested maps", `${"list.map(x, ".repeat(5)}1${")".repeat(5)}`],
])("an expression of %s only is answered in a moment", (_, text) => {
  const started = performance.now();
  const compiled = compileExpression(text);
  if (!("mistake" in compiled)) compiled.evaluate(Object.create(null));
  expect(performance.now() - started).toBeLessThan(5_000);
});
