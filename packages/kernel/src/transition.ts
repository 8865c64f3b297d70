/**
 * What one change does to one job: the rules of the life cycle, pure. Stores load, call this, and write what comes out.
 *
 * T1. A holder's write carries the current fencing token, or it is refused.
 * T2. The first settle of an attempt wins; it is legal while running, waiting and stopping, also before the launcher has
 *     recorded its part, and matches on attempt and on token, name, completion token, or who may approve.
 * T3. A job that decides about its children (executor `none`) ends only with no child open. What an executor carries out
 *     ends when its attempt does; its children are then ended by the reconciler. A job that ended is never touched again.
 * T4. What was never started may expire; what was started may not.
 * T5. Every move is one that the table in `lifecycle.ts` allows.
 */
import { assert, unreachable } from "./assert.ts";
import type { Advance, Change } from "./change.ts";
import { days } from "./duration.ts";
import { endAttempt, finish, type NewEvent, type Step } from "./ending.ts";
import { externalNameOf } from "./id.ts";
import { DEFAULT_GRACE_MS, isOutOfBand, type LiveJob, type Result } from "./job.ts";
import { isLegal } from "./lifecycle.ts";
import { queueOfKey } from "./queue.ts";
import { isRunnerKey, runnerAttemptName, runnerNumberOf } from "./runner.ts";
import { event, keep, moved, refuse, type Transition } from "./step.ts";
import { observe, settle, signal } from "./told.ts";

/** Changes that concern one job alone; `submit` and `advance` are in apply.ts. */
export type OwnChange = Exclude<Change, { readonly type: "submit" } | Advance>;

/** Applies `change` to `live` at `now`. Never changes its arguments. */
export function transition(live: LiveJob, change: OwnChange, now: number): Transition {
  const step = decide(live, change, now);
  if ("refused" in step || step.next === live) return step;
  const to = step.next?.state ?? step.final?.state;
  assert(to !== undefined, `${change.type} leaves the job neither alive nor ended`);
  assert(
    to === live.state || step.via === null || isLegal(live.state, step.via, to),
    `${change.type}: ${live.state} → ${to} by ${step.via} is not in the life cycle`,
  );
  assert(to === live.state || step.via !== null, `${change.type} moves ${live.state} → ${to} without naming the event`);
  return step;
}

export interface Claim {
  readonly session: string;
  readonly place: string | null;
}

/** A ready job begins (or, when resumed, continues) an attempt. */
export function claimed(live: LiveJob, claim: Claim, now: number): Step {
  assert(live.state === "queued" && !live.blocked, `claim of a job that is ${live.state}`);
  const attempt = live.resumed ? live.attempt : live.attempt + 1;
  const outOfBand = isOutOfBand(live.executor);
  const composite = live.executor === "none";
  const next: LiveJob = {
    ...live,
    state: "running",
    holder: composite ? "none" : "lease",
    attempt,
    token: live.token + 1,
    phase: outOfBand ? "launching" : "running",
    session: composite ? null : claim.session,
    place: outOfBand ? claim.place : null,
    externalName: outOfBand ? outsideName(live, attempt) : null,
    externalRef: null,
    observed: null,
    startedAt: live.startedAt ?? now,
    attemptStartedAt: live.resumed ? (live.attemptStartedAt ?? now) : now,
    deadlineAt: outOfBand || live.timeoutMs === null ? null : now + live.timeoutMs,
    dueAt: null,
    dueReason: null,
    wait: null,
  };
  const data = composite
    ? {}
    : { session: claim.session, ...(next.externalName === null ? {} : { name: next.externalName, place: claim.place }) };
  return {
    next,
    final: null,
    via: "claim",
    attempt: null,
    events: [event("job.started", attempt, data)],
    fact: composite ? { type: "started" } : null,
    releasesKey: false,
  };
}

/** People look for a runner by its execution. */
function outsideName({ id, name, parentId, childKey }: LiveJob, attempt: number): string {
  return parentId !== null && childKey !== null && isRunnerKey(childKey)
    ? runnerAttemptName(parentId, runnerNumberOf(childKey), attempt)
    : externalNameOf(id, name, attempt);
}

