/** What comes next among the steps that run at the end of an execution: as in one, with what was captured of it (finally-child.ts). */
import type { AdvanceInput, Decision } from "@windlass/engine";
import { advanceSteps } from "./advance.ts";
import { restore } from "./captured-scope.ts";
import { compiledFor } from "./compile-workflow.ts";
import type { FinallySpec } from "./step-spec.ts";

export function advanceFinally(input: AdvanceInput, { workflow, scope, pinned = {} }: FinallySpec): Decision {
  const compiled = compiledFor(input.record, () => ({ workflow, pins: pinned }));
  return advanceSteps(input, compiled, restore(scope, input.outputs));
}
