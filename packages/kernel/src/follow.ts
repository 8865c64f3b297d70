/** What follows from the end of a job for others: the fact that its parent is told. */
import type { ChildFact, FinalState, LiveJob } from "./job.ts";

export function endsIn(live: LiveJob, final: FinalState): ChildFact {
  return {
    type: "child",
    id: live.id,
    key: live.childKey ?? live.id,
    outcome: final.outcome,
    reason: final.reason,
    message: final.message,
    exitCode: final.exitCode,
    output: final.output,
  };
}
