/**
 * What some texts need of a scope, as JSON: what a loop, or the steps at the end of an execution, keep for theirs.
 *
 * P1. Nothing large is copied: of an output that is not passed on its place is kept, and it is read where it is looked at.
 * P2. Of a step there is what the texts name: whoever only asks how it ended keeps no output.
 */
import type { Outputs } from "@windlass/engine";
import type { Json, JsonObject } from "@windlass/kernel";
import type { Scope, StepFacts } from "./scope.ts";
import { readFacts } from "./step-facts.ts";
import { cachedExpression, isTemplate, splitTemplate } from "./template.ts";

export interface CapturedScope extends Pick<Scope, "inputs" | "doubles" | "job" | "leftOut"> {
  readonly steps: Readonly<Record<string, StepFacts>>;
}

export function capture(value: Json, scope: Scope): CapturedScope {
  const inputs = new Map<string, Json>();
  const steps = new Map<string, StepFacts>();
  const opened = new Set<string>();
  const withError = new Set<string>();
  for (const text of expressionsIn(value)) {
    const expression = cachedExpression(text);
    if ("mistake" in expression) continue;
    for (const { by, name, field } of expression.references) {
      const facts = by === "all steps" ? undefined : scope.step(name);
      if (name === "inputs") for (const [input, given] of Object.entries(scope.inputs)) inputs.set(input, given);
      else if (facts !== undefined) steps.set(name, facts);
      else if (by === "name" && Object.hasOwn(scope.inputs, name)) inputs.set(name, scope.inputs[name] ?? null);
      if (expression.opened.has(name)) opened.add(name);
      if (field === undefined || field === "error") withError.add(name);
    }
  }
  return {
    inputs: Object.fromEntries(inputs),
    doubles: scope.doubles.filter((name) => inputs.has(name)),
    job: scope.job,
    steps: Object.fromEntries(
      [...steps].map(([name, facts]) => [name, kept(facts, { output: opened.has(name), error: withError.has(name) })]),
    ),
    ...(scope.leftOut === undefined ? {} : { leftOut: scope.leftOut }),
  };
}

/** See P1 and P2. The output is looked at only where it is part of what is remembered. */
function kept(facts: StepFacts, names: { readonly output: boolean; readonly error: boolean }): StepFacts {
  const { outcome, reason, exitCode, outputRef } = facts;
  const own = { outcome, reason, exitCode, error: names.error ? facts.error : null };
  if (!names.output) return { ...own, output: null };
  return outputRef === undefined ? { ...own, output: facts.output } : { ...own, output: null, outputRef };
}

export function restore({ steps, ...rest }: CapturedScope, outputs: Outputs): Scope {
  return { ...rest, step: (name) => (Object.hasOwn(steps, name) ? readFacts(steps[name] as unknown as Json, outputs) : undefined) };
}

/** Without its largest values, until it has so many characters less: whoever looks at one of them is told that it is left out. */
export function shortened(captured: CapturedScope, characters: number): CapturedScope {
  const values: [string, Json][] = [
    ...Object.entries(captured.inputs),
    ...Object.entries(captured.steps).map(([name, { output }]): [string, Json] => [name, output]),
  ];
  // In its place stand null, and its name with quotes and a comma.
  const gains = values.map(([name, value]) => ({ name, gain: JSON.stringify(value).length - name.length - 7 }));
  const leftOut = new Set(captured.leftOut);
  let excess = characters;
  for (const { name, gain } of gains.toSorted((one, other) => other.gain - one.gain)) {
    if (excess <= 0 || gain <= 0) break;
    leftOut.add(name);
    excess -= gain;
  }
  const inputs = Object.fromEntries(Object.entries(captured.inputs).filter(([name]) => !leftOut.has(name))) satisfies JsonObject;
  // Who looks at all of them would not see that one is missing.
  if (Object.keys(inputs).length < Object.keys(captured.inputs).length) leftOut.add("inputs");
  const steps = Object.entries(captured.steps).map(([name, facts]): [string, StepFacts] => [
    name,
    leftOut.has(name) ? { ...facts, output: null } : facts,
  ]);
  return { ...captured, inputs, steps: Object.fromEntries(steps), leftOut: [...leftOut] };
}

function expressionsIn(value: Json): readonly string[] {
  if (typeof value === "string") {
    const parts = isTemplate(value) ? splitTemplate(value) : [];
    return "mistake" in parts ? [] : parts.flatMap((part) => ("expression" in part ? [part.expression] : []));
  }
  return value === null || typeof value !== "object" ? [] : Object.values(value).flatMap(expressionsIn);
}
