import { describe, expect, test } from "vitest";
import type { Outcome, Result } from "@windlass/kernel";
import { parseWorkflow } from "./parse-workflow.ts";
import { play, type Played } from "./execution-fixture.ts";
import { resolveInputs } from "./resolve-inputs.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\n";

function run(text: string, ends: Record<string, Outcome | Partial<Result>> = {}, input = {}): Played {
  const parsed = parseWorkflow(head + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  const resolved = resolveInputs(parsed.workflow, input);
  if ("faults" in resolved) throw new Error(JSON.stringify(resolved.faults));
  return play({
    workflow: parsed.workflow,
    input: resolved.inputs,
    endOf: ({ key }) => {
      const end = ends[key];
      return typeof end === "string" ? { outcome: end, reason: "exit_code", message: `${key} broke` } : (end ?? {});
    },
  });
}

const outcomesOf = ({ steps }: Played) => Object.fromEntries([...steps].map(([name, { outcome }]) => [name, outcome]));
const sh = "tool: {kind: shell, script: run}";

describe("needs", () => {
  test("a step runs when all it needs succeeded, and is skipped down the line when one did not", () => {
    const text = `steps: [{name: a, ${sh}}, {name: b, needs: [a], ${sh}}, {name: c, needs: [b], ${sh}}, {name: d, ${sh}}]`;
    expect(outcomesOf(run(text))).toEqual({ a: "succeeded", b: "succeeded", c: "succeeded", d: "succeeded" });
    const failed = run(text, { a: { outcome: "failed", reason: "exit_code", message: "exit code 3", exitCode: 3 } });
    expect(outcomesOf(failed)).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "succeeded" });
    expect(failed.steps.get("b")).toMatchObject({ reason: "needs_failed", message: "a did not succeed" });
    expect(failed.steps.get("c")).toMatchObject({ reason: "needs_failed", message: "b was skipped" });
    expect(failed.result).toEqual({
      outcome: "failed",
      reason: "step_failed",
      message: "step a ended as failed: exit code 3",
      evidence: { children: ["a"] },
    });
  });

  test("a failure that does not matter lets its dependants run and the execution succeed", () => {
    const played = run(`steps: [{name: a, continue_on_failure: true, ${sh}}, {name: b, needs: [a], ${sh}}]`, { a: "failed" });
    expect(outcomesOf(played)).toEqual({ a: "failed", b: "succeeded" });
    expect(played.result.outcome).toBe("succeeded");
  });

  test("a message names the first failed steps and counts the rest", () => {
    const names = Array.from({ length: 7 }, (_, i) => `s${i}`);
    const played = run(
      `steps: [${names.map((name) => `{name: ${name}, ${sh}}`).join(", ")}]`,
      Object.fromEntries(names.map((name) => [name, "failed" as const])),
    );
    expect(played.result.message).toBe("7 steps failed: s0, s1, s2, s3, s4 and 2 more");
  });
});

