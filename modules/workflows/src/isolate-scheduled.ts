/**
 * Which executions that a schedule makes get a runner of their own though their workflow does not ask for one: where runners
 * are containers, those that start commands, so that what runs unwatched has its own memory, files and rights. Pure.
 *
 * Nothing changes that somebody has written: not `isolation: shared`, not `executor: process`, and not limits of single steps, which a
 * runner cannot keep. A workflow that starts no command asks for no more rights than before.
 */
import { hasOwnLimits, stepsOf, type Workflow } from "./workflow.ts";

export function isolateScheduled(workflow: Workflow): Workflow {
  if (workflow.isolation !== undefined || workflow.executor === "process") return workflow;
  const steps = stepsOf(workflow);
  if (!steps.some(({ tool }) => tool.kind === "shell") || steps.some((step) => hasOwnLimits(step))) return workflow;
  return { ...workflow, isolation: "job" };
}
