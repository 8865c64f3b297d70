/**
 * Applies a batch of changes to the rows that a store has loaded and locked: the one place where jobs, their parents,
 * children, idempotency keys and concurrency keys change together. Pure but for the working set handed in.
 *
 * A1. Each change stands alone: a refused one leaves no trace.
 * A2. A child is made only under a parent that is alive and not stopping, but for the one that cleans up behind it; its parent counts it as open until it ends.
 * A3. A decision counts only if no other came first, and ends a job only when it has seen every fact.
 * A4. No job is made in a workspace that is not there, or of a definition that is disabled; a store keeps what is needed of both as it
 *     is until the batch is stored. What was made under a key before is the answer to whoever repeats it, also of a disabled one.
 */
import { assert } from "./assert.ts";
import { transition, type OwnChange } from "./transition.ts";
import type { Advance, Change, ChangeResult, Refusal, Submit } from "./change.ts";
import { disabledRefusal } from "./disabled-definition.ts";
import { eventFor, finish, resultWhileStopping } from "./ending.ts";
import {
  CHILDREN_MAX,
  CLOSING_KEY,
  DEFAULT_WORKSPACE,
  DEPTH_MAX,
  depthOf,
  type Concurrency,
  type JobRecord,
  type JobView,
  type LiveJob,
} from "./job.ts";
import { isLegal } from "./lifecycle.ts";
import { stateOf } from "./outcome.ts";
import { tallyOf } from "./tally.ts";
import type { WorkingSet } from "./working-set.ts";

/** Applies the changes in order, each on its own merits. */
export function applyChanges(set: WorkingSet, changes: readonly Change[], now: number): ChangeResult[] {
  return changes.map((change) => applyChange(set, change, now));
}

export const childKeyOf = (parentId: string, childKey: string): string => `${parentId} ${childKey}`;
export const idempotencyKeyOf = (workspace: string, key: string): string => `${workspace} ${key}`;

/** The ids whose live rows (or ends) a batch needs; a store adds the parents of what it finds. */
export function idsNeeded(changes: readonly Change[]): Set<string> {
  const ids = new Set<string>();
  for (const change of changes) {
    if (change.type !== "submit") ids.add(change.id);
    else if (change.job.parentId !== null) ids.add(change.job.parentId);
    if (change.type === "stop") for (const id of change.unbegun ?? []) ids.add(id);
    if (change.type === "advance") for (const { id } of [...change.stops, ...(change.tells ?? [])]) ids.add(id);
  }
  return ids;
}

/** The jobs that a batch would make. */
export function recordsMade(changes: readonly Change[]): JobRecord[] {
  const records: JobRecord[] = [];
  for (const change of changes) {
    if (change.type === "submit") records.push(change.job);
    else if (change.type === "advance") records.push(...change.children);
  }
  return records;
}

/**
 * The workspaces that must be there, and stay until the batch is stored: those of new roots. A child is in that of its
 * parent, which goes only when no job is in it; `default` never goes.
 */
export function workspacesNeeded(changes: readonly Change[]): string[] {
  const named = new Set<string>();
  for (const change of changes) if (change.type === "submit" && change.job.parentId === null) named.add(change.job.workspace);
  named.delete(DEFAULT_WORKSPACE);
  return [...named].toSorted();
}

function applyChange(set: WorkingSet, change: Change, now: number): ChangeResult {
  if (change.type === "submit") return submit(set, change, now);
  const live = set.get(change.id);
  if (live === undefined)
    return refused(
      change.id,
      set.hasEnded(change.id) ? { code: "job_finished", why: "the job has ended" } : { code: "not_found", why: "there is no such job" },
    );
  if (change.type === "advance") return advance(set, live, { change, now });
  return own(set, live, { change, now });
}

function own(set: WorkingSet, live: LiveJob, { change, now }: { readonly change: OwnChange; readonly now: number }): ChangeResult {
  if (change.type === "stop" && change.unbegun !== undefined && hasBegun(set, live, change.unbegun))
    return refused(live.id, { code: "conflict", why: "something of it has begun" });
  const step = transition(live, change, now);
  if ("refused" in step) return refused(live.id, step.refused);
  set.take(live, step);
  return { ok: true, id: live.id };
}

/** Whether it has other children than these, or one of these has had an attempt, or an end. */
function hasBegun(set: WorkingSet, { childrenMade }: LiveJob, children: readonly string[]): boolean {
  return childrenMade !== children.length || children.some((id) => (set.get(id)?.attempt ?? 1) > 0);
}

