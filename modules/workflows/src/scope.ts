/** What expressions see when a step starts: inputs, the job, finished steps, and in a loop the item. */
import type { CelInput } from "@bufbuild/cel";
import type { Json, JsonObject, Outcome, OutputRef, Reason } from "@windlass/kernel";
import { isJsonObject } from "@windlass/kernel";
import { celOf } from "./cel-value.ts";
import type { Evaluated, Expression } from "./expression.ts";
import { cachedExpression, type Evaluate } from "./template.ts";

/** How a step ended, as its dependants see it. */
export interface StepFacts {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly exitCode: number | null;
  readonly output: Json;
  readonly error: string | null;
  /** Where the output stands that is not passed on: `output` is read when somebody looks at it. */
  readonly outputRef?: OutputRef | undefined;
}

export interface Scope {
  readonly inputs: JsonObject;
  /** Inputs declared as `number`: always `double` in expressions, also 2, so that `n * 1.5` works for every value. */
  readonly doubles: readonly string[];
  readonly job: { readonly id: string; readonly name: string; readonly attempt: number };
  readonly step: (name: string) => StepFacts | undefined;
  readonly item?: { readonly value: Json; readonly index: number };
  /** Names whose values did not fit into the job that decides: of a step how it ended may be known all the same. */
  readonly leftOut?: readonly string[];
}

export function evaluateIn(scope: Scope): Evaluate {
  return (text) => {
    const expression = cachedExpression(text);
    if ("mistake" in expression) return failed(text, expression.mistake.message);
    const lacking = lackingIn(expression, scope);
    if (lacking !== undefined) return failed(text, `${lacking} is too large to be handed on to the steps that run at the end`);
    const result = expression.evaluate(variablesOf(expression, scope));
    return result.ok ? result : failed(text, result.message);
  };
}

function lackingIn({ references, opened }: Expression, { leftOut, step }: Scope): string | undefined {
  if (leftOut === undefined) return undefined;
  return references.find(({ name }) => leftOut.includes(name) && (opened.has(name) || step(name) === undefined))?.name;
}

function failed(text: string, message: string): Evaluated {
  return { ok: false, message: `${text.length > 100 ? `${text.slice(0, 97)}...` : text}: ${message}` };
}

/** Only what the expression names is made, and on an object without a prototype. */
function variablesOf(expression: Expression, scope: Scope): Readonly<Record<string, CelInput>> {
  const variables: Record<string, CelInput> = Object.assign(Object.create(null), {});
  const steps = new Map<string, CelInput>();
  for (const { by, name } of expression.references) {
    const facts = by === "all steps" ? undefined : scope.step(name);
    if (by !== "name") {
      if (facts !== undefined) steps.set(name, stepValue(name, facts, expression));
      continue;
    }
    const value = facts === undefined ? nameValue(name, scope) : stepValue(name, facts, expression);
    if (value !== undefined) variables[name] = value;
  }
  if (steps.size > 0) variables["steps"] = steps;
  return variables;
}

function nameValue(name: string, scope: Scope): CelInput | undefined {
  if (name === "inputs") return new Map(Object.keys(scope.inputs).map((input) => [input, inputValue(input, scope)]));
  if (name === "job") return celOf({ ...scope.job });
  if (name === "item" && scope.item !== undefined) return celOf(scope.item.value);
  if (name === "index" && scope.item !== undefined) return BigInt(scope.item.index);
  return Object.hasOwn(scope.inputs, name) ? inputValue(name, scope) : undefined;
}

function inputValue(name: string, { inputs, doubles }: Scope): CelInput {
  const value = inputs[name] ?? null;
  return typeof value === "number" && doubles.includes(name) ? value : celOf(value);
}

/**
 * The facts come last: a field of the output that is called like one of them is reached by `output` only. The output is
 * there for those who read it; it may have to be asked for, and whoever only looks at how a step ended does not.
 */
function stepValue(name: string, facts: StepFacts, { opened }: Expression): CelInput {
  const { outcome, reason, exitCode, error } = facts;
  const output = opened.has(name) ? facts.output : undefined;
  const fields = isJsonObject(output) ? Object.entries(output) : [];
  const own: [string, Json][] = [
    ["name", name],
    ["outcome", outcome],
    ["reason", reason],
    ["exit_code", exitCode],
    ...(output === undefined ? [] : [["output", output] satisfies [string, Json]]),
    ["error", error],
  ];
  return new Map([...fields, ...own].map(([key, value]) => [key, celOf(value)]));
}
