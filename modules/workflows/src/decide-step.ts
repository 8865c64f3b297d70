/**
 * What becomes of a step once all it needs has finished: it runs, it is skipped, or it fails because it cannot be
 * decided. Depends on finished steps that come before it and nothing else, so it is the same whenever it is asked.
 */
import type { ChildSpec } from "@windlass/engine";
import { isJsonObject, type Json } from "@windlass/kernel";
import type { CompiledStep, CompiledWorkflow } from "./compile-workflow.ts";
import { holds } from "./predicates.ts";
import { capture, evaluateIn, type Scope, type StepFacts } from "./scope.ts";
import { pinsFrom, type Pins } from "./pins.ts";
import type { LoopSpec } from "./step-spec.ts";
import { endedChild, failedChild, ownChild } from "./ended-child.ts";
import { render } from "./template.ts";
import { inField, toolChild } from "./tool-child.ts";
import { DEFAULT_MAX_PARALLEL, ITEMS_MAX } from "./workflow.ts";

export type Facts = (step: string) => StepFacts | undefined;

/** Room for the items and what their templates need, in one job. */
const LOOP_LENGTH_MAX = 1_000_000;

export interface Where {
  readonly scope: Scope;
  /** How many jobs lie above the execution. */
  readonly depth: number;
}

export function decideStep(compiled: CompiledWorkflow, name: string, { scope, depth }: Where): ChildSpec {
  const own = stepNamed(compiled, name);
  const { step } = own;
  if (step.when === undefined) {
    const bad = own.needs.find((need) => !isGood(stepNamed(compiled, need), own, scope.step));
    if (bad !== undefined)
      return endedChild(step, name, {
        outcome: "skipped",
        reason: "needs_failed",
        message: `${bad} ${scope.step(bad)?.outcome === "skipped" ? "was skipped" : "did not succeed"}`,
      });
  } else {
    const verdict = evaluateIn(scope)(step.when);
    if (!verdict.ok) return failedChild(step, name, { reason: "expression_failed", message: inField("when", verdict) });
    if (typeof verdict.value !== "boolean")
      return failedChild(step, name, { reason: "expression_failed", message: `when: ${step.when}: it is neither true nor false` });
    if (!verdict.value) return endedChild(step, name, { outcome: "skipped", reason: "when_false", message: step.when });
  }
  const { retry, executor } = compiled.workflow;
  const withDefaults = { ...(retry === undefined ? {} : { retry }), ...(executor === undefined ? {} : { executor }), ...step };
  if (step.foreach === undefined)
    return toolChild({ step: withDefaults, key: name, evaluate: evaluateIn(scope), site: { pins: compiled.pins, depth } });
  return loopChild(withDefaults, { scope, pins: compiled.pins });
}

export function stepNamed(compiled: CompiledWorkflow, name: string): CompiledStep {
  const step = compiled.steps.get(name);
  if (step === undefined) throw new Error(`the execution has a child ${name} that is no step of its workflow`);
  return step;
}

/** A failed step is made good by a handler that succeeded, or by its own word that its failure does not matter. */
export function isHandled(own: CompiledStep, facts: Facts, handlers: readonly string[] = own.handlers): boolean {
  return own.step.continueOnFailure === true || handlers.some((handler) => facts(handler)?.outcome === "succeeded");
}

/** Only handlers that come before the step count: whether another one has finished by now would be chance. */
function isGood(need: CompiledStep, own: CompiledStep, facts: Facts): boolean {
  const outcome = facts(need.step.name)?.outcome;
  if (outcome === undefined) return false;
  if (holds("succeeded", outcome)) return true;
  return holds("failed", outcome) && isHandled(need, facts, own.healers.get(need.step.name) ?? []);
}

function loopChild(step: CompiledStep["step"], { scope, pins }: { scope: Scope; pins: Pins }): ChildSpec {
  const { name } = step;
  const rendered = render(step.foreach ?? null, evaluateIn(scope));
  if (!rendered.ok) return failedChild(step, name, { reason: "expression_failed", message: inField("foreach", rendered) });
  const items: Json = rendered.value;
  if (!isList(items)) return failedChild(step, name, { reason: "expression_failed", message: "foreach: it is not a list" });
  if (items.length > ITEMS_MAX)
    return failedChild(step, name, { reason: "too_many_items", message: `foreach: ${items.length} items; ${ITEMS_MAX} are allowed` });
  if (items.length === 0)
    return endedChild(step, name, { outcome: "succeeded", reason: "no_items", message: "foreach: there are no items", output: [] });
  const { tool, timeoutSeconds, retry, queue, executor, priority, concurrency } = step;
  const spec: LoopSpec = {
    type: "loop",
    step: {
      name,
      tool,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
      ...(retry === undefined ? {} : { retry }),
      ...(queue === undefined ? {} : { queue }),
      ...(priority === undefined ? {} : { priority }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(executor === undefined || tool.kind !== "container" ? {} : { executor }),
    },
    maxParallel: step.maxParallel ?? DEFAULT_MAX_PARALLEL,
    failFast: step.failFast ?? false,
    scope: capture([tool, concurrency?.key ?? null] as unknown as Json, scope),
    ...(tool.kind === "workflow" ? { pinned: pinsFrom(tool.name, pins) } : {}),
  };
  if (JSON.stringify([spec, items]).length > LOOP_LENGTH_MAX) {
    return failedChild(step, name, {
      reason: "bad_spec",
      message: `foreach: the items and what their templates use are larger than ${LOOP_LENGTH_MAX} characters`,
    });
  }
  return ownChild(step, name, { spec, input: items });
}

function isList(value: Json): value is readonly Json[] {
  return typeof value === "object" && value !== null && !isJsonObject(value);
}
