import type { AdvanceInput } from "@windlass/engine";
import { CLOSING_KEY, type Outcome, type Result } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { play, type Played } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\n";
const sh = (script: string): string => `tool: {kind: shell, script: "${script}"}`;
const TEXT = `
inputs: {day: {type: string, default: monday}}
steps:
  - {name: work, ${sh("work")}}
  - {name: more, needs: [work], ${sh("more")}}
finally:
  - {name: clean, ${sh("rm {{ day }} {{ work.outcome }} {{ job.name }}")}, timeout_seconds: 60}
  - {name: tell, needs: [clean], when: "failed(work) || skipped(more)", ${sh("tell")}}
output: {of: "{{ work.output }}"}`;

function workflow(text: string): Workflow {
  const parsed = parseWorkflow(head + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

function run(ends: Record<string, Outcome> = {}): Played {
  const endOf = ({ key }: { key: string }): Partial<Result> =>
    ends[key] === undefined ? { output: key } : { outcome: ends[key], reason: "exit_code", message: `${key} broke` };
  return play({ workflow: workflow(TEXT), input: { day: "monday" }, endOf });
}

const scripts = ({ leaves }: Played): readonly unknown[] => leaves.map(({ spec }) => spec["script"]);
const faultsOf = (last: string): readonly string[] => {
  const parsed = parseWorkflow(`${head}steps: [{name: a, tool: {kind: noop}}]\nfinally: ${last}`);
  return "faults" in parsed ? parsed.faults.map(({ path, message }) => `${path}: ${message}`) : [];
};

describe("steps at the end", () => {
  test("run when all others have finished, and see what these came to", () => {
    const played = run();
    expect(scripts(played)).toEqual(["work", "more", "rm monday succeeded test"]);
    expect(played.result).toMatchObject({ outcome: "succeeded", output: { of: "work" } });
    expect(played.leaves.at(-1)?.timeoutMs).toBe(60_000);
  });

  test("run also after a failure, and make nothing good", () => {
    const played = run({ work: "failed" });
    expect(scripts(played)).toEqual(["work", "rm monday failed test", "tell"]);
    expect(played.result).toMatchObject({ outcome: "failed", message: "step work ended as failed: work broke" });
  });

  test("that fail make an execution fail that had succeeded", () => {
    expect(run({ clean: "failed" }).result).toMatchObject({
      outcome: "failed",
      reason: "step_failed",
      message: "finally: step clean ended as failed: clean broke",
    });
    expect(run({ work: "failed", clean: "failed" }).result.message).toContain("step work");
  });

  test("are made once when the execution is told to end, after everything else has", () => {
    const record = { id: "closing", createdAt: 0, name: "test", path: "", spec: specOf(workflow(TEXT)), input: { day: "monday" } };
    const input = (openChildren: number, cursor: object, facts: AdvanceInput["facts"]): AdvanceInput =>
      ({ record, live: { attempt: 1, openChildren }, cursor: new Map(Object.entries(cursor)), facts, now: 0 }) as unknown as AdvanceInput;
    const ended = {
      type: "child",
      id: "1",
      key: "work",
      outcome: "cancelled",
      reason: "parent_ended",
      message: null,
      exitCode: null,
      output: null,
    } as const;
    expect(workflowKind.close?.(input(1, {}, [{ type: "stopping" }]))).toEqual({ cursor: {}, children: [] });
    const closing = workflowKind.close?.(input(0, { "#": { finished: 0 } }, [ended]));
    expect(closing?.children).toMatchObject([
      {
        key: CLOSING_KEY,
        name: "finally",
        executor: "none",
        spec: { scope: { steps: { work: { outcome: "cancelled" }, more: { outcome: "skipped" } } } },
      },
    ]);
    expect(workflowKind.close?.(input(0, { ...closing?.cursor }, []))?.children).toEqual([]);
  });
});

test("wrong ones are refused with all that is wrong", () => {
  expect(
    faultsOf("[{name: a, tool: {kind: noop}}, {name: b, needs: [x], handles: [a], tool: {kind: wait, signal: go}, timeout_seconds: 4000}]"),
  ).toEqual([
    'finally[0].name: "a" is the name of another step already',
    "finally[1]: a step of finally may take 3600 s at most: whoever cancels waits for it",
    'finally[1].needs[0]: no step is called "x"',
    "finally[1].handles: a step of finally makes no failure good",
    "finally[1].tool: a step of finally waits for nobody: an execution that is cancelled would not end",
  ]);
  expect(faultsOf(`[{name: b, ${sh("echo {{ c.output }}")}}, {name: c, ${sh("{{ a.outcome }} {{ nothing }}")}}]`)).toEqual([
    "finally[0].tool.script: c may not have finished by then: add it to needs",
    expect.stringContaining("nothing is called nothing here"),
  ]);
});
