/** What follows from the end of a job for others: the fact that its parent is told. */
import { OUTPUT_PASSED_ON_MAX, type ChildFact, type FinalState, type LiveJob } from "./job.ts";
import type { Json } from "./json.ts";
import { isRunnerKey } from "./runner.ts";

export function endsIn(live: LiveJob, final: FinalState): ChildFact {
  const length = lengthOf(final.output);
  const isLarge = length > OUTPUT_PASSED_ON_MAX;
  return {
    type: "child",
    id: live.id,
    key: live.childKey ?? live.id,
    outcome: final.outcome,
    reason: final.reason,
    message: final.message,
    exitCode: final.exitCode,
    output: isLarge ? null : final.output,
    ...(isLarge ? { outputRef: { of: live.id, length } } : {}),
    // What it carried out lies deeper in the tree than its parent looks.
    ...(isRunnerKey(live.childKey) && final.progress !== null ? { worked: true } : {}),
  };
}

/** Most outputs are nothing, or too short for a second look. */
function lengthOf(output: Json): number {
  return output === null || typeof output === "number" || typeof output === "boolean" ? 0 : JSON.stringify(output).length;
}
