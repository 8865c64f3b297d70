import type { AdvanceInput } from "@windlass/engine";
import { SIGNAL_LENGTH_MAX, type JobRecord, type SignalFact } from "@windlass/kernel";
import { describe, expect, test } from "vitest";
import { play, type Play, type Played } from "./execution-fixture.ts";
import { parseWorkflow } from "./parse-workflow.ts";
import { stepKind } from "./step-kind.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

const head = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: test}\n";

function workflow(text: string): Workflow {
  const parsed = parseWorkflow(head + text);
  if ("faults" in parsed) throw new Error(parsed.faults.map(({ path, message }) => `${path}: ${message}`).join("\n"));
  return parsed.workflow;
}

const faultsOf = (tool: string): readonly string[] => {
  const parsed = parseWorkflow(`${head}steps: [{name: a, tool: {kind: wait, ${tool}}}]`);
  return "faults" in parsed ? parsed.faults.map(({ message }) => message) : [];
};

const signal = (name: string, data: SignalFact["data"] = null): SignalFact => ({ type: "signal", name, data, by: "ada", at: 5 });

function chance(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

function run(text: string, signals: Play["signals"]): Played {
  return play({ workflow: workflow(text), signals: signals ?? [] });
}

describe("a wait as it is written", () => {
  test("waits for exactly one thing", () => {
    expect(faultsOf("")).toEqual(["for is missing: how long, for example 30s; or until, signal or approval"]);
    expect(faultsOf("for: 3s, signal: go")).toEqual(["it waits for one thing, and there is for already; use two steps"]);
    expect(faultsOf("for: 3s, schema: {type: string}")).toEqual(["only a signal brings data"]);
    expect(faultsOf("until: 2026-01-31")).toEqual(['expected a time with its zone such as 2026-01-31T08:00:00Z, found "2026-01-31"']);
    expect(faultsOf("signal: go, schema: {type: nothing}")[0]).toContain("it is no JSON Schema that can be used");
    expect(faultsOf("approval: {by: [], txt: x}")).toHaveLength(2);
    expect(faultsOf("approval: {by: ada, text: ship it}")).toEqual([]);
  });
});

test("a wait until a time ends then, and one until a time that has passed at once", () => {
  const text = `
inputs: {at: {type: string, default: "1970-01-01T00:00:10Z"}}
steps:
  - {name: later, tool: {kind: wait, until: "{{ at }}"}}
  - {name: past, tool: {kind: wait, until: "1960-01-01T00:00:00+01:00"}}
  - {name: wrong, tool: {kind: wait, until: "{{ at + 'x' }}"}}`;
  const played = play({ workflow: workflow(text), input: { at: "1970-01-01T00:00:10Z" } });
  expect(played.now).toBe(10_000);
  expect(played.steps.get("past")?.outcome).toBe("succeeded");
  expect(played.steps.get("wrong")).toMatchObject({ outcome: "failed_config", reason: "bad_spec" });
});

describe("signals", () => {
  const TWO = `steps:
  - {name: first, tool: {kind: wait, signal: go}}
  - {name: second, needs: [first], tool: {kind: wait, signal: go}}
output: {first: "{{ first.output }}", second: "{{ second.output }}"}`;

  test("one that comes before its wait is kept, and each is used once", () => {
    expect(run(TWO, [signal("go", 1), signal("go", 2)]).result.output).toEqual({ first: 1, second: 2 });
    expect(() => run(TWO, [signal("go", 1)])).toThrow("the execution is stuck");
  });

  test("it does not matter when they come, nor how many facts a decision sees", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const played = play({ workflow: workflow(TWO), random: chance(seed), signals: [signal("go", 1), signal("other"), signal("go", 2)] });
      expect(played.result.output).toEqual({ first: 1, second: 2 });
      expect([...played.cursor.keys()].filter((key) => key.startsWith("#")).toSorted((a, b) => a.localeCompare(b))).toEqual([
        "#",
        "#signal other",
      ]);
    }
  });

  test("one told to a step that has ended meanwhile comes back, and is kept for the next", () => {
    const text = `steps:
  - {name: impatient, tool: {kind: wait, signal: go}, continue_on_failure: true}
  - {name: patient, needs: [impatient], tool: {kind: wait, signal: go}}
output: "{{ patient.output }}"`;
    const played = play({ workflow: workflow(text), signals: [signal("go", 7)], endBeforeTold: "impatient" });
    expect(played.steps.get("impatient")?.outcome).toBe("failed_timeout");
    expect(played.result.output).toBe(7);
  });

  test("what a repeated step or a loop that ends early was told and has not used is for the next that waits", () => {
    const early = {
      until: `until: early.output == 1, tool: {kind: wait, signal: go}`,
      failFast: `foreach: [1, 2], max_parallel: 1, fail_fast: true, tool: {kind: wait, signal: go, schema: {type: string}}`,
    };
    for (const how of Object.values(early))
      for (let seed = 1; seed <= 60; seed++) {
        const text = `steps:
  - {name: early, continue_on_failure: true, ${how}}
  - {name: next, needs: [early], tool: {kind: wait, signal: go}}
output: "{{ next.output }}"`;
        const played = play({ workflow: workflow(text), random: chance(seed), signals: [signal("go", 1), signal("go", 2)] });
        expect(played.result.output).toBe(2);
      }
  });

  test("items of a loop are given signals in the order in which these were sent", () => {
    const text = `steps:
  - {name: first, tool: {kind: noop}}
  - {name: files, needs: [first], foreach: [a, b, c], max_parallel: 1, tool: {kind: wait, signal: file}}
output: "{{ files.output }}"`;
    for (let seed = 1; seed <= 60; seed++) {
      const played = play({ workflow: workflow(text), random: chance(seed), signals: [1, 2, 3].map((n) => signal("file", n)) });
      expect(played.result.output).toEqual([1, 2, 3]);
    }
  });

  test("a loop is given what was sent before it was made, however much that is", () => {
    const text = `steps:
  - {name: first, tool: {kind: wait, for: 1s}}
  - {name: files, needs: [first], foreach: "{{ [${"0, ".repeat(19)}0] }}", tool: {kind: wait, signal: file}}
output: "{{ size(files.output) }}"`;
    const large = "x".repeat(SIGNAL_LENGTH_MAX - 2);
    const played = play({ workflow: workflow(text), signals: Array.from({ length: 20 }, () => signal("file", large)) });
    expect(played.steps.get("files")).toMatchObject({ reason: "output_too_large" });
    expect(played.children.get("files[19]")).toHaveLength(1);
  });

  test("a step that is told two, or is being stopped when it is told, gives back what it does not use", () => {
    const record = { spec: { type: "wait", signal: "go" } } as unknown as JobRecord;
    const input = { record, facts: [signal("go", 1), signal("go", 2)] } as unknown as AdvanceInput;
    const back = (data: number) => ({ key: null, fact: signal("go", data) });
    expect(stepKind.advance?.(input)).toMatchObject({ tells: [back(2)], finish: { output: 1 } });
    expect(stepKind.close?.(input)).toMatchObject({ tells: [back(1), back(2)] });
  });

  test("items of a loop wait for names of their own, or take turns at one", () => {
    const named = `steps: [{name: files, foreach: [a, b], tool: {kind: wait, signal: "file-{{ item }}"}}]\noutput: "{{ files.output }}"`;
    expect(run(named, [signal("file-b", 2), signal("file-a", 1)]).result.output).toEqual([1, 2]);
    const same = `steps: [{name: files, foreach: [a, b], tool: {kind: wait, signal: file}}]\noutput: "{{ files.output }}"`;
    expect(run(same, [signal("file", 1), signal("file", 2)]).result.output).toEqual([1, 2]);
  });

  test("items of a loop get the signals of their names, whatever else is sent, and whoever else waits for names of items", () => {
    const text = `steps:
  - {name: one, foreach: [a, b], tool: {kind: wait, signal: "x-{{ item }}"}}
  - {name: two, foreach: [a, b], tool: {kind: wait, signal: "y-{{ item }}"}}
  - {name: rounds, until: index == 1, tool: {kind: wait, signal: "z-{{ index }}"}}
output: [{one: "{{ one.output }}", two: "{{ two.output }}", last: "{{ rounds.output }}"}]`;
    const names = ["y-b", "other", "x-b", "x-b", "other", "y-a", "x-a", "z-1", "z-0", "z-5"];
    for (let seed = 1; seed <= 60; seed++) {
      const played = play({ workflow: workflow(text), random: chance(seed), signals: names.map((name) => signal(name, name)) });
      expect(played.result.output).toEqual([{ one: ["x-a", "x-b"], two: ["y-a", "y-b"], last: "z-1" }]);
    }
  });

  test("a loop that may take any name leaves those alone that a step waits for by itself", () => {
    const text = `steps:
  - {name: files, foreach: [a], tool: {kind: wait, signal: "file-{{ item }}"}}
  - {name: go, needs: [files], tool: {kind: wait, signal: go}}
output: "{{ go.output }}"`;
    expect(run(text, [signal("go", "it"), signal("file-a")]).result.output).toBe("it");
  });

  test("what it brings must be what the schema says: the sender is told, and a step that gets it all the same fails", () => {
    const text =
      "steps: [{name: a, tool: {kind: wait, signal: go, schema: {type: object, required: [n], properties: {n: {type: integer}}}}}]";
    const record = { spec: specOf(workflow(text)) } as unknown as JobRecord;
    const faults = (name: string, data: SignalFact["data"]) =>
      workflowKind.signalFaults?.(record, { name, data }).map(({ path, message }) => [path, message]);
    expect(faults("go", { n: 1 })).toEqual([]);
    expect(faults("go", { n: "x" })?.[0]?.[0]).toBe("data.n");
    expect(faults("og", null)).toEqual([["name", 'nothing waits for a signal "og"; its signals: go']]);
    const played = run(text, [signal("go", "text")]);
    expect(played.steps.get("a")).toMatchObject({ outcome: "failed", reason: "input_invalid" });
  });

  test("a step that waits takes its own signal by itself", () => {
    const record = { spec: { type: "wait", signal: "go" } } as unknown as JobRecord;
    expect(stepKind.signalFaults?.(record, { name: "go", data: 1 })).toEqual([]);
    expect(stepKind.signalFaults?.(record, { name: "stop", data: 1 })).toHaveLength(1);
    expect(
      workflowKind.signalFaults?.({ spec: specOf(workflow("steps: [{name: a, tool: {kind: noop}}]")) } as unknown as JobRecord, {
        name: "x",
        data: 1,
      }),
    ).toEqual([{ path: "name", message: 'nothing waits for a signal "x"; it waits for no signal at all' }]);
  });
});

test("an approval is told to the engine with whom it waits for, rendered", () => {
  const text = `
inputs: {boss: {type: string, default: eve}}
steps: [{name: ok, tool: {kind: wait, approval: {by: [ada, "{{ boss }}"], text: "ship to {{ boss }}?"}}}]`;
  const played = play({ workflow: workflow(text), input: { boss: "eve" }, approve: true });
  expect(played.waits).toEqual([{ for: "approval", by: ["ada", "eve"], text: "ship to eve?" }]);
});
