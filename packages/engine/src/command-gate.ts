/**
 * Whether who asks may let a job run that starts commands with the rights of the server: a process, a container,
 * whatever is carried out by something else than code of a worker or of the server itself. It is asked wherever a caller makes a job: by submitting, running, retrying, redriving.
 *
 * G1. A job is refused by what it may ever start: also by the steps of an execution, before any of them is there.
 * G2. What it says of an executor that it does not know is no: what starts no command is listed here.
 */
import { whoHas, WindlassError, type ExecutorName, type JobRecord } from "@windlass/kernel";
import type { Holder } from "./access-cache.ts";
import type { EngineContext } from "./context.ts";

/** Nobody; code that a worker brought with it; what the server itself does, within its own rules (http.deny). */
const NO_COMMAND: ReadonlySet<ExecutorName> = new Set(["none", "handler", "tool"]);

/** Throws `forbidden`, which names the job, the executor and the permission. */
export type CommandGate = (job: Pick<JobRecord, "kind" | "name" | "spec" | "executor">) => void;

export function commandGate(
  context: Pick<EngineContext, "kindOf">,
  { name, permissions }: Pick<Holder, "name" | "permissions">,
): CommandGate {
  if (permissions.has("jobs:command")) return () => {};
  return (job) => {
    const started = [job.executor, ...(job.executor === "none" ? (context.kindOf(job.kind)?.executors?.(job.spec) ?? []) : [])];
    const executor = started.find((one) => !NO_COMMAND.has(one));
    if (executor === undefined) return;
    const what = job.executor === executor ? `the job "${job.name}" is` : `the ${job.kind} "${job.name}" has a part that is`;
    throw new WindlassError(
      "forbidden",
      `${what} for the executor ${executor}, which starts commands with the rights of the server. That needs the permission jobs:command, which the token "${name}" lacks; ${whoHas("jobs:command")}`,
    );
  };
}

/** What a gate throws, for those who answer for each job by itself. */
export function refusalOf(ask: () => void): WindlassError | null {
  try {
    ask();
    return null;
  } catch (error) {
    if (error instanceof WindlassError) return error;
    throw error;
  }
}
