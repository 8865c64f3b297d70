/** What all executors say alike of an end: how a stop of ours is told, and which signal an exit code stands for. Pure. */
import type { Result, StopFor } from "./job.ts";
import { unreachable } from "./assert.ts";

/** By their numbers on Linux: those that end a program. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  10: "SIGUSR1",
  11: "SIGSEGV",
  12: "SIGUSR2",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};
/** Engines and clusters tell a signal as 128 and its number, as shells do. */
const SIGNAL_BASE = 128;

/** The exit code of what was killed: `SIGKILL`. */
export const EXIT_KILLED: number = SIGNAL_BASE + 9;

/** The signal that an exit code stands for; null: none. */
export function signalOfExitCode(exitCode: number): string | null {
  return SIGNALS[exitCode - SIGNAL_BASE] ?? null;
}

/** The name of a signal by its number; null: it has none here. */
export function signalName(number: number): string | null {
  return SIGNALS[number] ?? null;
}

/** Of what was ended by a stop of ours, also of one that was stopped before it began. */
export function resultOfStop(stopFor: StopFor): Result & { readonly outcome: "cancelled" | "failed_timeout" } {
  switch (stopFor) {
    case "cancelled":
      return { outcome: "cancelled", reason: "cancel_requested", message: null };
    case "replaced":
      return { outcome: "cancelled", reason: "replaced", message: null };
    case "failed_timeout":
      return { outcome: "failed_timeout", reason: "step_timeout", message: null };
    default:
      return unreachable(stopFor);
  }
}