/** A job whose key was full leaves the ready index until the key has room. */
export function blocked(live: LiveJob, holders: readonly string[]): Step {
  return keep({ ...live, blocked: true }, event("job.blocked", null, { key: live.concurrencyKey, holders: holders.slice(0, 10) }));
}

export function unblocked(live: LiveJob): Step {
  return keep({ ...live, blocked: false }, event("job.unblocked", null, { key: live.concurrencyKey }));
}

/** When this job next needs to be looked at for the sake of time, or null. */
export function timerOf(live: LiveJob): number | null {
  switch (live.state) {
    case "scheduled":
      return earliest(live.dueAt, startDeadlineOf(live));
    case "queued":
      return startDeadlineOf(live);
    case "running":
    case "waiting":
      return earliest(live.dueAt, live.deadlineAt);
    case "stopping":
      return null;
    default:
      return unreachable(live.state);
  }
}

/** The start deadline, as long as it counts: never once an attempt began (T4). */
export function startDeadlineOf(live: LiveJob): number | null {
  return live.attempt === 0 ? live.startDeadline : null;
}

function decide(live: LiveJob, change: OwnChange, now: number): Transition {
  switch (change.type) {
    case "due":
      return due(live, now);
    case "expire":
      return expire(live, now);
    case "stop":
      return stop(live, change, now);
    case "settle":
      return settle(live, change, now);
    case "observe":
      return observe(live, change, now);
    case "resume":
      return resume(live);
    case "skip":
      return skip(live, change.message, now);
    case "move":
      return move(live, change);
    case "signal":
      return signal(live, change, now);
    case "made":
    case "launched":
    case "adopt":
    case "progress":
    case "release":
    case "defer":
    case "expect":
    case "wait":
    case "lose":
      if (live.token !== change.token || live.attempt === 0) return refuse("token_stale", "the attempt was handed on or has ended");
      return decideHeld(live, change, now);
    default:
      return unreachable(change);
  }
}

type HeldChange = Extract<OwnChange, { readonly token: number }>;

function decideHeld(live: LiveJob, change: HeldChange, now: number): Transition {
  const alive = live.state === "running" || live.state === "stopping";
  if (!alive) return refuse("conflict", `the job is ${live.state}`);
  switch (change.type) {
    case "made":
      return made(live, change.ref);
    case "launched":
      return launched(live, change.ref, now);
    case "adopt":
      if (live.phase !== "launching" || live.holder !== "lease")
        return refuse("conflict", "its launch is recorded; there is nothing to adopt");
      return keep(
        { ...live, session: change.session, token: live.token + 1 },
        event("job.adopted", live.attempt, { session: change.session }),
      );
    case "progress":
      return keep({ ...live, progress: change.progress }, event("job.progress", live.attempt, { ...change.progress }));
    case "expect":
      if (live.holder !== "lease") return refuse("conflict", "only a handler may be completed from outside");
      return { ...keep({ ...live, wait: { for: "completion", tokenHash: change.tokenHash } }), events: [] };
    case "lose":
      return lose(live, change, now);
    case "release":
      if (live.state !== "running" || live.holder !== "lease") return refuse("conflict", `the job is ${live.state}`);
      return back(live, { state: "queued", dueAt: null, dueReason: null }, event("job.released", live.attempt, {}));
    case "defer":
      if (live.state !== "running" || live.holder !== "lease") return refuse("conflict", `the job is ${live.state}`);
      if (change.reason === "handler_unknown" && isUnknownForGood(live, now)) return endAttempt(live, { result: UNKNOWN, random: 0 }, now);
      return back(
        live,
        { state: "scheduled", dueAt: change.until, dueReason: change.reason },
        event("job.deferred", live.attempt, { until: change.until, reason: change.reason }),
      );
    case "wait": {
      if (live.state !== "running" || live.holder !== "lease" || isOutOfBand(live.executor))
        return refuse("conflict", `the job is ${live.state}`);
      const next: LiveJob = {
        ...live,
        state: "waiting",
        holder: "none",
        session: null,
        wait: change.wait,
        dueAt: change.until,
        resumed: false,
      };
      return moved("wait", next, event("job.waiting", live.attempt, { for: change.wait.for, until: change.until }));
    }
    default:
      return unreachable(change);
  }
}

