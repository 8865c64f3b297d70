/**
 * What becomes of a step once all it needs has finished: it runs, it is skipped, or it fails because it cannot be
 * decided. Depends on finished steps that come before it and nothing else, so it is the same whenever it is asked.
 */
import type { ChildSpec } from "@windlass/engine";
import type { CompiledStep, CompiledWorkflow } from "./compile-workflow.ts";
import { endedChild, failedChild } from "./ended-child.ts";
import { loopChild, roundsChild } from "./loop-child.ts";
import { holds } from "./predicates.ts";
import { evaluateIn, type Scope, type StepFacts } from "./scope.ts";
import { inField, toolChild } from "./tool-child.ts";

export type Facts = (step: string) => StepFacts | undefined;

export interface Where {
  readonly scope: Scope;
  /** How many jobs lie above the execution. */
  readonly depth: number;
  /** The execution, where its steps run in a runner. */
  readonly runsIn?: string | undefined;
}

export function decideStep(compiled: CompiledWorkflow, name: string, { scope, depth, runsIn }: Where): ChildSpec {
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
  const withDefaults = {
    ...(retry === undefined ? {} : { retry }),
    ...(executor === undefined ? {} : { executor }),
    ...(runsIn === undefined ? {} : { runsIn }),
    ...step,
  };
  if (step.until !== undefined) return roundsChild(withDefaults, step.until, { scope, pins: compiled.pins });
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
