import type { AdvanceInput, Decision } from "@windlass/engine";
import { CLOSING_KEY, executionQueueOf, runnerKeyOf, type ChildFact, type Fact, type Json, type Outcome } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { play } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\nisolation: job\n";
const TEXT = `
steps:
  - {name: cmd, tool: {kind: shell, script: make}, queue: builds}
  - {name: call, tool: {kind: http, url: "http://example.org/", auth: key}}
  - {name: code, tool: {kind: handler, handler: mail}, queue: mail}
  - {name: box, tool: {kind: container, image: busybox}}
  - {name: each, tool: {kind: shell, script: "{{ item }}"}, foreach: [1, 2]}
  - {name: again, tool: {kind: shell, script: again}, until: "true"}
finally:
  - {name: last, tool: {kind: shell, script: last}}`;

function workflow(text: string): Workflow {
  const parsed = parseWorkflow(head + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

test("what a runner can carry out waits in the queue of the execution, at every depth; the rest is where it always was", () => {
  const { leaves, result } = play({ workflow: workflow(TEXT) });
  expect(result.outcome).toBe("succeeded");
  const places = Object.fromEntries(
    leaves.map(({ key, executor, queue, spec }) => [key, [executor, queue?.split("/")[0], spec["handler"]]]),
  );
  expect(places).toEqual({
    cmd: ["handler", "execution", "windlass.shell"],
    call: ["handler", "execution", "windlass.http"],
    code: ["handler", "mail", "mail"],
    box: ["docker", undefined, undefined],
    "each[0]": ["handler", "execution", "windlass.shell"],
    "each[1]": ["handler", "execution", "windlass.shell"],
    "again[0]": ["handler", "execution", "windlass.shell"],
    last: ["handler", "execution", "windlass.shell"],
  });
  const queues = leaves.filter(({ key, queue }) => key !== "last" && queue?.startsWith("execution/") === true).map(({ queue }) => queue);
  expect(new Set(queues).size).toBe(1);
});

test.each([
  ["steps: [{name: a, tool: {kind: shell, script: x, resources: {limits: {memory: 1Gi}}}}]", "a has limits of its own"],
  ["steps: [{name: a, queue: execution/job_1, tool: {kind: handler, handler: x}}]", "the queue of an isolated execution"],
])("%s is refused", (text, message) => {
  const parsed = parseWorkflow(head + text);
  expect("faults" in parsed && parsed.faults.map((fault) => fault.message).join()).toContain(message);
});

test("who may let no command run is refused it, whatever its steps are", () => {
  const spec = (text: string) => specOf(workflow(text));
  expect(workflowKind.executors?.(spec("steps: [{name: a, tool: {kind: noop}}]"))).toContain("process");
  expect(workflowKind.executors?.(spec("executor: kubernetes\nsteps: [{name: a, tool: {kind: noop}}]"))).toContain("kubernetes");
});

describe("the ends of its runners", () => {
  const ended = (key: string, outcome: Outcome, more: Partial<ChildFact> = {}): Fact => ({
    type: "child",
    id: `job_${key}`,
    key,
    outcome,
    reason: outcome === "succeeded" ? "ok" : "signal",
    message: outcome,
    exitCode: null,
    output: null,
    ...more,
  });
  const runnerEnded = (number: number, outcome: Outcome, more: Partial<ChildFact> = {}) => ended(runnerKeyOf(number), outcome, more);

  /** An execution that is told facts; children that are open are counted by the test. */
  function execution(text: string) {
    const spec = specOf(workflow(text));
    const record = {
      id: `job_${Math.abs(text.length)}`,
      createdAt: text.length,
      path: "",
      parentId: null,
      childKey: null,
      name: "test",
      input: {},
      spec,
    };
    const cursor = new Map<string, Json>();
    return (facts: readonly Fact[], openChildren: number): Decision => {
      const live = { attempt: 1, openChildren };
      const decision = workflowKind.advance?.({ record, live, cursor, facts, now: 0, outputs: () => [] } as unknown as AdvanceInput);
      if (decision === undefined) throw new Error("it decides nothing");
      for (const [key, value] of Object.entries(decision.cursor)) cursor.set(key, value);
      return decision;
    };
  }
  const two = "steps: [{name: a, tool: {kind: shell, script: a}}, {name: b, needs: [a], tool: {kind: shell, script: b}}]";

  test("the execution ends once its runner has, and a death after the last step changes nothing", () => {
    const tell = execution(two);
    expect(tell([{ type: "started" }], 0).children).toMatchObject([{ key: "a", queue: expect.stringContaining(executionQueueOf("job_")) }]);
    expect(tell([ended("a", "succeeded")], 1).children).toMatchObject([{ key: "b" }]);
    expect(tell([ended("b", "succeeded")], 1)).toMatchObject({ finish: null, stops: [] });
    expect(tell([runnerEnded(0, "failed", { exitCode: 1 })], 0).finish).toMatchObject({ outcome: "succeeded" });
  });

  test("the third that dies in a row is the last, and an end of a step begins the count anew", () => {
    const tell = execution(two);
    tell([{ type: "started" }], 0);
    tell([runnerEnded(0, "failed"), runnerEnded(1, "failed_node_lost")], 1);
    expect(tell([ended("a", "failed"), runnerEnded(2, "failed"), runnerEnded(3, "failed_oom")], 1)).toMatchObject({ stops: [] });
    const other = execution(`${two} `);
    other([{ type: "started" }], 0);
    other([runnerEnded(0, "failed"), runnerEnded(1, "failed")], 1);
    expect(other([runnerEnded(2, "failed_oom")], 1)).toMatchObject({ finish: null, stops: [{ key: "a" }, { key: "b" }] });
    expect(other([ended("a", "cancelled")], 0)).toMatchObject({ children: [], finish: { outcome: "failed_oom", reason: "runner_failed" } });
  });

  test("runners that carry a loop out are not counted as dead, however many their time limit ends", () => {
    const tell = execution(two);
    tell([{ type: "started" }], 0);
    for (let number = 0; number < 8; number++)
      expect(tell([runnerEnded(number, "failed_timeout", { worked: number % 2 === 0 })], 1)).toMatchObject({ stops: [] });
    expect(tell([runnerEnded(8, "failed"), runnerEnded(9, "failed")], 1).stops).toHaveLength(2);
  });

  test("runners that find nothing to do are not made for ever; one that worked in between begins the count anew", () => {
    const tell = execution(`${two}  `);
    tell([{ type: "started" }], 0);
    const idle = (from: number, count: number) => Array.from({ length: count }, (_, i) => runnerEnded(from + i, "succeeded"));
    expect(tell([...idle(0, 19), runnerEnded(19, "succeeded", { worked: true }), ...idle(20, 19)], 1)).toMatchObject({ stops: [] });
    expect(tell(idle(39, 1), 1).stops).toMatchObject([{ key: "a", reason: "runner_failed" }, { key: "b" }]);
    expect(tell([ended("a", "cancelled")], 0).finish).toMatchObject({ outcome: "failed", reason: "runner_failed" });
  });

  test("one that could not reach the server is followed by another", () => {
    const tell = execution(`${two}   `);
    tell([{ type: "started" }], 0);
    expect(tell([runnerEnded(0, "failed", { exitCode: 75 })], 1)).toMatchObject({ stops: [] });
  });

  test.each<[string, "runner_failed" | "spawn_failed", Partial<ChildFact> & { readonly outcome: Outcome }]>([
    ["says itself that it cannot work", "runner_failed", { outcome: "failed", exitCode: 1, message: "exit code 1: no token" }],
    ["could not be started", "spawn_failed", { outcome: "failed", reason: "launch_failed" }],
    ["has no executor", "spawn_failed", { outcome: "cancelled", reason: "no_executor", message: "no server has had it" }],
    ["has no image", "spawn_failed", { outcome: "failed_image_pull" }],
    ["is not set up", "spawn_failed", { outcome: "failed_config" }],
  ])("one that %s is the last: %s", (_what, reason, { outcome, ...more }) => {
    const tell = execution(`${two}${" ".repeat(_what.length)}`);
    tell([{ type: "started" }], 0);
    expect(tell([runnerEnded(0, outcome, more)], 1).stops).toHaveLength(2);
    const { finish } = tell([ended("a", "cancelled")], 0);
    expect(finish).toMatchObject({
      outcome: outcome === "cancelled" ? "failed" : outcome,
      reason,
      message: expect.stringContaining(more.message ?? outcome),
    });
  });

  test("a runner that outlives the steps at the end for a moment holds the execution up for no longer", () => {
    const tell = execution(`${two}\nfinally: [{name: last, tool: {kind: shell, script: last}}]`);
    tell([{ type: "started" }], 0);
    tell([ended("a", "succeeded")], 1);
    tell([ended("b", "succeeded"), runnerEnded(0, "succeeded")], 0);
    expect(tell([ended(CLOSING_KEY, "succeeded")], 1).finish).toBeNull();
    expect(tell([runnerEnded(1, "succeeded")], 0).finish).toMatchObject({ outcome: "succeeded" });
  });
});
