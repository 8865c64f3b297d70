/** What one end costs, counted in entries of the cursor and bytes, not in time: it must not grow with what has finished. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AdvanceInput, ChildSpec, Decision, JobKind } from "@windlass/engine";
import { assert, type ChildFact, type Fact, type Json, type JobRecord, type JsonObject, type LiveJob } from "@windlass/kernel";
import { stepKind } from "./step-kind.ts";
import { specOf, type Step, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

/** A cursor that counts how often it is asked, and how often somebody goes through all of it. */
class CountingMap extends Map<string, Json> {
  reads = 0;
  walks = 0;
  override get(key: string): Json | undefined {
    this.reads++;
    return super.get(key);
  }
  override has(key: string): boolean {
    this.reads++;
    return super.has(key);
  }
  override keys(): MapIterator<string> {
    this.walks++;
    return super.keys();
  }
  override values(): MapIterator<Json> {
    this.walks++;
    return super.values();
  }
  override entries(): MapIterator<[string, Json]> {
    this.walks++;
    return super.entries();
  }
  override [Symbol.iterator](): MapIterator<[string, Json]> {
    this.walks++;
    return super[Symbol.iterator]();
  }
  override forEach(...given: Parameters<Map<string, Json>["forEach"]>): void {
    this.walks++;
    super.forEach(...given);
  }
}

interface Cost {
  /** The child that ended. */
  readonly key: string;
  readonly reads: number;
  readonly walks: number;
  readonly writes: number;
  /** Of all that a decision changes and makes. */
  readonly bytes: number;
  readonly children: number;
}

/** Where 10,000 have finished, a number is written with so many digits more than where none has. */
const DIGITS = 16;
const live = { attempt: 1 } as LiveJob;
let plays = 0;

interface Part {
  readonly kind: JobKind;
  readonly spec: JsonObject;
  readonly input: Json;
}

/** Ends one child after the other, each in a decision of its own, and tells what each of these but the last cost. */
function costsOf({ kind, spec, input }: Part, chance: () => number): Cost[] {
  const record = { id: `cost_${++plays}`, createdAt: 0, name: "w", path: "", kind: "workflow", spec, input } as unknown as JobRecord;
  const cursor = new CountingMap();
  const open: ChildSpec[] = [];
  const costs: Cost[] = [];
  let fact: Fact = { type: "started" };
  for (;;) {
    cursor.reads = 0;
    cursor.walks = 0;
    const {
      cursor: changed,
      children,
      progress,
      finish,
    } = advance(kind, { record, live, cursor, facts: [fact], now: 0, outputs: () => [] });
    const { reads, walks } = cursor;
    if (finish !== null) return costs;
    const bytes = JSON.stringify([changed, children, progress]).length;
    if (fact.type === "child")
      costs.push({ key: fact.key, reads, walks, writes: Object.keys(changed).length, bytes, children: children.length });
    for (const [key, value] of Object.entries(changed)) cursor.set(key, value);
    open.push(...children);
    const [next] = open.splice(Math.floor(chance() * open.length), 1);
    if (next === undefined) throw new Error("the execution does not end");
    fact = endOf(next.key);
  }
}

function advance(kind: JobKind, input: AdvanceInput): Decision {
  assert(kind.advance !== undefined, "it decides");
  return kind.advance(input);
}

function endOf(key: string): ChildFact {
  return { type: "child", id: key, key, outcome: "succeeded", reason: "ok", message: null, exitCode: null, output: "done" };
}

const workflow = (steps: readonly Step[]): Workflow => ({
  apiVersion: "windlass.dev/v1",
  kind: "Workflow",
  metadata: { name: "w" },
  steps,
});
const nameOf = (index: number): string => `s${String(index).padStart(5, "0")}`;
const most = (costs: readonly Cost[], figure: "reads" | "writes" | "bytes"): number => Math.max(...costs.map((cost) => cost[figure]));
const middle = (): number => 0.5;

describe("what the end of a step costs", () => {
  test("is the same after 10 and after 5,000 finished steps", () => {
    const chains = 10;
    const steps = Array.from({ length: 5_000 }, (_, i): Step => ({
      name: nameOf(i),
      needs: i < chains ? [] : [nameOf(i - chains)],
      tool: { kind: "handler", handler: "h", ...(i < chains ? {} : { input: `{{ ${nameOf(i - chains)}.output }}` }) },
    }));
    const costs = costsOf({ kind: workflowKind, spec: specOf(workflow(steps)), input: {} }, middle);
    const [early, late] = [costs.slice(10, 510), costs.slice(-600, -100)];
    expect(most(late, "reads")).toBe(most(early, "reads"));
    expect(most(late, "writes")).toBe(most(early, "writes"));
    expect(most(late, "bytes")).toBeLessThanOrEqual(most(early, "bytes") + DIGITS);
    expect(costs.filter(({ walks }) => walks > 0)).toEqual([]);
  });

  test("depends on its dependants and on what these need, in any graph and order", () => {
    const graphs = fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 2, maxLength: 60 });
    const numbers = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(graphs, numbers, (graph, list) => {
        const steps = graph.map((needs, i): Step => ({
          name: nameOf(i),
          needs: i === 0 ? [] : [...new Set(needs.map((number) => nameOf(number % i)))],
          tool: { kind: "handler", handler: "h" },
        }));
        let at = 0;
        const costs = costsOf({ kind: workflowKind, spec: specOf(workflow(steps)), input: {} }, () => list[at++ % list.length] ?? 0);
        for (const { key, reads, walks, writes } of costs) {
          const dependants = steps.filter(({ needs = [] }) => needs.includes(key));
          const looked = dependants.reduce((sum, { needs = [] }) => sum + needs.length, 0);
          // Its own entry and the total, twice each, and whether it waited for a signal; then each dependant and its needs.
          expect(reads).toBeLessThanOrEqual(8 + 2 * dependants.length + 2 * looked);
          expect(writes).toBe(2 + dependants.length);
          expect(walks).toBe(0);
        }
      }),
      { numRuns: 200 },
    );
  });
});

test("what the end of an item costs is the same after 10 and after 5,000 finished items of a loop", () => {
  const items = Array.from({ length: 5_000 }, (_, i) => nameOf(i));
  const step: Step = { name: "each", foreach: items, maxParallel: 10, tool: { kind: "handler", handler: "h", input: "{{ item }}" } };
  const started = advance(workflowKind, {
    record: { id: "loop", createdAt: 0, name: "w", path: "", spec: specOf(workflow([step])), input: {} } as unknown as JobRecord,
    live,
    cursor: new Map(),
    facts: [{ type: "started" }],
    now: 0,
    outputs: () => [],
  });
  const [loop] = started.children;
  assert(loop !== undefined, "the loop is made");
  const costs = costsOf({ kind: stepKind, spec: loop.spec, input: loop.input ?? null }, middle);
  const [early, late] = [costs.slice(10, 510), costs.slice(-600, -100)];
  expect(early.every(({ children }) => children === 1)).toBe(true);
  expect(most(late, "reads")).toBe(most(early, "reads"));
  expect(most(late, "writes")).toBe(2);
  expect(most(late, "bytes")).toBeLessThanOrEqual(most(early, "bytes") + DIGITS);
  expect(costs.filter(({ walks }) => walks > 0)).toEqual([]);
});