/** A deployment may be late, or the worker that knows the handler away; after a day somebody has to look. */
const UNKNOWN_MS_MAX: number = days(1);
/** So often it has to have been claimed: after a day in a long queue the first worker that comes is not the last word. */
const UNKNOWN_CLAIMS_MIN = 100;
const UNKNOWN: Result = {
  outcome: "failed_config",
  reason: "handler_unknown",
  message: "no worker of its queue knew its handler for a day",
};

function isUnknownForGood({ readyAt, token, attempt }: LiveJob, now: number): boolean {
  return readyAt !== null && now - readyAt >= UNKNOWN_MS_MAX && token - attempt >= UNKNOWN_CLAIMS_MIN;
}

function due(live: LiveJob, now: number): Transition {
  if (live.dueAt === null || live.dueAt > now) return refuse("conflict", "it is not due");
  if (live.state === "scheduled") {
    // Nobody who could start it has seen it: it is as ready as it was.
    const readyAt = live.dueReason === "handler_unknown" ? live.readyAt : live.dueAt;
    return moved("due", { ...live, state: "queued", dueAt: null, dueReason: null, readyAt }, event("job.due", null, {}));
  }
  if (live.executor === "none" && (live.state === "running" || live.state === "waiting")) {
    return { ...keep({ ...live, dueAt: null }), events: [], fact: { type: "time" } };
  }
  if (live.state === "waiting") {
    const result = { outcome: "failed_timeout", reason: "wait_timeout", message: "it was not completed in time" } as const;
    return endAttempt(live, { result, random: 0 }, now);
  }
  return refuse("conflict", `the job is ${live.state}`);
}

function expire(live: LiveJob, now: number): Transition {
  const deadline = startDeadlineOf(live);
  if ((live.state !== "scheduled" && live.state !== "queued") || deadline === null || deadline > now)
    return refuse("conflict", "its start deadline has not passed, or it was started");
  const why = { reason: "start_deadline", message: "it could not start before its start deadline" } as const;
  // Its children end first (T3).
  if (live.executor === "none" && live.openChildren > 0)
    return stop(live, { type: "stop", id: live.id, stopFor: "cancelled", ...why, by: "windlass", graceMs: DEFAULT_GRACE_MS }, now);
  return finish(live, { via: "expire", result: { outcome: "expired", ...why } }, now);
}

function skip(live: LiveJob, message: string, now: number): Transition {
  if (live.state !== "queued" || !live.blocked || live.attempt > 0 || live.openChildren > 0)
    return refuse("conflict", "it is not held back by its key, or was started");
  return finish(live, { via: "skip", result: { outcome: "skipped", reason: "key_held", message } }, now);
}

function stop(live: LiveJob, change: Extract<OwnChange, { readonly type: "stop" }>, now: number): Transition {
  if (change.attempt !== undefined && change.attempt !== live.attempt) return refuse("token_stale", "that attempt has ended");
  if (live.state === "stopping") return { ...keep(live), events: [] };
  const stopping = {
    stopFor: change.stopFor,
    reason: change.reason,
    message: change.message,
    by: change.by,
    at: now,
    graceMs: change.graceMs,
  };
  // Of one that has begun its kind sees every fact first: between the end of one child and the start of the next, what cleans up is still to be made.
  const isDeciding = live.openChildren > 0 || (live.attempt > 0 && live.wakes > live.decided);
  const carried = live.executor === "none" ? isDeciding : live.holder !== "none";
  if (!carried) {
    const result = {
      outcome: change.stopFor === "failed_timeout" ? "failed_timeout" : "cancelled",
      reason: change.reason,
      message: change.message,
    } as const;
    if (live.state === "scheduled" || live.state === "queued")
      return finish(live, { via: "cancel", result: { ...result, outcome: "cancelled" } }, now);
    return endAttempt(live, { result, random: 0 }, now);
  }
  const next: LiveJob = {
    ...live,
    state: "stopping",
    phase: live.phase === "running" ? "stopping" : live.phase,
    stop: stopping,
    deadlineAt: null,
    dueAt: null,
  };
  const data = {
    stopFor: change.stopFor,
    reason: change.reason,
    by: change.by,
    ...(change.message === null ? {} : { message: change.message }),
  };
  return {
    ...moved("stop", next, event("job.stopping", live.attempt, data)),
    fact: live.executor === "none" ? { type: "stopping" } : null,
  };
}

