/** The jobs of steps that run several times: for each item of a list, or until a condition holds. */
import type { ChildSpec } from "@windlass/engine";
import { isJsonObject, parseDuration, type Json } from "@windlass/kernel";
import { capture } from "./captured-scope.ts";
import { endedChild, failedChild, ownChild } from "./ended-child.ts";
import { pinsFrom, type Pins } from "./pins.ts";
import { evaluateIn, type Scope } from "./scope.ts";
import type { LoopSpec, RoundsSpec } from "./step-spec.ts";
import { render } from "./template.ts";
import { inField } from "./tool-child.ts";
import { DEFAULT_MAX_PARALLEL, DEFAULT_MAX_ROUNDS, ITEMS_MAX, type Step } from "./workflow.ts";

/** Room for the items and what their templates need, in one job. */
const LOOP_LENGTH_MAX = 1_000_000;

type RunStep = Step & Pick<LoopSpec["step"], "runsIn">;

interface Around {
  readonly scope: Scope;
  readonly pins: Pins;
}

export function loopChild(step: RunStep, { scope, pins }: Around): ChildSpec {
  const { name } = step;
  const rendered = render(step.foreach ?? null, evaluateIn(scope));
  if (!rendered.ok) return failedChild(step, name, { reason: "expression_failed", message: inField("foreach", rendered) });
  const items: Json = rendered.value;
  if (!isList(items)) return failedChild(step, name, { reason: "expression_failed", message: "foreach: it is not a list" });
  if (items.length > ITEMS_MAX)
    return failedChild(step, name, { reason: "too_many_items", message: `foreach: ${items.length} items; ${ITEMS_MAX} are allowed` });
  if (items.length === 0)
    return endedChild(step, name, { outcome: "succeeded", reason: "no_items", message: "foreach: there are no items", output: [] });
  const spec: LoopSpec = {
    type: "loop",
    step: repeated(step),
    maxParallel: step.maxParallel ?? DEFAULT_MAX_PARALLEL,
    failFast: step.failFast ?? false,
    scope: capture(textsOf(step), scope),
    ...pinnedFor(step, pins),
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

/** Each round begins when the one before has ended, and the condition did not hold. */
export function roundsChild(step: RunStep, until: string, { scope, pins }: Around): ChildSpec {
  const spec: RoundsSpec = {
    type: "rounds",
    step: repeated(step),
    until,
    maxRounds: step.maxRounds ?? DEFAULT_MAX_ROUNDS,
    pauseMs: step.pause === undefined ? 0 : (parseDuration(step.pause) ?? 0),
    scope: capture([textsOf(step), `{{ ${until} }}`], scope),
    ...pinnedFor(step, pins),
  };
  if (JSON.stringify(spec).length > LOOP_LENGTH_MAX) {
    return failedChild(step, step.name, {
      reason: "bad_spec",
      message: `until: what the condition and the templates use is larger than ${LOOP_LENGTH_MAX} characters`,
    });
  }
  return ownChild(step, step.name, { spec });
}

/** Of a step what each repetition needs. */
function repeated(step: RunStep): LoopSpec["step"] {
  const { name, tool, timeoutSeconds, retry, queue, executor, priority, concurrency, runsIn } = step;
  return {
    name,
    tool,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(retry === undefined ? {} : { retry }),
    ...(queue === undefined ? {} : { queue }),
    ...(runsIn === undefined ? {} : { runsIn }),
    ...(priority === undefined ? {} : { priority }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(executor === undefined || tool.kind !== "container" ? {} : { executor }),
  };
}

function textsOf({ tool, concurrency }: Step): Json {
  return [tool as unknown as Json, concurrency?.key ?? null];
}

function pinnedFor({ tool }: Step, pins: Pins): Pick<LoopSpec, "pinned"> {
  return tool.kind === "workflow" ? { pinned: pinsFrom(tool.name, pins) } : {};
}
