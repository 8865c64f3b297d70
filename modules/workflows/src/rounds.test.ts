import type { ChildSpec } from "@windlass/engine";
import type { Result } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { play, type Played } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\n";

function run(step: string, endOf: (round: number, child: ChildSpec) => Partial<Result>): Played {
  const parsed = parseWorkflow(`${head}steps: [{name: poll, ${step}}]\noutput: "{{ poll.output }}"`);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  let round = 0;
  return play({ workflow: parsed.workflow, endOf: (child) => endOf(round++, child) });
}

const POLL = 'tool: {kind: shell, script: "ask {{ index }}"}';

describe("a step with until", () => {
  test("is run again until its condition holds, and has the output of its last round", () => {
    const played = run(`until: poll.output.done, ${POLL}`, (round) => ({ output: { done: round === 2 } }));
    expect(played.leaves.map(({ key, spec }) => [key, spec["script"]])).toEqual([
      ["poll[0]", "ask 0"],
      ["poll[1]", "ask 1"],
      ["poll[2]", "ask 2"],
    ]);
    expect(played.result).toMatchObject({ outcome: "succeeded", output: { done: true } });
  });

  test("rests between rounds", () => {
    const played = run(`until: index == 2, pause: 30s, ${POLL}`, () => ({}));
    expect(played.now).toBe(61_000);
    expect(played.leaves).toHaveLength(3);
  });

  test("fails when the condition never holds, and as its round did when that is why", () => {
    const never = run(`until: poll.output == 1, max_rounds: 3, ${POLL}`, () => ({ output: 2 }));
    expect(never.steps.get("poll")).toMatchObject({ outcome: "failed", reason: "rounds_exhausted", output: 2 });
    expect(never.leaves).toHaveLength(3);
    const bad = run(`until: poll.output.done, ${POLL}`, () => ({ outcome: "failed_oom", reason: "memory_limit", message: "too much" }));
    expect(bad.steps.get("poll")).toMatchObject({ outcome: "failed_oom", reason: "memory_limit" });
    const wrong = run(`until: poll.output.done, ${POLL}`, () => ({ output: 1 }));
    expect(wrong.steps.get("poll")).toMatchObject({ outcome: "failed_config", reason: "expression_failed" });
  });

  test("may go on after rounds that fail", () => {
    const played = run(`until: succeeded(poll), ${POLL}`, (round) =>
      round < 2 ? { outcome: "failed", reason: "exit_code", exitCode: 1 } : { output: "ok" },
    );
    expect(played.result).toMatchObject({ outcome: "succeeded", output: "ok" });
  });
});

test("what is wrong with it is said at once", () => {
  const parsed = parseWorkflow(
    `${head}steps: [{name: a, max_rounds: 2, tool: {kind: noop}}, {name: b, until: "a.x && nothing", foreach: [1], tool: {kind: shell, script: "{{ item }}"}}, {name: c, until: "1", tool: {kind: shell, script: "{{ item }} {{ c.output }}"}}]`,
  );
  expect("faults" in parsed ? parsed.faults.map(({ path }) => path) : []).toEqual([
    "steps[0].max_rounds",
    "steps[1].until",
    "steps[1].until",
    "steps[1].until",
    "steps[2].until",
    "steps[2].tool.script",
    "steps[2].tool.script",
  ]);
});
