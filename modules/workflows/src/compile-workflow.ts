/** What an execution's decisions need to know of its workflow, worked out once: who waits for whom, and who makes whose failure good. */
import type { JobRecord, JsonObject } from "@windlass/kernel";
import { ancestry } from "./graph.ts";
import { cachedExpression } from "./template.ts";
import { partsOf, type Pins } from "./pins.ts";
import type { Step, Workflow } from "./workflow.ts";

export interface CompiledStep {
  readonly step: Step;
  readonly needs: readonly string[];
  readonly dependants: readonly string[];
  /** Steps whose success makes a failure of this one good. */
  readonly handlers: readonly string[];
  /** For a step without `when`: those handlers of each need that have finished for certain when this step is decided. */
  readonly healers: ReadonlyMap<string, readonly string[]>;
}

export interface CompiledWorkflow {
  readonly workflow: Workflow;
  readonly steps: ReadonlyMap<string, CompiledStep>;
  readonly doubles: readonly string[];
  /** The versions of the workflows that its steps run. */
  readonly pins: Pins;
}

interface Parts {
  readonly workflow: Workflow;
  readonly pins: Pins;
}

/** Workflows kept: as many as are busy at once on one server, each a few megabytes at worst. */
const CACHE_MAX = 64;
const cache = new Map<string, CompiledWorkflow>();

/** By the execution: its specification never changes. */
export function compiledFor({ id, createdAt, spec }: JobRecord, parts: (spec: JsonObject) => Parts = partsOf): CompiledWorkflow {
  const key = `${id}/${createdAt}`;
  const known = cache.get(key);
  cache.delete(key);
  const compiled = known ?? compileWorkflow(parts(spec));
  cache.set(key, compiled);
  const [oldest] = cache.size > CACHE_MAX ? cache.keys() : [];
  if (oldest !== undefined) cache.delete(oldest);
  return compiled;
}

/** Nothing of it is asked again once the execution has ended. */
export function forgetCompiled({ id, createdAt }: JobRecord): void {
  cache.delete(`${id}/${createdAt}`);
}

function compileWorkflow({ workflow, pins }: Parts): CompiledWorkflow {
  const { steps } = workflow;
  const dependants = new Map<string, string[]>(steps.map(({ name }) => [name, []]));
  const handlers = new Map<string, string[]>(steps.map(({ name }) => [name, []]));
  for (const step of steps) {
    for (const need of step.needs ?? []) dependants.get(need)?.push(step.name);
    for (const handled of handledBy(step)) handlers.get(handled)?.push(step.name);
  }
  const anyHandlers = [...handlers.values()].some((names) => names.length > 0);
  const comesBefore = anyHandlers ? ancestry(steps) : () => false;
  const healersOf = (step: Step): ReadonlyMap<string, readonly string[]> =>
    new Map(
      (step.when === undefined && anyHandlers ? (step.needs ?? []) : [])
        .map((need): [string, readonly string[]] => [need, (handlers.get(need) ?? []).filter((handler) => comesBefore(handler, step.name))])
        .filter(([, names]) => names.length > 0),
    );
  const compiled = steps.map((step): [string, CompiledStep] => [
    step.name,
    {
      step,
      needs: step.needs ?? [],
      dependants: dependants.get(step.name) ?? [],
      handlers: handlers.get(step.name) ?? [],
      healers: healersOf(step),
    },
  ]);
  const doubles = Object.entries(workflow.inputs ?? {}).flatMap(([name, { type }]) => (type === "number" ? [name] : []));
  return { workflow, steps: new Map(compiled), doubles, pins };
}

/** The steps that this one makes good: what it says, or those that its condition names. */
function handledBy({ when, handles }: Step): readonly string[] {
  if (handles !== undefined) return handles;
  const expression = when === undefined ? undefined : cachedExpression(when);
  if (expression === undefined || "mistake" in expression) return [];
  return [...new Set(expression.references.filter(({ by }) => by !== "all steps").map(({ name }) => name))];
}
