/** Why a step of an isolated execution is not carried out yet: what there is of a runner for it. */
import { CLOSING_KEY, executionOfQueue, isRunnerKey, RUNNER_NAME } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

export interface AwaitedRunner {
  readonly message: string;
  /** The runner's id, or that of the execution that has none now. */
  readonly object: string;
}

/** Jobs of that name below one parent that are looked at: a step may be called so as well. */
const NAMED_MAX = 100;

/** Null: the queue is none of an execution. `queue`: its name. */
export async function awaitedRunner({ store }: EngineContext, queue: string): Promise<AwaitedRunner | null> {
  const execution = executionOfQueue(queue);
  if (execution === null) return null;
  const closing = await store.reads.child(execution, CLOSING_KEY);
  const parentId = closing === null || closing.live === null ? execution : closing.record.id;
  const jobs = await store.jobs.live({ parentId, name: RUNNER_NAME }, NAMED_MAX);
  const runner = jobs.find(({ childKey }) => isRunnerKey(childKey));
  if (runner === undefined) return { message: "its execution has no runner now; one is made within moments", object: execution };
  return { message: `its runner ${runner.id} is ${runner.state} and has not asked for it yet`, object: runner.id };
}
