/** Renders a step that runs another workflow into an execution of it: a child with steps of its own. */
import type { ChildSpec } from "@windlass/engine";
import { messageOf, NO_RETRY, wholeSeconds, WindlassError } from "@windlass/kernel";
import { withPins, type Pins } from "./pins.ts";
import { resolveInputs } from "./resolve-inputs.ts";
import type { LoopSpec } from "./step-spec.ts";
import { labelsOf, concurrencyOf } from "./submit-workflow.ts";
import { render, type Evaluate } from "./template.ts";
import { failedChild } from "./ended-child.ts";
import type { CallTool } from "./workflow.ts";

/** Where in a tree of jobs a step is decided. */
export interface Site {
  readonly pins: Pins;
  /** How many jobs lie above the one that decides. */
  readonly depth: number;
}

/**
 * Below an execution lie its steps, the items of a loop, and the steps that end it: three levels that must still fit into
 * a tree of jobs (kernel, DEPTH_MAX).
 */
const DEPTH_MAX = 12;

export interface Call {
  readonly step: LoopSpec["step"];
  readonly tool: CallTool;
  readonly key: string;
  readonly evaluate: Evaluate;
  readonly site: Site;
}

export function callChild({ step, tool, key, evaluate, site }: Call): ChildSpec {
  const pinned = Object.hasOwn(site.pins, tool.name) ? site.pins[tool.name] : undefined;
  if (pinned === undefined)
    return failedChild(step, key, { reason: "bad_spec", message: `the version of the workflow ${tool.name} is not pinned` });
  if (site.depth + 1 > DEPTH_MAX)
    return failedChild(step, key, {
      reason: "too_deep",
      message: `${tool.name} would be the workflow number ${site.depth + 2} inside of each other; ${DEPTH_MAX + 1} are allowed`,
    });
  const given = render(tool.inputs ?? {}, evaluate);
  if (!given.ok) return failedChild(step, key, { reason: "expression_failed", message: `inputs: ${given.message}` });
  const { workflow } = pinned;
  const resolved = resolveInputs(workflow, given.value);
  if ("faults" in resolved)
    return failedChild(step, key, { reason: "input_invalid", message: resolved.faults.map(({ message }) => message).join("; ") });
  try {
    return {
      key,
      kind: "workflow",
      name: workflow.metadata.name,
      spec: withPins(workflow, site.pins),
      input: resolved.inputs,
      executor: "none",
      queue: step.queue ?? workflow.queue,
      priority: workflow.priority,
      retry: NO_RETRY,
      timeoutMs: shorterOf(step.timeoutSeconds, workflow.timeoutSeconds),
      concurrency: concurrencyOf(workflow, resolved.inputs),
      labels: labelsOf(workflow, pinned.id),
    };
  } catch (error) {
    if (!(error instanceof WindlassError)) throw error;
    return failedChild(step, key, { reason: "bad_spec", message: messageOf(error) });
  }
}

function shorterOf(one: number | undefined, other: number | undefined): number | null {
  const least = Math.min(one ?? Number.POSITIVE_INFINITY, other ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(least) ? wholeSeconds(least) : null;
}