function submit(set: WorkingSet, { job, definitions }: Submit, now: number): ChangeResult {
  if (job.idempotencyKey !== null) {
    const made = set.idempotent.get(idempotencyKeyOf(job.workspace, job.idempotencyKey));
    if (made !== undefined) {
      if (made.requestHash === job.requestHash) return { ok: true, id: made.id, created: false };
      return refused(job.id, { code: "idempotency_mismatch", why: `the key was used for another request, which made ${made.id}` });
    }
  }
  const parent = job.parentId === null ? undefined : set.get(job.parentId);
  if (job.parentId !== null) {
    if (parent === undefined)
      return refused(job.id, {
        code: set.hasEnded(job.parentId) ? "parent_closed" : "not_found",
        why: `the parent ${job.parentId} has ended or does not exist`,
      });
    const refusal = whyNoChild(parent, [job]);
    if (refusal !== null) return refused(job.id, refusal);
    const existing = set.children.get(childKeyOf(parent.id, job.childKey ?? job.id));
    if (existing !== undefined) return { ok: true, id: existing, created: false };
  }
  if (job.parentId === null && set.absentWorkspaces.has(job.workspace))
    return refused(job.id, { code: "not_found", why: `there is no workspace "${job.workspace}"` });
  const disabled = disabledRefusal(job, definitions, set.disabled);
  if (disabled !== null) return refused(job.id, disabled);
  if (parent !== undefined) set.put({ ...parent, openChildren: parent.openChildren + 1, childrenMade: parent.childrenMade + 1 });
  insert(set, job, now);
  return { ok: true, id: job.id, created: true };
}

function advance(set: WorkingSet, live: LiveJob, { change, now }: { readonly change: Advance; readonly now: number }): ChangeResult {
  const refusal = whyNoAdvance(live, change);
  if (refusal !== null) return refused(live.id, refusal);
  const fresh = change.children.filter((child) => !set.children.has(childKeyOf(live.id, child.childKey ?? child.id)));
  const open = live.openChildren + fresh.length;
  if (change.finish !== null && open > 0) return refused(live.id, { code: "conflict", why: `${open} children are open` });

  for (const child of fresh) insert(set, child, now);
  for (const [key, value] of Object.entries(change.cursor)) set.writes.cursor.push({ jobId: live.id, key, value });
  set.writes.factsSeen.set(live.id, change.seen);
  const decided: LiveJob = {
    ...live,
    decided: change.seen,
    openChildren: open,
    childrenMade: live.childrenMade + fresh.length,
    progress: change.progress ?? live.progress,
  };
  if (change.finish !== null) {
    const result = decided.state === "stopping" ? resultWhileStopping(decided, { result: change.finish, random: 0 }) : change.finish;
    const via = eventFor(decided, result);
    assert(isLegal(decided.state, via, stateOf(result.outcome)), `a ${decided.state} job cannot end by ${via}`);
    set.take(decided, finish(decided, { via, result }, now));
  } else {
    set.take(live, wait(decided, change, fresh.length));
  }
  for (const { id, fact } of change.tells ?? []) set.wake(set.get(id) === undefined ? live.id : id, fact);
  for (const stop of change.stops) {
    const child = set.get(stop.id);
    if (child !== undefined)
      own(set, child, {
        change: {
          type: "stop",
          id: stop.id,
          stopFor: "cancelled",
          reason: stop.reason,
          message: stop.message,
          by: live.id,
          graceMs: STOP_GRACE_MS,
        },
        now,
      });
  }
  return { ok: true, id: live.id };
}

/** Children that a decision ends have this long between the polite and the hard signal. */
const STOP_GRACE_MS = 10_000;

function whyNoAdvance(live: LiveJob, change: Advance): Refusal | null {
  if (live.executor !== "none" || (live.state !== "running" && live.state !== "waiting" && live.state !== "stopping"))
    return { code: "conflict", why: `the job is ${live.state}` };
  if (live.decided !== change.decided) return { code: "token_stale", why: "another decision came first" };
  if (change.finish !== null && change.seen !== live.wakes)
    return { code: "token_stale", why: "there is a fact that the decision has not seen" };
  return change.children.length === 0 ? null : whyNoChild(live, change.children);
}