/** In-band work ends with its holder. What goes on outside ends only by a fact of its executor, unless its host is gone for good. */
function lose(live: LiveJob, change: Extract<OwnChange, { readonly type: "lose" }>, now: number): Transition {
  if (live.holder === "none") return refuse("conflict", "nobody holds it");
  if (isOutOfBand(live.executor) && change.reason !== "host_lost") return refuse("conflict", "it goes on without its launcher");
  return endAttempt(
    live,
    {
      result: { outcome: "failed_node_lost", reason: change.reason, message: change.message },
      stopped: live.state === "stopping",
      random: change.random,
    },
    now,
  );
}

function resume(live: LiveJob): Transition {
  if (live.state !== "waiting" || live.executor !== "handler")
    return refuse("conflict", `the job is ${live.state}; only a parked handler can be resumed`);
  return moved("resume", { ...live, state: "queued", resumed: true, dueAt: null, wait: null }, event("job.resumed", live.attempt, {}));
}

function move(live: LiveJob, { from, to, by }: Extract<OwnChange, { readonly type: "move" }>): Transition {
  if (live.queue === to) return { ...keep(live), events: [] };
  if (live.queue !== from) return refuse("conflict", `it is in queue ${queueOfKey(live.queue).name}`);
  if ((live.state !== "scheduled" && live.state !== "queued") || live.resumed)
    return refuse(
      "conflict",
      `${live.resumed ? "its attempt goes on" : `the job is ${live.state}`}; only what waits to be started can be moved`,
    );
  return keep({ ...live, queue: to }, event("job.moved", null, { from: queueOfKey(from).name, to: queueOfKey(to).name, by }));
}

/** What was made under another reference may have begun and ended already: it is not made again. */
function made(live: LiveJob, ref: string): Transition {
  if (live.phase !== "launching" || live.holder !== "lease")
    return refuse("conflict", "its launch is recorded already, or it is not launched at all");
  if (live.externalRef === ref) return { ...keep(live), events: [] };
  return live.externalRef === null ? { ...keep({ ...live, externalRef: ref }), events: [] } : refuse("conflict", otherRef(live, ref));
}

function otherRef({ externalRef }: LiveJob, ref: string): string {
  return `it was made before, as ${externalRef}, and what is there now is ${ref}`;
}

function launched(live: LiveJob, ref: string, now: number): Transition {
  if (live.phase !== "launching") return refuse("conflict", "its launch is recorded already, or it is not launched at all");
  if (live.externalRef !== null && live.externalRef !== ref) return refuse("conflict", otherRef(live, ref));
  const deadlineAt = live.timeoutMs === null || live.state === "stopping" ? null : now + live.timeoutMs + LAUNCH_SLACK_MS;
  const next: LiveJob = {
    ...live,
    holder: "external",
    phase: live.state === "stopping" ? "stopping" : "running",
    session: null,
    externalRef: ref,
    attemptStartedAt: now,
    deadlineAt,
  };
  return keep(next, event("job.launched", live.attempt, { name: live.externalName, ref, place: live.place }));
}

/**
 * Executors enforce time limits where the work is; the engine's own deadline, a little later, is for those that cannot
 * (a host that hangs), so that the executor's more exact account normally comes first.
 */
export const LAUNCH_SLACK_MS = 5_000;

/** The attempt did not count: back to where it was before the claim. One that was resumed goes on being the attempt it was. */
function back(
  live: LiveJob,
  to: Pick<LiveJob, "dueAt" | "dueReason"> & { readonly state: "queued" | "scheduled" },
  record: NewEvent,
): Step {
  if (isOutOfBand(live.executor)) assert(live.phase === "launching", "only what was not launched may be given back");
  const next: LiveJob = {
    ...live,
    ...to,
    holder: "none",
    attempt: live.resumed ? live.attempt : live.attempt - 1,
    phase: live.resumed ? live.phase : null,
    session: null,
    place: null,
    externalName: null,
    deadlineAt: null,
    attemptStartedAt: live.resumed ? live.attemptStartedAt : null,
    wait: null,
  };
  return { ...moved(to.state === "queued" ? "release" : "defer", next, record), releasesKey: !live.resumed };
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}
