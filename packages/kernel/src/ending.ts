/**
 * How attempts and jobs end: what a result means in the state the job is in, whether another attempt follows, and the
 * final record. Pure; called by transition.ts and apply.ts.
 */
import { assert } from "./assert.ts";
import type { EventType } from "./event.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Attempt, Fact, FinalState, LiveJob, Result } from "./job.ts";
import type { LifecycleEvent } from "./lifecycle.ts";
import { stateOf, type Outcome } from "./outcome.ts";
import { DEFAULT_RETRY, retryDelay } from "./retry.ts";

export interface NewEvent {
  readonly type: EventType;
  readonly attempt: number | null;
  readonly data: Json;
}

/** What applying one change to one job came to. */
export interface Step {
  /** The job as it lives on; null when it ended. */
  readonly next: LiveJob | null;
  readonly final: FinalState | null;
  /** The event of the life cycle that moved it; null when its state stayed. */
  readonly via: LifecycleEvent | null;
  /** The attempt that ended, to be kept. */
  readonly attempt: Attempt | null;
  readonly events: readonly NewEvent[];
  /** A fact that its own kind is to look at. */
  readonly fact: Fact | null;
  /** True when a concurrency key that it holds is free again. */
  readonly releasesKey: boolean;
}

export interface Ending {
  readonly result: Result;
  /** True when our own stop is what ended it. */
  readonly stopped?: boolean;
  /** The exact state that was told from outside. */
  readonly told?: Outcome | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly random: number;
}

/** The current attempt ended: another follows, or the job ends with it. */
export function endAttempt(live: LiveJob, ending: Ending, now: number): Step {
  const result = live.state === "stopping" ? resultWhileStopping(live, ending) : ending.result;
  const { told } = ending;
  const attempt = attemptOf(live, { result: told === undefined ? result : withTold(live, result, told), endedAt: now });
  if (result.outcome !== "succeeded" && mayRetry(live)) {
    const { outcome, reason } = result;
    const delay = retryDelay(live.retry ?? DEFAULT_RETRY, {
      outcome,
      reason,
      attempt: live.attempt,
      retryAfterMs: ending.retryAfterMs,
      random: ending.random,
    });
    if (delay !== undefined && stateOf(outcome) === "failed") return again(live, { result, told, attempt, at: now + delay });
  }
  return finish(live, { via: eventFor(live, result), result, told, attempt }, now);
}

interface Finish {
  /** The event of the life cycle. */
  readonly via: LifecycleEvent;
  readonly result: Result;
  readonly told?: Outcome | undefined;
  /** What the attempt came to that the job ends with; left out: what the job does. */
  readonly attempt?: Attempt;
}

/** The job ends. Refuses nothing; callers have checked (T3). */
export function finish(live: LiveJob, { via, result, told, attempt }: Finish, now: number): Step {
  assert(live.openChildren === 0 || live.executor !== "none", `a job with ${live.openChildren} open children cannot end`);
  const final: FinalState = {
    state: stateOf(result.outcome),
    outcome: result.outcome,
    reason: result.reason,
    message: result.message,
    exitCode: result.exitCode ?? null,
    output: result.output ?? null,
    attempts: live.attempt,
    progress: live.progress,
    startedAt: live.startedAt,
    finishedAt: now,
  };
  const data = summaryOf(result, told);
  if (live.stop !== null) data["stoppedBy"] = live.stop.by;
  return {
    next: null,
    final,
    via,
    attempt: attempt ?? (live.phase === null ? null : attemptOf(live, { result, endedAt: now })),
    events: [{ type: "job.finished", attempt: live.attempt === 0 ? null : live.attempt, data }],
    fact: null,
    releasesKey: true,
  };
}