function whyNoChild(parent: LiveJob, children: readonly JobRecord[]): Refusal | null {
  if (parent.state === "stopping" && children.some(({ childKey }) => childKey !== CLOSING_KEY))
    return { code: "parent_closed", why: `the parent ${parent.id} is stopping` };
  if (parent.childrenMade + children.length > CHILDREN_MAX)
    return { code: "too_many_jobs", why: `a job may have ${CHILDREN_MAX} children` };
  if (children.some((child) => depthOf(child.path) > DEPTH_MAX))
    return { code: "too_many_jobs", why: `a tree of jobs may be ${DEPTH_MAX} levels deep` };
  return null;
}

/** A decision without an end: wait for a time, for somebody outside, for children, or for several of these. */
function wait(decided: LiveJob, { waitUntil: until, waitFor = null }: Advance, made: number): Parameters<WorkingSet["take"]>[1] {
  const idle = decided.openChildren === 0;
  const none = { final: null, attempt: null, fact: null, releasesKey: false } as const;
  if ((until !== null || waitFor !== null) && idle && decided.state !== "stopping") {
    const next: LiveJob = { ...decided, state: "waiting", wait: waitFor ?? { for: "time" }, dueAt: until };
    const data = { ...(waitFor ?? { for: "time" }), until };
    return { ...none, next, via: "wait", events: [{ type: "job.waiting", attempt: decided.attempt, data }] };
  }
  const next: LiveJob = { ...decided, dueAt: until ?? decided.dueAt };
  if (decided.state === "waiting" && made > 0)
    return { ...none, next: { ...next, state: "running", wait: null }, via: "proceed", events: [] };
  return { ...none, next, via: null, events: [] };
}

/** A job as it is read when it was just submitted. */
export function viewOfNew(job: JobRecord, now: number): JobView {
  const live = newLive(job, readyAtOf(job, now));
  return { record: job, state: live.state, live, final: null };
}

/** Null: it is delayed. */
function readyAtOf({ notBefore }: JobRecord, now: number): number | null {
  return notBefore !== null && notBefore > now ? null : now;
}

function insert(set: WorkingSet, job: JobRecord, now: number): void {
  set.writes.inserted.push(job);
  tallyOf(set.tally, job.queue).submitted++;
  if (job.parentId !== null) set.children.set(childKeyOf(job.parentId, job.childKey ?? job.id), job.id);
  if (job.idempotencyKey !== null) {
    set.idempotent.set(idempotencyKeyOf(job.workspace, job.idempotencyKey), { id: job.id, requestHash: job.requestHash });
    set.writes.idempotency.push({ workspace: job.workspace, key: job.idempotencyKey, jobId: job.id, requestHash: job.requestHash });
  }
  if (job.concurrency !== null) set.writes.keyLimits.set(job.concurrency.key, job.concurrency.limit);
  const live = newLive(job, readyAtOf(job, now));
  set.writes.events.push({ jobId: job.id, seq: 1, at: now, type: "job.submitted", attempt: null, data: job.cause });
  set.put(live);
}

function conflictOf(concurrency: Concurrency | null): LiveJob["onConflict"] {
  const { onConflict = "queue" } = concurrency ?? {};
  return onConflict === "queue" ? null : onConflict;
}

/** The live row of a job that was just submitted. */
function newLive(job: JobRecord, readyAt: number | null): LiveJob {
  const delayed = readyAt === null;
  return {
    id: job.id,
    parentId: job.parentId,
    rootId: job.rootId,
    path: job.path,
    childKey: job.childKey,
    name: job.name,
    queue: job.queue,
    priority: job.priority,
    executor: job.executor,
    fairnessKey: job.fairnessKey,
    retry: job.retry,
    timeoutMs: job.timeoutMs,
    startDeadline: job.startDeadline,
    concurrencyKey: job.concurrency?.key ?? null,
    onConflict: conflictOf(job.concurrency),
    scheduleId: job.cause.type === "schedule" ? job.cause.id : null,
    state: delayed ? "scheduled" : "queued",
    holder: "none",
    blocked: false,
    resumed: false,
    dueAt: delayed ? job.notBefore : null,
    dueReason: delayed ? "not_before" : null,
    deadlineAt: null,
    attempt: 0,
    token: 0,
    phase: null,
    session: null,
    place: null,
    externalName: null,
    externalRef: null,
    readyAt,
    startedAt: null,
    attemptStartedAt: null,
    stop: null,
    wait: null,
    progress: null,
    observed: null,
    wakes: 0,
    decided: 0,
    openChildren: 0,
    childrenMade: 0,
    eventSeq: 1,
    revision: 1,
  };
}

function refused(id: string, refusal: Refusal): ChangeResult {
  return { ok: false, id, refusal };
}
