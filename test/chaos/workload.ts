/**
 * What is submitted in one round, from a seed: tasks that run processes, handlers, and workflows with several steps; by
 * every door a user has. Everything has an idempotency key, so that whoever got no answer may ask again. Pure.
 */
import type { Submission } from "@windlass/contract";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { EFFECTS_VARIABLE, scriptOf, type Behaviour } from "./effects.ts";

/** One request of a user. */
export type Order =
  | { readonly door: "submit"; readonly submissions: readonly [Submission] }
  | { readonly door: "batch"; readonly submissions: readonly Submission[] }
  /** `windlass jobs submit` */
  | { readonly door: "command"; readonly key: string; readonly script: string; readonly retries: number }
  | { readonly door: "workflow"; readonly key: string; readonly source: string };

export interface PlannedOrder {
  readonly atMs: number;
  readonly order: Order;
  /** When the user asks for its end, after it was acknowledged. */
  readonly cancelAfterMs: number | null;
}

export interface WorkloadOptions {
  /** About how many jobs, those below executions included. */
  readonly jobs: number;
  /** Over how long they are submitted. */
  readonly durationMs: number;
  readonly effectsFile: string;
}

/** Jobs of one workflow: the execution, three steps, a loop with its items. */
const JOBS_OF_WORKFLOW = 8;
/** Enough for the worst round: an attempt is lost with whatever carries it. */
const RETRY = {
  limit: 8,
  on: ["failed", "failed_node_lost", "failed_timeout"],
  backoff: { initialSeconds: 0.2, factor: 1.5, maxSeconds: 2 },
} as const;
/** `windlass jobs submit` starts a whole program, so there are only a few. */
const COMMANDS_MAX = 6;
const BATCH_MAX = 12;
const CANCELLED_PART = 0.05;
const KEYED_PART = 0.25;

export function planWorkload(random: SeededRandom, { jobs, durationMs, effectsFile }: WorkloadOptions): readonly PlannedOrder[] {
  const orders: PlannedOrder[] = [];
  let made = 0;
  const key = (): string => `chaos-${made}`;
  const add = (order: Order, count: number): void => {
    made += count;
    const cancelAfterMs = random.chance(CANCELLED_PART) ? random.int(2_000) : null;
    orders.push({ atMs: random.int(durationMs), order, cancelAfterMs });
  };
  for (let i = 0; i < COMMANDS_MAX && made < jobs; i++)
    add({ door: "command", key: key(), script: scriptOf(behaviour(random)), retries: RETRY.limit }, 1);
  while (made < jobs) {
    const dice = random.next();
    if (dice < 0.15) add({ door: "workflow", key: key(), source: workflowSource(random, effectsFile) }, JOBS_OF_WORKFLOW);
    else if (dice < 0.35) {
      const count = Math.min(jobs - made, 2 + random.int(BATCH_MAX - 1));
      const first = made;
      add(
        {
          door: "batch",
          submissions: Array.from({ length: count }, (_, i) => submission(random, { effectsFile, key: `chaos-${first + i}` })),
        },
        count,
      );
    } else add({ door: "submit", submissions: [submission(random, { effectsFile, key: key() })] }, 1);
  }
  return orders.toSorted((a, b) => a.atMs - b.atMs);
}

function behaviour(random: SeededRandom): Behaviour {
  return { workMs: random.chance(0.5) ? 10 + random.int(90) : 100 + random.int(900), failures: random.chance(0.2) ? 1 + random.int(2) : 0 };
}

function submission(random: SeededRandom, { effectsFile, key }: { readonly effectsFile: string; readonly key: string }): Submission {
  const does = behaviour(random);
  const limit = 1 + random.int(2);
  const shared = {
    idempotencyKey: key,
    retry: { ...RETRY, on: [...RETRY.on] },
    priority: random.int(5),
    ...(random.chance(KEYED_PART) ? { concurrency: { key: `gate-${limit}`, limit } } : {}),
  };
  if (random.chance(0.45)) return { ...shared, ...handlerWork(does) };
  return { ...shared, name: "script", executor: "process", spec: { script: scriptOf(does), env: { [EFFECTS_VARIABLE]: effectsFile } } };
}

/** A handler that works for so long and succeeds. */
export function handled(key: string, workMs: number): Submission {
  return { idempotencyKey: key, retry: { ...RETRY, on: [...RETRY.on] }, ...handlerWork({ workMs, failures: 0 }) };
}

function handlerWork(does: Behaviour): Pick<Submission, "name" | "executor" | "spec" | "input"> {
  return { name: "handled", executor: "handler", spec: { handler: "work" }, input: { ...does } };
}

/** A small graph; JSON is YAML. */
function workflowSource(random: SeededRandom, effectsFile: string): string {
  const retry = { limit: RETRY.limit, on: [...RETRY.on], backoff: { initial: "200ms", factor: 1.5, max: "2s" } };
  const shell = (): object => ({
    retry,
    tool: { kind: "shell", env: { [EFFECTS_VARIABLE]: effectsFile }, script: scriptOf(behaviour(random)) },
  });
  const handler = { retry, tool: { kind: "handler", handler: "work", input: { ...behaviour(random) } } };
  const steps = [
    { name: "first", ...shell() },
    { name: "left", needs: ["first"], ...shell() },
    { name: "right", needs: ["first"], ...handler },
    { name: "each", needs: ["left", "right"], foreach: [1, 2, 3], ...shell() },
  ];
  return JSON.stringify({ apiVersion: "windlass.dev/v1", kind: "Workflow", metadata: { name: "chaos" }, steps }, null, 1);
}
