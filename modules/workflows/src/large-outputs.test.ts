/** Outputs that are not passed on: who reads them, and that nobody copies them. */
import type { ChildSpec } from "@windlass/engine";
import { CLOSING_KEY, type Result } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { play, type Played } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { evaluateIn } from "./scope.ts";
import { readFacts } from "./step-facts.ts";

const LARGE = 600_000;
const refOf = (key: string) => ({ of: `job_${key}`, length: LARGE });
const outcomeOf = { outcome: "succeeded", reason: "ok", exitCode: 0, output: null, error: null } as const;

test.each([
  ["failed(big)", false],
  ["!(steps['big'].outcome == 'succeeded')", false],
  ["big['exit_code'] == 1 || has(big.error) && big.reason != 'ok'", false],
  ["[1].exists(n, failed(steps.big))", false],
  ["big.output.rows == 1", true],
  ["big.rows == 1", true],
  ["steps['big']['rows'] == 1 && succeeded(big)", true],
  ["has(big.output)", true],
  ["size(big) == 7", true],
  ["[big].exists(step, step.rows == 1)", true],
])("%s reads the output: %s", (text, reads) => {
  const asked: string[] = [];
  const facts = readFacts({ ...outcomeOf, outputRef: refOf("big") }, (refs) => {
    asked.push(...refs.map(({ of }) => of));
    return [{ rows: 1 }];
  });
  const job = { id: "job", name: "test", attempt: 1 };
  const result = evaluateIn({ inputs: {}, doubles: [], job, step: (name) => (name === "big" ? facts : undefined) })(text);
  expect([result, [...new Set(asked)]]).toEqual([{ ok: true, value: reads }, reads ? ["job_big"] : []]);
});

const sh = (script: string): string => `tool: {kind: shell, script: "${script}"}`;
const large = { rows: 3, text: "x".repeat(LARGE) };

function run(text: string, endOf: (child: ChildSpec) => Partial<Result>, input = {}): Played {
  const parsed = parseWorkflow(`apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\n${text}`);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return play({ workflow: parsed.workflow, endOf, input });
}
const scripts = ({ leaves }: Played): readonly unknown[] => leaves.map(({ spec }) => spec["script"]);
const isMain = ({ key }: ChildSpec): boolean => /^[a-z]$/u.test(key);
const outputs = (child: ChildSpec): Partial<Result> => (isMain(child) ? { output: large } : {});
const made = (played: Played, key: string): string => JSON.stringify(played.children.get(key));

describe("the steps at the end", () => {
  const MAIN = `steps: [{name: a, ${sh("a")}}, {name: b, ${sh("b")}}]\n`;

  test("ask how steps with large outputs ended, and read none of them", () => {
    const played = run(`${MAIN}finally: [{name: tell, when: "failed(a) || succeeded(b)", ${sh("tell")}}]`, outputs);
    expect([played.result.outcome, scripts(played), played.read]).toEqual(["succeeded", ["a", "b", "tell"], []]);
    expect(made(played, CLOSING_KEY).length).toBeLessThan(2_000);
  });

  test("read what they use of them where they stand", () => {
    const text = `${MAIN}finally: [{name: tell, ${sh("{{ a.output.rows }} {{ b.rows }}")}}, {name: each, foreach: "{{ [a.rows] }}", ${sh("{{ item }} {{ b.rows }}")}}]`;
    const played = run(text, outputs);
    expect(scripts(played)).toEqual(["a", "b", "3 3", "3 3"]);
    expect(new Set(played.read)).toEqual(new Set(["a", "b"]));
    expect(made(played, CLOSING_KEY).length).toBeLessThan(2_000);
  });

  test("run without what does not fit among what is passed on; whoever looks at that fails", () => {
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const text = `inputs: {given: {type: string}}
steps: [${names.map((name) => `{name: ${name}, ${sh(name)}}`).join(", ")}]
finally:
  - {name: all, ${sh(names.map((name) => `{{ size(${name}.output) }}`).join(" "))}}
  - {name: inputs_size, ${sh("{{ size(inputs.given) }}")}}
  - {name: clean, when: "${names.map((name) => `succeeded(${name})`).join(" && ")}", ${sh("clean {{ s19.output.size() }}")}}`;
    const endOf = ({ key }: ChildSpec): Partial<Result> => ({ output: "x".repeat(key === "s19" ? 10 : 60_000) });
    const played = run(text, endOf, { given: "y".repeat(200_000) });
    expect(scripts(played).slice(20)).toEqual(["clean 10"]);
    const ends = new Map(played.ends.map((end) => [end.key, end]));
    expect(ends.get("all")).toMatchObject({ outcome: "failed_config", reason: "expression_failed" });
    expect(ends.get("inputs_size")?.message).toContain("is too large to be handed on to the steps that run at the end");
    expect(played.result).toMatchObject({ outcome: "failed", reason: "step_failed" });
  });
});

describe("a step that is run again and again", () => {
  test("asks how others ended and reads what it uses of them, and copies neither", () => {
    const text = `steps: [{name: a, ${sh("a")}}, {name: b, ${sh("b")}},
      {name: poll, needs: [a, b], until: "succeeded(a) && index == b.rows", ${sh("{{ index }}")}}]`;
    const played = run(text, (child) => (/^[ab]$/u.test(child.key) ? { output: large } : {}));
    expect(scripts(played)).toEqual(["a", "b", "0", "1", "2", "3"]);
    expect(new Set(played.read)).toEqual(new Set(["b"]));
    expect(made(played, "poll").length).toBeLessThan(2_000);
  });

  test("is not read in a round that another follows", () => {
    const text = `steps: [{name: poll, until: "succeeded(poll)", ${sh("{{ index }}")}}]`;
    const played = run(text, ({ key }) => ({ output: large, ...(key === "poll[2]" ? {} : { outcome: "failed", reason: "exit_code" }) }));
    expect([played.result.outcome, played.read]).toEqual(["succeeded", ["poll[2]"]]);
  });

  test("fails for itself when what it uses does not fit into one job", () => {
    const names = Array.from({ length: 20 }, (_, index) => `s${index}`);
    const text = `steps: [${names.map((name) => `{name: ${name}, ${sh(name)}}`).join(", ")},
      {name: poll, needs: [${names.join(", ")}], continue_on_failure: true, until: "${names.map((name) => `size(${name}.output) > 0`).join(" && ")}", ${sh("x")}}]`;
    const played = run(text, () => ({ output: "x".repeat(60_000) }));
    expect(played.result.outcome).toBe("succeeded");
    expect(played.steps.get("poll")).toMatchObject({ outcome: "failed_config", reason: "bad_spec" });
    expect(played.steps.get("poll")?.message).toContain("until: what the condition and the templates use");
  });
});

test("what is too large once rendered fails for itself, also where somebody is asked", () => {
  const ask = "tool: {kind: wait, approval: {by: ['{{ a.output.text }}'], text: '{{ b.output.text }}'}}";
  const played = run(
    `steps: [{name: a, ${sh("a")}}, {name: b, ${sh("b")}}, {name: ask, needs: [a, b], ${ask}}]\nfinally: [{name: clean, ${sh("clean")}}]`,
    outputs,
  );
  expect(played.steps.get("ask")).toMatchObject({ outcome: "failed_config", reason: "bad_spec" });
  expect(scripts(played)).toEqual(["a", "b", "clean"]);
});
