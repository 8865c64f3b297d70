/**
 * Executions only, for rounds that are about what workflows promise: ten steps each, with a diamond, a loop, a step that
 * is tried again, one whose failure is made good, and one that its condition leaves out. Pure.
 */
import type { Outcome } from "@windlass/kernel";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { EFFECTS_VARIABLE, scriptOf, type Behaviour } from "./effects.ts";
import type { PlannedOrder } from "./workload.ts";

export interface ExecutionWorkloadOptions {
  readonly executions: number;
  /** Over how long they are submitted. */
  readonly durationMs: number;
  readonly effectsFile: string;
}

/** How steps end that do not succeed, by their names; no job has such a name otherwise. */
export const MEANT_TO_END: ReadonlyMap<string, Outcome> = new Map([
  ["doomed", "failed"],
  ["left-out", "skipped"],
]);

/** Enough for the worst round: an attempt is lost with whatever carries it. */
const LIMIT = 8;
const LOST = ["failed_node_lost", "failed_timeout"];
const BACKOFF = { initial: "200ms", factor: 1.5, max: "2s" };
const CANCELLED_PART = 0.05;
const FAILURES_MAX = 2;
/** More failures than attempts. */
const ALWAYS = 1_000;

export function planExecutions(
  random: SeededRandom,
  { executions, durationMs, effectsFile }: ExecutionWorkloadOptions,
): readonly PlannedOrder[] {
  const orders = Array.from({ length: executions }, (_one, i): PlannedOrder => {
    const order = { door: "workflow", key: `execution-${i}`, source: sourceOf(random, effectsFile) } as const;
    return { atMs: random.int(durationMs), order, cancelAfterMs: random.chance(CANCELLED_PART) ? random.int(4_000) : null };
  });
  return orders.toSorted((a, b) => a.atMs - b.atMs);
}

/** JSON is YAML. */
function sourceOf(random: SeededRandom, effectsFile: string): string {
  const behaviour = (failures = 0): Behaviour => ({ workMs: 10 + random.int(random.chance(0.2) ? 900 : 190), failures });
  const shell = (does: Behaviour = behaviour()): object => ({
    tool: { kind: "shell", env: { [EFFECTS_VARIABLE]: effectsFile }, script: scriptOf(does) },
  });
  const handler = (does: Behaviour = behaviour()): object => ({ tool: { kind: "handler", handler: "work", input: { ...does } } });
  const either = (does: Behaviour): object => (random.chance(0.5) ? shell(does) : handler(does));
  const again = { limit: LIMIT, on: [...LOST, "failed"], backoff: BACKOFF };
  const steps = [
    { name: "first", ...shell() },
    { name: "left", needs: ["first"], ...shell() },
    { name: "right", needs: ["first"], ...handler() },
    { name: "join", needs: ["left", "right"], ...handler() },
    { name: "each", needs: ["join"], foreach: [1, 2, 3, 4], max_parallel: 2, ...either(behaviour()) },
    { name: "flaky", needs: ["join"], retry: again, ...either(behaviour(1 + random.int(FAILURES_MAX))) },
    { name: "doomed", needs: ["right"], ...shell(behaviour(ALWAYS)) },
    { name: "mend", needs: ["doomed"], when: "failed(doomed)", ...either(behaviour()) },
    { name: "left-out", needs: ["doomed"], when: "succeeded(doomed)", handles: [], ...shell() },
    { name: "last", needs: ["each", "flaky", "mend"], ...either(behaviour()) },
  ];
  return JSON.stringify(
    {
      apiVersion: "windlass.dev/v1",
      kind: "Workflow",
      metadata: { name: "ten-steps" },
      retry: { limit: LIMIT, on: LOST, backoff: BACKOFF },
      steps,
    },
    null,
    1,
  );
}