/** An attempt as it is kept; the current one when it has not ended. */
export function attemptOf(live: LiveJob, ended: { readonly result: Result; readonly endedAt: number } | null): Attempt {
  const result = ended?.result ?? null;
  return {
    jobId: live.id,
    number: live.attempt,
    token: live.token,
    phase: ended === null ? (live.phase ?? "running") : "settled",
    executor: live.executor,
    session: live.session,
    place: live.place,
    externalName: live.externalName,
    externalRef: live.externalRef,
    startedAt: live.attemptStartedAt ?? live.startedAt ?? 0,
    endedAt: ended?.endedAt ?? null,
    outcome: result?.outcome ?? null,
    reason: result?.reason ?? null,
    message: result?.message ?? null,
    exitCode: result?.exitCode ?? null,
    signal: result?.signal ?? null,
    evidence: evidenceOf(live, result),
  };
}

/** What was observed while it ran, and at its end: of what was told twice the later counts. */
function evidenceOf({ observed }: LiveJob, result: Result | null): JsonObject | null {
  const evidence = result?.evidence ?? null;
  return observed === null ? evidence : { observed, ...evidence };
}

/** The event of the life cycle by which a result ends a job in its state. */
export function eventFor(live: LiveJob, result: Result): LifecycleEvent {
  const state = stateOf(result.outcome);
  if (state === "succeeded") return "succeed";
  if (state === "skipped") return "skip";
  if (state === "cancelled") return "end";
  return live.state === "stopping" && live.stop?.stopFor === "failed_timeout" ? "end" : "fail";
}

/** Told to stop: what our stop ended has the outcome that the stop was for; what ended by itself first keeps its own. */
export function resultWhileStopping(live: LiveJob, ending: Ending): Result {
  const { result } = ending;
  const stop = live.stop;
  assert(stop !== null, "a stopping job knows why");
  const endedByStop = ending.stopped === true || result.outcome === "cancelled";
  if (!endedByStop || result.outcome === "succeeded") return result;
  const outcome = stop.stopFor === "failed_timeout" ? "failed_timeout" : "cancelled";
  return { ...result, outcome, reason: stop.reason, message: stop.message ?? result.message };
}

/** Whoever asked for the end of a job does not want it again. */
function mayRetry(live: LiveJob): boolean {
  return live.executor !== "none" && (live.stop === null || live.stop.stopFor === "failed_timeout");
}

function again(
  live: LiveJob,
  next: { readonly result: Result; readonly told: Outcome | undefined; readonly attempt: Attempt; readonly at: number },
): Step {
  const job: LiveJob = {
    ...live,
    state: "scheduled",
    holder: "none",
    blocked: false,
    resumed: false,
    dueAt: next.at,
    dueReason: "back_off",
    deadlineAt: null,
    phase: null,
    session: null,
    place: null,
    externalName: null,
    externalRef: null,
    readyAt: null,
    attemptStartedAt: null,
    stop: null,
    wait: null,
    observed: null,
  };
  const data = { ...summaryOf(next.result, next.told), nextAt: next.at };
  return {
    next: job,
    final: null,
    via: "retry",
    attempt: next.attempt,
    events: [{ type: "job.retrying", attempt: live.attempt, data }],
    fact: null,
    releasesKey: true,
  };
}

/** The first event of the step is the one that ends the attempt: whoever tells the end again is told of it. */
function withTold(live: LiveJob, result: Result, told: Outcome): Result {
  return { ...result, evidence: { ...result.evidence, toldState: told, toldEvent: live.eventSeq + 1 } };
}

/** What was told from outside is in it word for word: what the attempt came to may differ (it was being stopped). */
function summaryOf(result: Result, told: Outcome | undefined): Record<string, Json> {
  const summary: Record<string, Json> = { outcome: result.outcome, reason: result.reason };
  if (result.message !== null) summary["message"] = result.message;
  if (result.exitCode !== undefined) summary["exitCode"] = result.exitCode;
  if (result.signal !== undefined) summary["signal"] = result.signal;
  if (told !== undefined) {
    summary["status"] = told;
    summary["meta"] = { terminal_state: told };
  }
  return summary;
}
