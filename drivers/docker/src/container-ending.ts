/** From how a container ended to the outcome of its attempt: the same as a process of the same work has. Pure. */
import { EXIT_KILLED, formatBytes, formatDuration, resultOfStop, signalOfExitCode } from "@windlass/kernel";
import type { JsonObject, Result, StopFor } from "@windlass/kernel";
import type { Refused } from "./container-engine.ts";

/** Why a container was ended by us. The first cause counts. */
export type EndCause = { readonly by: "stop"; readonly stopFor: StopFor } | { readonly by: "timeout"; readonly timeoutMs: number };

export interface ContainerEnd {
  readonly exitCode: number;
  /** The engine or the kernel says that something in it was killed for memory. */
  readonly oomKilled: boolean;
  readonly memoryLimitBytes: number | null;
}

/** `cause`: null when it ended by itself. */
export function resultOfEnd(end: ContainerEnd, cause: EndCause | null): Result {
  const { exitCode, oomKilled, memoryLimitBytes } = end;
  const signal = signalOfExitCode(exitCode);
  const how = { exitCode, ...(signal === null ? {} : { signal }) };
  if (cause !== null) return { ...resultOfCause(cause), ...how };
  if (exitCode === 0) return { outcome: "succeeded", reason: "ok", message: null, ...how };
  const limit = memoryLimitBytes === null ? "the memory there was" : `its limit of ${formatBytes(memoryLimitBytes)}`;
  if (oomKilled) return { outcome: "failed_oom", reason: "memory_limit", message: `needed more memory than ${limit}`, ...how };
  if (exitCode === EXIT_KILLED && memoryLimitBytes !== null)
    return { outcome: "failed", reason: "maybe_oom", message: `killed by SIGKILL, maybe for needing more memory than ${limit}`, ...how };
  if (signal !== null)
    return { outcome: "failed", reason: "signal", message: `ended by signal ${signal}, which Windlass did not send`, ...how };
  return { outcome: "failed", reason: "exit_code", message: `exit code ${exitCode}`, ...how };
}

function resultOfCause(cause: EndCause): Result {
  if (cause.by === "timeout") {
    const message = `took longer than its time limit of ${formatDuration(cause.timeoutMs)}`;
    return { outcome: "failed_timeout", reason: "step_timeout", message };
  }
  return resultOfStop(cause.stopFor);
}

/** An end before anything ran; null for a refusal that may pass. */
export function resultOfRefusedStart({ status, message }: Refused): Result | null {
  const config = { outcome: "failed_config", message } as const;
  if (/chdir|workdir|working directory|\bcwd\b|cannot mkdir/iu.test(message)) return { ...config, reason: "bad_working_dir" };
  if (/executable file not found|no such file or directory|command that was not found|permission denied|exec format error/iu.test(message))
    return { ...config, reason: "command_not_found" };
  if (status < 500 || /no command or entrypoint|invalid|not supported|minimum memory|memory limit/iu.test(message))
    return { ...config, reason: "bad_spec" };
  return null;
}

/** What is said of an attempt's end besides its result. */
export function evidenceOf(facts: {
  readonly id: string;
  readonly image: string;
  readonly durationMs: number | null;
  readonly logTail: string;
  readonly logDroppedBytes: number;
  readonly logLost: string | null;
  readonly memory: JsonObject | null;
}): JsonObject {
  const { id, image, durationMs, logTail, logDroppedBytes, logLost, memory } = facts;
  return {
    container: id,
    image,
    ...(durationMs === null ? {} : { durationMs }),
    ...(logTail === "" ? {} : { logTail }),
    ...(logDroppedBytes === 0 ? {} : { logDroppedBytes }),
    ...(logLost === null ? {} : { logLost }),
    ...(memory === null ? {} : { memory }),
  };
}

/**
 * Podman reads the start from the clock and the end from the time of the file that its monitor wrote, and file systems keep a coarser
 * clock: what ends at once seems to end up to some milliseconds before it began. Nothing does.
 */
export function timeOfEnd(startedAt: number, finishedAt: number): number {
  return finishedAt === 0 ? 0 : Math.max(startedAt, finishedAt);
}
