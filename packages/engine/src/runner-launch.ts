/** What a runner is launched with: how it reaches the server from where it is, and the token that lets it in there. */
import { hasCode, isWindlassError, messageOf, NO_SECRETS, WindlassError, type Result } from "@windlass/kernel";
import type { ClaimedJob, LaunchRequest } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { runnerTokenFor } from "./runner-token.ts";
import { readyToSeal } from "./secrets.ts";

const TOKEN_VARIABLE = "WINDLASS_TOKEN";

type RunnerParts = Required<Pick<LaunchRequest, "spec" | "environment" | "secretEnvironment" | "mask">>;

/** Why it cannot be launched is nobody's to mend by another try. */
export async function runnerRequest(
  context: EngineContext,
  { record, live }: ClaimedJob,
): Promise<RunnerParts | { readonly refused: Result }> {
  try {
    if (context.runners === undefined) throw new WindlassError("invalid", "this server makes no runners");
    const { spec, environment } = context.runners.launched(record.executor, { spec: record.spec, record });
    if (context.keys.current() === null) await readyToSeal(context);
    const token = runnerTokenFor(context, record.id, live.attempt);
    const { secrets, patterns } = context.masks?.(record) ?? NO_SECRETS;
    return { spec, environment, secretEnvironment: { [TOKEN_VARIABLE]: token }, mask: { secrets: [...secrets, token], patterns } };
  } catch (error) {
    // What may pass is tried again with the launch.
    if (!isWindlassError(error) || hasCode(error, "unavailable")) throw error;
    // It may be made elsewhere: the attempt ends, and whoever takes the next one tries (kernel, runner.ts, R3).
    if (hasCode(error, "executor_failed")) return { refused: { outcome: "failed", reason: "launch_failed", message: messageOf(error) } };
    return { refused: { outcome: "failed_config", reason: "bad_spec", message: `a runner cannot be made: ${messageOf(error)}` } };
  }
}
