import fc from "fast-check";
import { expect, test } from "vitest";
import { failureOutcomes, isJsonObject, type Json, type JsonObject, type LiveJob, type JobRecord, type Outcome } from "@windlass/kernel";
import { advanceWorkflow } from "./advance.ts";
import { checkDefinition } from "./parse-workflow.ts";
import { play } from "./execution-fixture.ts";
import { specOf, type Step, type Workflow } from "./workflow.ts";

/** Conditions over one step, and what they mean, said a second time without the code under test. */
const CONDITIONS: Record<string, { text: (name: string) => string; holds: (outcome: Outcome) => boolean }> = {
  failed: { text: (name) => `failed(${name})`, holds: (outcome) => outcome !== "succeeded" && outcome !== "skipped" },
  succeeded: { text: (name) => `succeeded(${name})`, holds: (outcome) => outcome === "succeeded" },
  skipped: { text: (name) => `skipped(${name})`, holds: (outcome) => outcome === "skipped" },
  finished: { text: (name) => `finished(${name})`, holds: () => true },
  oom: { text: (name) => `steps['${name}'].outcome == 'failed_oom'`, holds: (outcome) => outcome === "failed_oom" },
};

interface Planned {
  readonly step: Step;
  readonly condition: { readonly kind: string; readonly on: string } | null;
  readonly end: Outcome;
}

const ends: fc.Arbitrary<Outcome> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>("succeeded") },
  { weight: 3, arbitrary: fc.constantFrom(...failureOutcomes, "cancelled", "expired", "skipped") },
);

/** Random graphs: each step needs some of those before it. */
const plans = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(), { maxLength: 3 }),
      condition: fc.option(fc.constantFrom(...Object.keys(CONDITIONS)), { freq: 2 }),
      continueOnFailure: fc.boolean(),
      handles: fc.constantFrom("default", "default", "none", "first"),
      end: ends,
    }),
    { minLength: 1, maxLength: 14 },
  )
  .map((rows) =>
    rows.map((row, index): Planned => {
      const needs = index === 0 ? [] : [...new Set(row.needs.map((number) => `s${number % index}`))];
      const [on] = needs;
      const condition = row.condition === null || on === undefined ? null : { kind: row.condition, on };
      const step: Step = {
        name: `s${index}`,
        needs,
        tool: { kind: "shell", script: "run" },
        ...(condition === null ? {} : { when: CONDITIONS[condition.kind]?.text(condition.on) ?? "" }),
        ...(row.continueOnFailure && index % 3 === 0 ? { continueOnFailure: true } : {}),
        ...(condition === null || row.handles === "default" ? {} : { handles: row.handles === "none" ? [] : [condition.on] }),
      };
      return { step, condition, end: row.end };
    }),
  );

const numbers = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 60 });
const chance = (list: readonly number[]) => {
  let at = 0;
  return () => list[at++ % list.length] ?? 0;
};

const workflowOf = (plan: readonly Planned[]): Workflow => ({
  apiVersion: "windlass.dev/v1",
  kind: "Workflow",
  metadata: { name: "w" },
  steps: plan.map(({ step }) => step),
});
const endOf =
  (plan: readonly Planned[]) =>
  ({ key }: { key: string }) => ({ outcome: plan.find(({ step }) => step.name === key)?.end ?? "succeeded", reason: "exit_code" as const });

/** The slow way: the outcome of every step from the rules as the guide says them, by looking at all of them. */
function decideFromAll(plan: readonly Planned[]): { outcomes: Record<string, Outcome>; failed: string[] } {
  const outcomes: Record<string, Outcome> = {};
  const bad = (name: string) => !["succeeded", "skipped"].includes(outcomes[name] ?? "");
  const before = (name: string): Set<string> => {
    const needs = plan.find(({ step }) => step.name === name)?.step.needs ?? [];
    return new Set(needs.flatMap((need) => [need, ...before(need)]));
  };
  const handles = ({ step, condition }: Planned) => step.handles ?? (condition === null ? [] : [condition.on]);
  const handled = (name: string, among: (handler: string) => boolean) =>
    plan.some((one) => one.step.name === name && one.step.continueOnFailure) ||
    plan.some((one) => among(one.step.name) && handles(one).includes(name) && outcomes[one.step.name] === "succeeded");
  for (const { step, condition, end } of plan) {
    const known = before(step.name);
    const runs =
      condition === null
        ? (step.needs ?? []).every(
            (need) => outcomes[need] === "succeeded" || (bad(need) && handled(need, (handler) => known.has(handler))),
          )
        : (CONDITIONS[condition.kind]?.holds(outcomes[condition.on] ?? "failed") ?? false);
    outcomes[step.name] = runs ? end : "skipped";
  }
  return { outcomes, failed: plan.map(({ step }) => step.name).filter((name) => bad(name) && !handled(name, () => true)) };
}

test("in any order and bundling, an execution ends with what the rules say of all its steps together", () => {
  fc.assert(
    fc.property(plans, numbers, (plan, list) => {
      const workflow = workflowOf(plan);
      expect(checkDefinition(specOf(workflow))).toEqual({ workflow });
      const played = play({ workflow, endOf: endOf(plan), random: chance(list) });
      const wanted = decideFromAll(plan);
      expect(Object.fromEntries([...played.steps].map(([name, { outcome }]) => [name, outcome]))).toEqual(wanted.outcomes);
      expect(played.result.outcome).toBe(wanted.failed.length === 0 ? "succeeded" : "failed");
      expect(new Set(played.made).size).toBe(played.made.length);
      expect(played.steps.size).toBe(plan.length);
    }),
    { numRuns: 300 },
  );
}, 60_000);

