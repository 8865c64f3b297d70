/**
 * The steps that run at the end of an execution, however it ends: a job of its own below it, made when nothing else is
 * open, also while the execution is being stopped (engine, `close`).
 *
 * F1. It is made once; the cursor says so.
 * F2. What it needs of the execution is captured when it is made: a step that never ran counts as skipped there.
 * F3. What is too large to be handed on is left out, the largest first; a step that looks at it fails, the others run.
 * F4. It makes no failure good, and what fails in it fails an execution that had succeeded.
 */
import { PAYLOAD_LENGTH_MAX, type ChildSpec } from "@windlass/engine";
import { CLOSING_KEY, type Json } from "@windlass/kernel";
import { capture, shortened, type CapturedScope } from "./captured-scope.ts";
import type { CompiledWorkflow } from "./compile-workflow.ts";
import { failedChild, ownChild } from "./ended-child.ts";
import { pinsFrom, type Pins } from "./pins.ts";
import type { Scope, StepFacts } from "./scope.ts";
import type { FinallySpec } from "./step-spec.ts";
import { FINALLY_SECONDS_MAX, type Step } from "./workflow.ts";

/** Room for the words around the names of what is left out. */
const LEFT_OUT_LENGTH = 100;

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
  const pinned = calls.length === 0 ? {} : { pinned: Object.assign({}, ...calls.map((name) => pinsFrom(name, pins))) as Pins };
  const specWith = (captured: CapturedScope): FinallySpec => ({
    type: "finally",
    workflow: { ...rest, steps },
    scope: captured,
    ...pinned,
  });
  const own = { name: CLOSING_KEY };
  return { ...childOf(own, capture(steps.map(textsOf), known), specWith), name: "finally", timeoutMs: FINALLY_SECONDS_MAX * 1000 };
}

/** See F3. Where nothing that could be left out would help, the steps at the end fail as a whole. */
function childOf(own: Pick<Step, "name">, scope: CapturedScope, specWith: (captured: CapturedScope) => FinallySpec): ChildSpec {
  const whole = specWith(scope);
  const excess = JSON.stringify(whole).length - PAYLOAD_LENGTH_MAX;
  const spec = excess <= 0 ? whole : specWith(shortened(scope, excess + LEFT_OUT_LENGTH));
  const { length } = JSON.stringify(spec);
  if (length <= PAYLOAD_LENGTH_MAX) return ownChild(own, CLOSING_KEY, { spec });
  const message = `the steps and what they use have ${length} characters; ${PAYLOAD_LENGTH_MAX} are allowed`;
  return failedChild(own, CLOSING_KEY, { reason: "bad_spec", message });
}

/** Everything of a step that expressions may stand in. */
function textsOf({ tool, foreach = null, concurrency, when, until }: Step): Json {
  const conditions = [when, until].flatMap((text) => (text === undefined ? [] : [`{{ ${text} }}`]));
  return [tool as unknown as Json, foreach, concurrency?.key ?? null, ...conditions];
}
