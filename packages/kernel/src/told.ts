/**
 * What is told of a job from outside: how its attempt ended, what was observed of it, a signal. Pure; the rules T1 and T2 of
 * transition.ts are kept here.
 */
import { unreachable } from "./assert.ts";
import type { Change } from "./change.ts";
import { endAttempt } from "./ending.ts";
import type { LiveJob, Observed } from "./job.ts";
import { canonicalJson } from "./json.ts";
import { event, keep, refuse, type Transition } from "./step.ts";

export function settle(live: LiveJob, change: Extract<Change, { readonly type: "settle" }>, now: number): Transition {
  const refused = whyNotOf(live, change);
  if (refused === null) return endAttempt(live, change, now);
  return refuse(change.by.type === "approval" ? "conflict" : "token_stale", refused);
}

/** The same told again is no change; of the same state and reason only the details are kept, without an event of their own. */
export function observe(live: LiveJob, change: Extract<Change, { readonly type: "observe" }>, now: number): Transition {
  const refused = whyNotOf(live, change);
  if (refused !== null) return refuse("token_stale", refused);
  const before = live.observed;
  const isNew = before === null || before.state !== change.observed.state || before.reason !== change.observed.reason;
  const seen = { ...before, ...change.observed };
  const observed: Observed = { ...seen, since: isNew ? now : before.since, event: isNew ? live.eventSeq + 1 : before.event };
  if (!isNew && canonicalJson(observed) === canonicalJson(before)) return { ...keep(live), events: [] };
  const { state, reason, message } = observed;
  return keep({ ...live, observed }, ...(isNew ? [event("job.observed", live.attempt, { state, reason, message })] : []));
}

/** Why something told of an attempt is not about the current one, or not told by who may (T2). */
function whyNotOf(live: LiveJob, change: Extract<Change, { readonly type: "settle" | "observe" }>): string | null {
  if (live.state === "scheduled" || live.state === "queued") return `the attempt has ended; the job is ${live.state}`;
  if (live.attempt !== change.attempt) return `attempt ${change.attempt} has ended; attempt ${live.attempt} is current`;
  return mismatchOf(live, change.by);
}

/** Why whoever settles is not the one who may, or null (T2). */
function mismatchOf(live: LiveJob, by: Extract<Change, { readonly type: "settle" }>["by"]): string | null {
  switch (by.type) {
    case "holder":
      return by.token === live.token && live.holder === "lease" ? null : "the attempt was handed on";
    case "executor":
      if (by.name !== live.externalName) return `its name is ${live.externalName ?? "not set"}, not ${by.name}`;
      return live.externalRef === null || by.ref === null || by.ref === live.externalRef
        ? null
        : `its reference is ${live.externalRef}, not ${by.ref}`;
    case "completion":
      return live.wait?.for === "completion" && live.wait.tokenHash === by.tokenHash ? null : "the completion token is not the current one";
    case "approval":
      if (live.state !== "waiting" || live.wait?.for !== "approval") return "it does not wait for an approval";
      return live.wait.by.length === 0 || live.wait.by.includes(by.by) ? null : `it waits for an approval by ${live.wait.by.join(" or ")}`;
    default:
      return unreachable(by);
  }
}

/** Whether anything waits for it is for the kind to say, which alone knows what comes later. */
export function signal(live: LiveJob, { name, data, by }: Extract<Change, { readonly type: "signal" }>, now: number): Transition {
  if (live.executor !== "none") return refuse("conflict", "only what is decided about takes signals; this job is carried out");
  if (live.state === "stopping") return refuse("conflict", "it was told to end");
  return { ...keep(live, event("job.signalled", null, { name, by })), fact: { type: "signal", name, data, by, at: now } };
}