test("folding the facts one by one gives the same cursor as folding all at once", () => {
  let number = 0;
  fc.assert(
    fc.property(plans, numbers, (plan, list) => {
      const workflow = workflowOf(plan);
      const played = play({ workflow, endOf: endOf(plan), random: chance(list) });
      const record = {
        id: `refold_${++number}`,
        createdAt: 0,
        name: "w",
        path: "",
        spec: specOf(workflow),
        input: {},
      } as unknown as JobRecord;
      const whole = advanceWorkflow({
        record,
        live: { attempt: 1 } as LiveJob,
        cursor: new Map(),
        facts: played.facts,
        now: 0,
        outputs: () => [],
      });
      expect(whole.cursor).toEqual(Object.fromEntries(played.cursor));
      expect(whole.finish).toEqual(played.result);
    }),
    { numRuns: 100 },
  );
}, 60_000);

test("a fact that is told twice changes nothing", () => {
  const plan: Planned[] = ["a", "b"].map((name, index) => ({
    step: { name, needs: index === 0 ? [] : ["a"], tool: { kind: "shell", script: "x" } },
    condition: null,
    end: "succeeded",
  }));
  const played = play({ workflow: workflowOf(plan) });
  const record = { id: "twice", createdAt: 0, name: "w", path: "", spec: specOf(workflowOf(plan)), input: {} } as unknown as JobRecord;
  const again = advanceWorkflow({
    record,
    live: { attempt: 1 } as LiveJob,
    cursor: played.cursor,
    facts: played.facts,
    now: 0,
    outputs: () => [],
  });
  expect(again.children).toEqual([]);
  expect({ ...Object.fromEntries(played.cursor), ...again.cursor }).toEqual(Object.fromEntries(played.cursor));
});

/** A cursor that counts how often it is asked. */
class CountingMap extends Map<string, Json> {
  reads = 0;
  override get(key: string): Json | undefined {
    this.reads++;
    return super.get(key);
  }
}

test("the end of a step costs the same in a graph of 10 and of 10,000 steps", () => {
  const costs = [10, 10_000].map((size) => {
    const steps: Step[] = Array.from({ length: size }, (_, i) => ({
      name: `s${i}`,
      needs: i === 0 ? [] : [`s${i - 1}`],
      tool: { kind: "noop" },
    }));
    const record = {
      id: `cost_${size}`,
      createdAt: 0,
      name: "w",
      spec: specOf({ ...workflowOf([]), steps }),
      input: {},
      path: "",
    } as unknown as JobRecord;
    const cursor = new CountingMap();
    const live = { attempt: 1 } as LiveJob;
    const reads: number[] = [];
    const writes: number[] = [];
    for (let i = -1; i < 8; i++) {
      const fact =
        i < 0
          ? ({ type: "started" } as const)
          : ({
              type: "child",
              id: `${i}`,
              key: `s${i}`,
              outcome: "succeeded",
              reason: "ok",
              message: null,
              exitCode: null,
              output: null,
            } as const);
      cursor.reads = 0;
      const { cursor: changed } = advanceWorkflow({ record, live, cursor, facts: [fact], now: 0, outputs: () => [] });
      reads.push(cursor.reads);
      writes.push(Object.keys(changed).length);
      for (const [key, value] of Object.entries(changed)) cursor.set(key, value);
    }
    return { reads, writes };
  });
  expect(costs[1]).toEqual(costs[0]);
  expect(Math.max(...(costs[1]?.writes ?? []))).toBe(3);
});

test("loops keep their limit, make each item once and keep the order of their items, whatever ends first", () => {
  const loops = fc.record({
    count: fc.integer({ min: 0, max: 25 }),
    maxParallel: fc.integer({ min: 1, max: 6 }),
    failFast: fc.boolean(),
    bad: fc.array(fc.nat(24), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(loops, numbers, ({ count, maxParallel, failFast, bad }, list) => {
      const items = Array.from({ length: count }, (_, i) => i);
      const step: Step = {
        name: "each",
        foreach: items,
        maxParallel,
        failFast,
        tool: { kind: "handler", handler: "h", input: "{{ item }}" },
      };
      const played = play({
        workflow: { ...workflowOf([]), steps: [step], output: "{{ each.output }}" },
        endOf: ({ input }) =>
          bad.includes(Number(input)) ? { outcome: "failed", reason: "error", message: "no" } : { output: Number(input) * 2 },
        random: chance(list),
      });
      const inputs = played.leaves.map(({ input }) => input);
      expect(played.peaks.get("each") ?? 0).toBeLessThanOrEqual(maxParallel);
      expect(inputs).toEqual(items.slice(0, inputs.length));
      const fails = bad.some((index) => index < count);
      if (!fails || !failFast) expect(inputs).toHaveLength(count);
      expect(played.steps.get("each")?.outcome).toBe(fails ? "failed" : "succeeded");
      if (!fails) expect(played.result.output).toEqual(items.map((item) => item * 2));
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("a step of a graph may be called like anything of JavaScript's own", () => {
  const names = ["constructor", "toString", "hasOwnProperty", "valueOf"];
  const steps: Step[] = names.map((name, i) => ({ name, needs: names.slice(0, i), tool: { kind: "shell", script: "x" } }));
  const workflow = { ...workflowOf([]), steps, output: { all: names.map((name) => `{{ ${name}.outcome }}`) } };
  expect(checkDefinition(specOf(workflow))).toEqual({ workflow });
  const { result, cursor } = play({ workflow });
  expect(result.output).toEqual({ all: names.map(() => "succeeded") });
  expect([...cursor.values()].every((entry): entry is JsonObject => isJsonObject(entry))).toBe(true);
});
