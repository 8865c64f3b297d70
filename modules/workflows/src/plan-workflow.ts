/**
 * What a run of a workflow would be, without running it: the graph, and every field with what is known of it from the inputs
 * alone. What other steps or the execution itself must give first stays as it is written, and is marked so.
 */
import { isJsonObject, type Fault, type Json } from "@windlass/kernel";
import type { CompiledStep } from "./compile-workflow.ts";
import { pathText, type Path } from "./finding.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import { evaluateIn, type Scope } from "./scope.ts";
import { cachedExpression, isTemplate, render, splitTemplate } from "./template.ts";
import type { Step, Workflow } from "./workflow.ts";

export interface PlannedField {
  /** Within the step: `tool.args[1]`. */
  readonly path: string;
  /** Rendered, or as it is written. */
  readonly value: Json;
  /** As it is written, where that is something else. */
  readonly template?: string;
  /** False: it is known when the step starts. */
  readonly isKnown: boolean;
  /** Why it could not be rendered, though all it names is known. */
  readonly fault?: string;
}

export interface PlannedStep {
  readonly name: string;
  readonly kind: string;
  /** Steps of one level may run at the same time; those at the end come last. */
  readonly level: number;
  readonly needs: readonly string[];
  readonly isFinal: boolean;
  readonly fields: readonly PlannedField[];
}

export interface Plan {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly steps: readonly PlannedStep[];
  readonly output: readonly PlannedField[];
}

/** Faults: what is wrong with the inputs. */
export function planOf(workflow: Workflow, given: Json): { readonly plan: Plan } | { readonly faults: readonly Fault[] } {
  const resolved = resolveInputs(workflow, given);
  if ("faults" in resolved) return resolved;
  const { inputs } = resolved;
  const doubles = Object.entries(workflow.inputs ?? {}).flatMap(([name, { type }]) => (type === "number" ? [name] : []));
  const scope: Scope = { inputs, doubles, job: { id: "", name: workflow.metadata.name, attempt: 1 }, step: () => undefined };
  const unknown = new Set([...workflow.steps, ...(workflow.finally ?? [])].map(({ name }) => name));
  const planning = { scope, unknown };
  const levels = levelsOf(workflow.steps);
  const last = Math.max(0, ...levels.values()) + 1;
  const atEnd = levelsOf(workflow.finally ?? []);
  const planned = (step: Step, level: number, isFinal: boolean): PlannedStep => ({
    name: step.name,
    kind: step.tool.kind,
    level,
    needs: step.needs ?? [],
    isFinal,
    fields: fieldsOf(step, planning),
  });
  return {
    plan: {
      name: workflow.metadata.name,
      inputs,
      steps: [
        ...workflow.steps.map((step) => planned(step, levels.get(step.name) ?? 1, false)),
        ...(workflow.finally ?? []).map((step) => planned(step, last + (atEnd.get(step.name) ?? 1) - 1, true)),
      ].toSorted((a, b) => a.level - b.level),
      output: workflow.output === undefined ? [] : leaves(workflow.output, ["output"], planning),
    },
  };
}

interface Planning {
  readonly scope: Scope;
  /** Names of steps: nothing is known of them. */
  readonly unknown: ReadonlySet<string>;
}

function fieldsOf(step: Step, planning: Planning): readonly PlannedField[] {
  const { name: _name, needs: _needs, when, until, tool, ...rest } = step;
  const { kind: _kind, ...fields } = tool as unknown as Record<string, Json>;
  return [
    ...[...(when === undefined ? [] : [["when", when] as const]), ...(until === undefined ? [] : [["until", until] as const])].map(
      ([key, text]) => condition(key, text, planning),
    ),
    ...leaves(rest as unknown as Json, [], planning),
    ...leaves(fields, ["tool"], planning),
  ];
}

function condition(key: string, text: string, planning: Planning): PlannedField {
  if (key === "until" || !isKnownNow(text, planning)) return { path: key, value: text, isKnown: false };
  const verdict = evaluateIn(planning.scope)(text);
  return verdict.ok
    ? { path: key, value: verdict.value, template: text, isKnown: true }
    : { path: key, value: text, isKnown: true, fault: verdict.message };
}

/** Every text, number and boolean, however deep. */
function leaves(value: Json, path: Path, planning: Planning): readonly PlannedField[] {
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => leaves(item, [...path, index], planning));
  if (isJsonObject(value)) return Object.entries(value).flatMap(([key, field]) => leaves(field, [...path, key], planning));
  const place = pathText(path);
  if (typeof value !== "string" || !isTemplate(value)) return [{ path: place, value, isKnown: true }];
  if (!expressionsOf(value).every((text) => isKnownNow(text, planning))) return [{ path: place, value, isKnown: false }];
  const rendered = render(value, evaluateIn(planning.scope));
  return rendered.ok
    ? [{ path: place, value: rendered.value, template: value, isKnown: true }]
    : [{ path: place, value, isKnown: true, fault: rendered.message }];
}

function expressionsOf(text: string): readonly string[] {
  const parts = splitTemplate(text);
  return "mistake" in parts ? [] : parts.flatMap((part) => ("expression" in part ? [part.expression] : []));
}

/** Nothing in it is given by a step, by the item of a loop, or by the execution that does not exist. */
function isKnownNow(text: string, { unknown }: Planning): boolean {
  const expression = cachedExpression(text);
  if ("mistake" in expression) return true;
  return expression.references.every(({ by, name }) => by === "name" && !unknown.has(name) && !["job", "item", "index"].includes(name));
}

/** From 1: one more than the highest of all that it needs. */
function levelsOf(steps: readonly Pick<CompiledStep["step"], "name" | "needs">[]): ReadonlyMap<string, number> {
  const levels = new Map<string, number>();
  let open = [...steps];
  while (open.length > 0) {
    const ready = open.filter(({ needs = [] }) => needs.every((need) => levels.has(need)));
    if (ready.length === 0) return levels;
    for (const { name, needs = [] } of ready) levels.set(name, 1 + Math.max(0, ...needs.map((need) => levels.get(need) ?? 0)));
    open = open.filter(({ name }) => !levels.has(name));
  }
  return levels;
}
