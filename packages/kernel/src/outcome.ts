import type { TerminalState } from "./lifecycle.ts";

/** How an attempt or a job can end, and the terminal state that goes with it. */
export const OUTCOMES = {
  succeeded: { state: "succeeded", meaning: "it did what it was to do" },
  failed: { state: "failed", meaning: "it ended by itself, and badly: exit code, signal or error" },
  failed_image_pull: { state: "failed", meaning: "its container image could not be had" },
  failed_oom: { state: "failed", meaning: "it was killed for using more memory than it may" },
  failed_node_lost: { state: "failed", meaning: "what carried it out (worker, host, node) was lost" },
  failed_timeout: { state: "failed", meaning: "it took longer than it may; the reason says which limit" },
  failed_config: { state: "failed", meaning: "it could never have started: bad spec, missing secret, unknown command" },
  cancelled: { state: "cancelled", meaning: "somebody asked for its end" },
  expired: { state: "expired", meaning: "it was not started before its start deadline" },
  skipped: { state: "skipped", meaning: "it never had to run" },
} as const satisfies Record<string, { state: TerminalState; meaning: string }>;

export type Outcome = keyof typeof OUTCOMES;
export const outcomes = Object.keys(OUTCOMES) as Outcome[];

export function stateOf(outcome: Outcome): TerminalState {
  return OUTCOMES[outcome].state;
}

/** The outcomes that a retry policy may name: every way to fail. */
export const failureOutcomes = outcomes.filter((outcome) => stateOf(outcome) === "failed");
