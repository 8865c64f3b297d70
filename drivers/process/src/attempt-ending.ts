/** From how a process ended to the outcome of its attempt. Pure. */
import { formatBytes, formatDuration, resultOfStop, signalOfExitCode } from "@windlass/kernel";
import type { Result, StopFor } from "@windlass/kernel";

/** Why the supervisor ended a process. The first cause counts. */
export type EndCause =
  | { readonly by: "stop"; readonly stopFor: StopFor }
  | { readonly by: "timeout"; readonly timeoutMs: number }
  | { readonly by: "memory"; readonly limitBytes: number; readonly usedBytes: number };

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** `cause`: null when it ended by itself. */
export function resultOfEnd(end: ProcessEnd, cause: EndCause | null): Result {
  // A shell says so by its code, of what it waited for; of a container nothing else is known.
  const signal = end.signal ?? (end.code === null ? null : signalOfExitCode(end.code));
  const how = { ...(end.code === null ? {} : { exitCode: end.code }), ...(signal === null ? {} : { signal }) };
  if (cause !== null) return { ...resultOfCause(cause), ...how };
  if (signal !== null) {
    return { outcome: "failed", reason: "signal", message: `ended by signal ${signal}, which Windlass did not send`, ...how };
  }
  if (end.code === 0) return { outcome: "succeeded", reason: "ok", message: null, ...how };
  return { outcome: "failed", reason: "exit_code", message: `exit code ${end.code}`, ...how };
}

function resultOfCause(cause: EndCause): Result {
  switch (cause.by) {
    case "timeout":
      return {
        outcome: "failed_timeout",
        reason: "step_timeout",
        message: `took longer than its time limit of ${formatDuration(cause.timeoutMs)}`,
      };
    case "memory":
      return {
        outcome: "failed_oom",
        reason: "memory_limit",
        message: `needed more memory than its limit of ${formatBytes(cause.limitBytes)} (${formatBytes(cause.usedBytes)} seen)`,
      };
    case "stop":
      return resultOfStop(cause.stopFor);
  }
}

/** Codes of the system that say "not now"; every other failure to start is the fault of what was to be started. */
const PASSING = ["EAGAIN", "ENOMEM", "EMFILE", "ENFILE", "ENOSPC", "EDQUOT", "EIO"];

export function mayPass(code: string): boolean {
  return PASSING.includes(code);
}

/** For a program that could not be started. `code` is the system's, such as ENOENT. */
export function resultOfSpawnFailure(code: string, program: string): Result {
  const config = { outcome: "failed_config" } as const;
  switch (code) {
    case "ENOENT":
      return {
        ...config,
        reason: "command_not_found",
        message: `there is no program ${JSON.stringify(program)}: it is neither a path of a file nor found in PATH`,
      };
    case "EACCES":
    case "EPERM":
    case "ENOEXEC":
      return { ...config, reason: "command_not_found", message: `${JSON.stringify(program)} is there but may not be executed (${code})` };
    case "E2BIG":
      return {
        ...config,
        reason: "bad_spec",
        message: "its arguments and environment are larger than the system allows (E2BIG); hand large input over in a file",
      };
    default:
      return { ...config, reason: "command_not_found", message: `${JSON.stringify(program)} could not be started (${code})` };
  }
}
