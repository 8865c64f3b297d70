/**
 * The steps that run at the end of an execution, however it ends: a job of its own below it, made when nothing else is
 * open, also while the execution is being stopped (engine, `close`).
 *
 * F1. It is made once; the cursor says so.
 * F2. What it needs of the execution is captured when it is made: a step that never ran counts as skipped there.
 * F3. It makes no failure good, and what fails in it fails an execution that had succeeded.
 */
import type { ChildSpec } from "@windlass/engine";
import { CLOSING_KEY, type Json } from "@windlass/kernel";
import type { CompiledWorkflow } from "./compile-workflow.ts";
import { ownChild } from "./ended-child.ts";
import { pinsFrom } from "./pins.ts";
import { capture, type Scope, type StepFacts } from "./scope.ts";
import type { FinallySpec } from "./step-spec.ts";
import { FINALLY_SECONDS_MAX, type Step } from "./workflow.ts";

/** Of a step that the execution never came to. */
const NEVER: StepFacts = { outcome: "skipped", reason: "parent_ended", exitCode: null, output: null, error: null };

/** Null: there are none. */
export function finallyChild({ workflow, pins }: CompiledWorkflow, scope: Scope): ChildSpec | null {
  const { finally: steps = [], output: _output, ...rest } = workflow;
  if (steps.length === 0) return null;
  const known = {
    ...scope,
    step: (name: string) => scope.step(name) ?? (workflow.steps.some((one) => one.name === name) ? NEVER : undefined),
  };
  const calls = steps.flatMap(({ tool }) => (tool.kind === "workflow" ? [tool.name] : []));
  const spec: FinallySpec = {
    type: "finally",
    workflow: { ...rest, steps },
    scope: capture(steps.map(textsOf), known),
    ...(calls.length === 0
      ? {}
      : { pinned: Object.assign({}, ...calls.map((name) => pinsFrom(name, pins))) as FinallySpec["pinned"] & object }),
  };
  return { ...ownChild({ name: CLOSING_KEY }, CLOSING_KEY, { spec }), name: "finally", timeoutMs: FINALLY_SECONDS_MAX * 1000 };
}

/** Everything of a step that expressions may stand in. */
function textsOf({ tool, foreach = null, concurrency, when, until }: Step): Json {
  const conditions = [when, until].flatMap((text) => (text === undefined ? [] : [`{{ ${text} }}`]));
  return [tool as unknown as Json, foreach, concurrency?.key ?? null, ...conditions];
}
