/** Why a step of an isolated execution is not carried out yet: what there is of a runner for it. */
import { executionOfQueue } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { liveRunner } from "./standing.ts";

export interface AwaitedRunner {
  readonly message: string;
  /** The runner's id, or that of the execution that has none now. */
  readonly object: string;
  /** What holds the runner itself back explains the step as well. */
  readonly waits: boolean;
}

/** Null: the queue is none of an execution. `queue`: its name. */
export async function awaitedRunner(context: EngineContext, queue: string): Promise<AwaitedRunner | null> {
  const execution = executionOfQueue(queue);
  if (execution === null) return null;
  const runner = await liveRunner(context, execution);
  if (runner === undefined)
    return { message: "its execution has no runner now; one is made within moments", object: execution, waits: false };
  const { id, state } = runner;
  const waits = state === "queued" || state === "scheduled";
  const message = waits ? `its runner ${id} is ${state}` : `its runner ${id} is ${state} and has not asked for it yet`;
  return { message, object: id, waits };
}
