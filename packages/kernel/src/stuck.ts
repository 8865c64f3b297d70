/**
 * Which jobs are stuck: not ended, and nobody is there who would end them. Loops end such jobs by themselves; this is for what
 * is left when a part of an installation is gone for good. Pure.
 *
 * S1. What may still run is never stuck: an attempt whose place cannot be looked at, or a handler whose worker reports or whose
 *     runner lives.
 * S2. The end of one carries the attempt that was seen, and is refused when another has begun or somebody has told its end.
 */
import type { Change } from "./change.ts";
import { DEFAULT_GRACE_MS, isOutOfBand, type LiveJob } from "./job.ts";

export interface StuckFacts {
  /** Its session is open and has not run out, or is that of a runner whose attempt is alive. */
  readonly isHeld: boolean;
  /** Whether there is anything of it where it was started; `unknown` where nobody here can look. */
  readonly outside: "there" | "gone" | "unknown";
  readonly now: number;
  /** How long nothing may have moved. */
  readonly olderThanMs: number;
  /** In [0, 1). */
  readonly random: number;
}

export interface Stuck {
  /** Since when, at the latest. */
  readonly since: number;
  readonly why: string;
  /** What ends it. */
  readonly end: Change;
}

/** Null: it is not stuck. */
export function stuckOf(live: LiveJob, { isHeld, outside, now, olderThanMs, random }: StuckFacts): Stuck | null {
  const { id, attempt, token, attemptStartedAt: startedAt, deadlineAt, externalName } = live;
  const isAlive = live.state === "running" || live.state === "stopping";
  if (!isAlive || startedAt === null || now - startedAt < olderThanMs) return null;
  if (isOutOfBand(live.executor)) {
    if (outside !== "gone" || externalName === null || (live.holder === "lease" && isHeld)) return null;
    const message = `it is gone from ${live.executor} ${live.place ?? ""}, and nobody saw how it ended`;
    const result = { outcome: "failed", reason: "vanished_unobserved", message } as const;
    const by = { type: "executor", name: externalName, ref: null } as const;
    const why = `nothing called ${externalName} is there any more`;
    return { since: startedAt, why, end: { type: "settle", id, attempt, by, result, stopped: live.state === "stopping", random } };
  }
  if (live.holder === "lease") {
    if (isHeld) return null;
    const why = `its worker ${live.session ?? ""} does not report any more`;
    return { since: startedAt, why, end: { type: "lose", id, token, reason: "worker_lost", message: why, random } };
  }
  if (live.executor !== "none" || live.state === "stopping" || deadlineAt === null || now - deadlineAt < olderThanMs) return null;
  const why = "its time limit has passed";
  const end = {
    ...({ type: "stop", id, stopFor: "failed_timeout", reason: "execution_timeout", message: why } as const),
    ...{ by: "windlass", graceMs: DEFAULT_GRACE_MS, attempt },
  };
  return { since: deadlineAt, why, end };
}