describe("handled failures", () => {
  const text = (more: string) => `steps:
  - {name: extract, ${sh}}
  - {name: bigger, needs: [extract], when: extract.outcome == 'failed_oom', ${sh}}
${more}`;

  test("a failed step is handled when a step whose condition names it ran and succeeded", () => {
    expect(run(text(""), { extract: "failed_oom" }).result.outcome).toBe("succeeded");
    expect(run(text(""), { extract: "failed_oom", bigger: "failed" }).result.message).toBe("2 steps failed: extract, bigger");
    expect(run(text(""), { extract: "failed" }).result.message).toBe("step extract ended as failed: extract broke");
    expect(outcomesOf(run(text("")))).toEqual({ extract: "succeeded", bigger: "skipped" });
  });

  test("one that handles nothing tells but does not make good", () => {
    const more = `  - {name: alert, needs: [extract, bigger], when: failed(extract) && !succeeded(bigger), handles: [], ${sh}}`;
    const played = run(text(more), { extract: "failed" });
    expect(outcomesOf(played)).toEqual({ extract: "failed", bigger: "skipped", alert: "succeeded" });
    expect(played.result.outcome).toBe("failed");
  });

  test("a step after both runs once the failure was made good, by a handler that comes before it", () => {
    const after = `  - {name: after, needs: [extract, bigger], ${sh}}`;
    expect(outcomesOf(run(text(after), { extract: "failed_oom" }))).toMatchObject({ after: "succeeded" });
    expect(outcomesOf(run(text(after)))).toMatchObject({ bigger: "skipped", after: "skipped" });
    const beside = `  - {name: beside, needs: [extract], ${sh}}`;
    expect(outcomesOf(run(text(beside), { extract: "failed_oom" }))).toMatchObject({ beside: "skipped" });
  });

  test("a handler that happens to have finished, but does not come before a step, makes nothing good for it", () => {
    const late = `  - {name: timer, tool: {kind: wait, for: 1h}}\n  - {name: late, needs: [extract, timer], ${sh}}`;
    expect(outcomesOf(run(text(late), { extract: "failed_oom" }))).toMatchObject({ bigger: "succeeded", late: "skipped" });
  });

  test.each(["cancelled", "expired"] as const)("a step that was %s counts as failed", (outcome) => {
    const played = run(`steps: [{name: a, ${sh}}, {name: b, needs: [a], when: failed(a), ${sh}}]`, { a: outcome });
    expect(outcomesOf(played)).toEqual({ a: outcome, b: "succeeded" });
    expect(played.result.outcome).toBe("succeeded");
    expect(run(`steps: [{name: a, ${sh}}]`, { a: outcome }).result.outcome).toBe("failed");
  });
});

describe("expressions that cannot be evaluated", () => {
  test("a condition fails its step as failed_config and never skips it", () => {
    const played = run(`steps: [{name: a, ${sh}}, {name: b, needs: [a], when: a.output.rows > 3, ${sh}}]`);
    expect(played.steps.get("b")).toMatchObject({ outcome: "failed_config", reason: "expression_failed" });
    expect(played.steps.get("b")?.message).toMatch(/^when: a\.output\.rows > 3: /u);
    expect(played.result.outcome).toBe("failed");
  });

  test("a template does the same, and so does what is no list, no time or no amount", () => {
    const played = run(`
inputs: {n: {type: integer, default: 3}, s: {type: string, default: soon}}
steps:
  - {name: a, tool: {kind: shell, script: "echo {{ n / 0 }}"}}
  - {name: b, foreach: "{{ dyn(s) }}", tool: {kind: noop}}
  - {name: c, tool: {kind: wait, for: "{{ s }}"}}
  - {name: d, tool: {kind: shell, script: x, resources: {limits: {memory: "{{ s }}"}}}}
  - {name: e, tool: {kind: shell, script: "{{ '' }}"}}
`);
    for (const name of ["a", "b", "c", "d", "e"]) expect(played.steps.get(name)?.outcome).toBe("failed_config");
    expect(played.steps.get("c")?.reason).toBe("bad_spec");
    expect(played.leaves).toEqual([]);
  });

  test("an output that cannot be rendered fails the execution as failed_config", () => {
    expect(run(`steps: [{name: a, ${sh}}]\noutput: "{{ a.output.rows }}"`).result).toMatchObject({
      outcome: "failed_config",
      reason: "expression_failed",
    });
  });
});

test("values keep their types through templates, and become text inside text", () => {
  const played = run(
    `
inputs:
  n: {type: integer, default: 2}
  x: {type: number, default: 2}
  list: {type: array, default: [1, {a: null}]}
  argv: {type: array, default: [echo, 1]}
steps:
  - {name: start, tool: {kind: shell, script: x, output: json}}
  - name: check-db
    needs: [start]
    tool: {kind: handler, handler: h, input: {n: "{{ n + 1 }}", x: "{{ x * 1.5 }}", list: "{{ list }}", text: "n={{ n }} {{ list }}", path: "{{ start.input_path }}", raw: "2", job: "{{ job.name }}"}}
  - {name: sh, needs: [check-db], tool: {kind: shell, command: "{{ argv }}", cwd: "{{ start.input_path }}", env: {N: "{{ n }}"}, resources: {limits: {memory: 64Mi}}}}
output: {up: "{{ steps['check-db'].output.up }}", braces: "{{ '{{' }}"}
`,
    { start: { output: { input_path: "/in", outcome: "mine" } }, "check-db": { output: { up: [1.5] } } },
  );
  const [, handler, shell] = played.leaves;
  expect(handler).toMatchObject({ executor: "handler", spec: { handler: "h" } });
  expect(handler?.input).toEqual({ n: 3, x: 3, list: [1, { a: null }], text: 'n=2 [1,{"a":null}]', path: "/in", raw: "2", job: "test" });
  expect(shell?.spec).toEqual({ command: ["echo", "1"], cwd: "/in", env: { N: "2" }, memoryLimitBytes: 67_108_864 });
  expect(played.result.output).toEqual({ up: [1.5], braces: "{{" });
});

