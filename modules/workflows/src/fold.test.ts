/** What holds of every execution that waits for signals, repeats, and cleans up, in any order and bundling of its facts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JobRecord, Json, LiveJob, SignalFact } from "@windlass/kernel";
import { advanceWorkflow } from "./advance.ts";
import { play, type Played } from "./execution-fixture.ts";
import { checkDefinition } from "./parse-workflow.ts";
import { specOf, type Step, type Workflow } from "./workflow.ts";

const SIGNALS = ["x", "y"] as const;

/** Random graphs of steps that wait, work, repeat, or loop over items that wait. */
const workflows = fc
  .array(
    fc.record({
      kind: fc.constantFrom("wait", "wait", "work", "rounds", "loop"),
      name: fc.constantFrom(...SIGNALS),
      needs: fc.array(fc.nat(), { maxLength: 2 }),
    }),
    {
      minLength: 1,
      maxLength: 9,
    },
  )
  .map((rows): Workflow => {
    const steps = rows.map(({ kind, name, needs }, index): Step => {
      const before = index === 0 ? [] : [...new Set(needs.map((number) => `s${number % index}`))];
      const base = { name: `s${index}`, needs: before };
      const wait = { kind: "wait", signal: name } as const;
      if (kind === "wait") return { ...base, tool: wait };
      if (kind === "loop") return { ...base, foreach: [1, 2], maxParallel: 1, tool: wait };
      if (kind === "rounds") return { ...base, until: "index >= 1", tool: { kind: "noop" } };
      return { ...base, tool: { kind: "shell", script: "x" } };
    });
    const last: Step = { name: "last", tool: { kind: "shell", script: "{{ steps['s0'].outcome }}" }, timeoutSeconds: 60 };
    return { apiVersion: "windlass.dev/v1", kind: "Workflow", metadata: { name: "w" }, steps, finally: [last] };
  });

const numbers = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 60 });
const chance = (list: readonly number[]): (() => number) => {
  let at = 0;
  return () => list[at++ % list.length] ?? 0;
};

const isWait = (step: Step, name: string): boolean => step.tool.kind === "wait" && step.tool.signal === name;
/** As many as are waited for, each with a number of its own, and one more of each name that nobody needs. */
const signalsFor = ({ steps }: Workflow): readonly SignalFact[] =>
  SIGNALS.flatMap((name) => {
    const count = steps.reduce((sum, step) => sum + (isWait(step, name) ? (step.foreach === undefined ? 1 : 2) : 0), 0);
    return Array.from({ length: count + 1 }, (_, data) => ({ type: "signal", name, data, by: "ada", at: 1 }) as const);
  });

function receivedOf({ steps }: Played, workflow: Workflow, name: string): readonly Json[] {
  return workflow.steps.filter((step) => isWait(step, name)).flatMap((step) => steps.get(step.name)?.output ?? []);
}

test("every step that waits gets a signal, each signal is used at most once, and the steps at the end run once", () => {
  fc.assert(
    fc.property(workflows, numbers, (workflow, list) => {
      expect(checkDefinition(specOf(workflow))).toEqual({ workflow });
      const signals = signalsFor(workflow);
      const played = play({ workflow, signals, random: chance(list) });
      expect(played.result.outcome).toBe("succeeded");
      for (const name of SIGNALS) {
        const received = receivedOf(played, workflow, name);
        const sent = signals.filter((signal) => signal.name === name).length;
        expect(new Set(received).size).toBe(received.length);
        // All but the last one that was sent, unless it came to a loop that kept it for an item that never was.
        expect(received.length).toBe(sent - 1);
      }
      expect(played.leaves.filter(({ key }) => key === "last")).toHaveLength(1);
      expect(new Set(played.made).size).toBe(played.made.length);
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("folding the facts all at once gives the same cursor as folding them as they came", () => {
  let number = 0;
  fc.assert(
    fc.property(workflows, numbers, (workflow, list) => {
      const played = play({ workflow, signals: signalsFor(workflow), random: chance(list) });
      const record = {
        id: `fold_${++number}`,
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
      expect(Object.fromEntries(Object.entries(whole.cursor).filter(([, value]) => value !== null))).toEqual(
        Object.fromEntries(played.cursor),
      );
      expect(whole.finish).toEqual(played.result);
    }),
    { numRuns: 100 },
  );
}, 60_000);