describe("loops", () => {
  const loop = (more = "") => `
inputs: {items: {type: array, default: [a, b, c, d, e]}, tail: {type: string, default: z}}
steps:
  - {name: first, ${sh}}
  - {name: each, needs: [first], foreach: "{{ items }}", max_parallel: 2, ${more} tool: {kind: handler, handler: h, input: "{{ first.output.x }}-{{ item }}-{{ index }}-{{ tail }}"}}
output: "{{ each.output }}"`;
  const first = { first: { output: { x: 1 } } };

  test("outputs come in the order of the items, with at most max_parallel at once", () => {
    const ends = Object.fromEntries(["a", "b", "c", "d", "e"].map((letter, i) => [`each[${i}]`, { output: letter.toUpperCase() }]));
    const played = run(loop(), { ...first, ...ends });
    expect(played.result.output).toEqual(["A", "B", "C", "D", "E"]);
    expect(played.peaks.get("each")).toBe(2);
    expect(played.leaves.slice(1).map(({ input }) => input)).toEqual(["1-a-0-z", "1-b-1-z", "1-c-2-z", "1-d-3-z", "1-e-4-z"]);
  });

  test("it ends as its first failed item did, after all have run", () => {
    const played = run(loop(), { ...first, "each[1]": { outcome: "failed_oom", reason: "memory_limit" }, "each[3]": "failed" });
    expect(played.leaves).toHaveLength(6);
    expect(played.steps.get("each")).toMatchObject({
      outcome: "failed_oom",
      reason: "memory_limit",
      message: "2 of 5 items failed: each[1] (failed_oom), each[3] (failed)",
    });
  });

  test("fail_fast starts nothing more and ends what runs", () => {
    const played = run(loop("fail_fast: true,"), { ...first, "each[0]": "failed" });
    expect(played.leaves.length).toBeLessThan(4);
    expect(played.steps.get("each")).toMatchObject({ outcome: "failed" });
  });

  test("no items: it succeeds with an empty list and says so", () => {
    const played = run(loop(), first, { items: [] });
    expect(played.steps.get("each")).toMatchObject({ outcome: "succeeded", reason: "no_items", output: [] });
    expect(played.result.output).toEqual([]);
  });

  test("too many items are refused", () => {
    const played = run(loop(), first, { items: Array.from({ length: 10_001 }, () => 1) });
    expect(played.steps.get("each")).toMatchObject({ outcome: "failed_config", reason: "too_many_items" });
  });
});

test("waiting and doing nothing hold no executor", () => {
  const played = run("steps: [{name: a, tool: {kind: wait, for: 1h}}, {name: b, needs: [a], tool: {kind: noop}}]");
  expect(played.leaves).toEqual([]);
  expect(outcomesOf(played)).toEqual({ a: "succeeded", b: "succeeded" });
});

test("retries, time limits and queues of a step reach its job; jobs of our own are never tried again", () => {
  const played = run(`retry: {limit: 2}
steps:
  - {name: a, queue: heavy, timeout_seconds: 16.1, ${sh}}
  - {name: b, retry: {limit: 5, on: [failed_oom], backoff: {initial: 2s}}, ${sh}}
  - {name: c, foreach: [1], ${sh}}`);
  const [a, b, c] = ["a", "b", "c[0]"].map((key) => played.leaves.find((leaf) => leaf.key === key));
  expect(a).toMatchObject({ queue: "heavy", timeoutMs: 16_100, retry: { limit: 2, on: ["failed", "failed_timeout", "failed_node_lost"] } });
  expect(b).toMatchObject({ retry: { limit: 5, on: ["failed_oom"], backoff: { initial: 2000, factor: 2 } }, timeoutMs: null });
  expect(c).toMatchObject({ retry: { limit: 2 } });
});
