/**
 * From what is known of a Job of a cluster to how it is, or how it ended: the table "telling one death from another". Pure.
 *
 * K1. A Job that is complete has succeeded, whatever else was seen; what went wrong on the way are warnings in the evidence.
 * K2. A stop of ours is the outcome only of what had not ended by itself before.
 * K3. Then the first that fits: killed for memory, lost with its node, no image, no way to start it, its deadline, its own end.
 * K4. What may mend itself is waited for; `recheckAt` says when to look again though nothing was told.
 * K5. What is remembered can only make the outcome more telling, and the order of what was seen says nothing.
 */
import { resultOfStop, type Outcome, type Reason } from "@windlass/kernel";
import type { JsonObject } from "@windlass/kernel";
import {
  decisiveDeath,
  failedStart,
  killedForMemory,
  memoryMessage,
  reasonOfDeath,
  reasonOfStartError,
  signalOf,
} from "./classify-death.ts";
import { evidenceOf } from "./classify-evidence.ts";
import { endedByItself, lossOf, usedUpItsStorage, type Over } from "./classify-lost.ts";
import { DEFAULT_GRACES, imageByEvents, whyStuck, type Graces, type Stuck } from "./classify-stuck.ts";
import { conditionOf, isOver, podsInOrder, type ConditionFact, type JobFacts, type PodFact } from "./facts.ts";

export type Verdict = Ended | Ongoing;
/** How an attempt may end on a cluster. */
export type EndState = Exclude<Outcome, "expired" | "skipped">;

interface Told {
  readonly reason: Reason | null;
  readonly message: string | null;
  readonly pod: Pick<PodFact, "name" | "uid" | "node"> | null;
  readonly evidence: JsonObject;
}

export interface Ended extends Told {
  readonly isFinal: true;
  readonly outcome: EndState;
  readonly reason: Reason;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** By the cluster's own account; null: it does not say. */
  readonly endedAt: number | null;
}

export interface Ongoing extends Told {
  readonly isFinal: false;
  readonly state: "pending" | "running";
  /** When time alone may change it. */
  readonly recheckAt: number | null;
}

/** Of what we remove, pods that nobody told to end: the garbage collector of the cluster does so within this. */
const COLLECTION_MS = 30_000;

export function classify(told: JobFacts, now: number, graces: Graces = DEFAULT_GRACES): Verdict {
  const facts = { ...told, pods: podsInOrder(told.pods) };
  const { job } = facts;
  const complete = conditionOf(job.conditions, "Complete") ?? conditionOf(job.conditions, "SuccessCriteriaMet");
  if (complete !== null) return succeeded(facts, complete);
  const failed = conditionOf(job.conditions, "Failed") ?? failedInAllButName(facts, now, graces);
  if (failed !== null) return ended(facts, end(facts, failed, graces), failed.since);
  const own = job.stopFor !== null || job.gone !== null ? ownEnd(facts, graces) : null;
  if (own !== null) return own;
  if (job.stopFor !== null) return stopped(facts, now, graces);
  if (job.gone !== null) return removed(facts, graces);
  if (job.deletedAt !== null) return ongoing(facts, { reason: null, message: "its Job is being removed", recheckAt: null });
  return early(facts, now, graces) ?? waiting(facts, now, graces);
}

interface End {
  readonly outcome: EndState;
  readonly reason: Reason;
  readonly message: string | null;
}

/** It is to fail and says so only when its pods have ended, which those on a lost node do not tell for long. */
function failedInAllButName({ job, pods }: JobFacts, now: number, { nodeMs }: Graces): ConditionFact | null {
  const target = conditionOf(job.conditions, "FailureTarget");
  if (target === null) return null;
  return pods.every((pod) => isOver(pod) || (pod.deletion !== null && now >= pod.deletion.dueAt + nodeMs)) && pods.length > 0
    ? target
    : null;
}

/** How a Job ended that says that it failed (K3). */
function end(facts: JobFacts, failed: ConditionFact, graces: Graces): End {
  const over: Over = { isDeadline: failed.reason === "DeadlineExceeded" };
  const pod = facts.pods.at(-1) ?? null;
  if (pod !== null) {
    const found = killedOrLost(facts, pod, { graces, over });
    if (found !== null) return found;
  }
  if (!facts.pods.some(hasBegun)) {
    const stuck = neverBegan(facts, pod, graces);
    if (stuck !== null) return stuck;
  }
  if (over.isDeadline) return { outcome: "failed_timeout", reason: "job_deadline", message: failed.message };
  const death = pod === null ? null : decisiveDeath(pod);
  if (death !== null && death.end.exitCode !== 0) {
    const { reason, message } = reasonOfDeath(death);
    return { outcome: "failed", reason, message: failed.reason === "PodFailurePolicy" ? `${message}; ${failed.message ?? ""}` : message };
  }
  const evicted = pod === null ? facts.events.find(({ reason }) => reason === "TaintManagerEviction" || reason === "Preempted") : undefined;
  if (evicted !== undefined) return { outcome: "failed_node_lost", reason: "node_lost", message: evicted.message };
  return { outcome: "failed", reason: "failed_outside", message: failed.message ?? `its Job failed: ${failed.reason}` };
}

function killedOrLost(facts: JobFacts, pod: PodFact, given: { readonly graces: Graces; readonly over: Over | null }): End | null {
  const killed = killedForMemory(pod, facts.events);
  if (killed !== null) return { outcome: "failed_oom", reason: "memory_limit", message: memoryMessage(killed) };
  if (usedUpItsStorage(pod)) return { outcome: "failed", reason: "ephemeral_storage", message: pod.message };
  const loss = lossOf(pod, facts, given);
  // A loss that was likely, and whose Job has failed since, is one.
  return loss === null ? null : { outcome: "failed_node_lost", reason: loss.isLost ? loss.reason : "node_lost", message: loss.message };
}

function neverBegan(facts: JobFacts, pod: PodFact | null, graces: Graces): End | null {
  const start = pod === null ? null : failedStart(pod);
  if (start !== null) {
    const message = start.end.message ?? "its command could not be started";
    return { outcome: "failed_config", reason: reasonOfStartError(message), message };
  }
  const [stuck] = whyStuck(facts, graces).filter(({ reason }) => reason !== "pending_outside" && reason !== "quota_exceeded");
  return stuck ?? imageByEvents(facts.events);
}

function hasBegun({ containers }: PodFact): boolean {
  return containers.some(({ hasStarted }) => hasStarted);
}

/** Of a Job that is to be gone, or is, before it said how it ended: its pod had ended by itself, and nothing would have followed (K2). */
function ownEnd(facts: JobFacts, graces: Graces): Ended | null {
  const pod = facts.pods.at(-1);
  if (pod === undefined || facts.job.isRetrying || !endedByItself(pod)) return null;
  const death = decisiveDeath(pod);
  const at = death?.end.finishedAt ?? null;
  if (pod.phase === "Succeeded") return ended(facts, { outcome: "succeeded", reason: "ok", message: null }, at);
  const failed = { type: "Failed", status: "True", reason: "", message: pod.message, since: at };
  return ended(facts, end(facts, failed, graces), at);
}

/** Our own stop: an end once its pods have ended, or should have. */
function stopped(facts: JobFacts, now: number, { nodeMs }: Graces): Verdict {
  const { job, pods } = facts;
  const message = "it is being stopped";
  if (job.gone === null) return ongoing(facts, { reason: "is_stopping", message, recheckAt: null });
  const goneAt = job.gone.at;
  const dueAt = Math.max(
    ...pods.filter((pod) => !isOver(pod)).map(({ deletion }) => (deletion?.dueAt ?? goneAt + COLLECTION_MS) + nodeMs),
    0,
  );
  if (now < dueAt) return ongoing(facts, { reason: "is_stopping", message, recheckAt: dueAt });
  return ended(facts, resultOfStop(facts.job.stopFor ?? "cancelled"), goneAt);
}

/** It is gone, and we did not ask for that. */
function removed(facts: JobFacts, graces: Graces): Ended {
  const { job, pods } = facts;
  const pod = pods.at(-1);
  const at = job.gone?.at ?? null;
  if (job.gone?.seen === true)
    return ended(
      facts,
      { outcome: "cancelled", reason: "job_deleted_outside", message: `its Job ${job.name} was removed, and not by Windlass` },
      at,
    );
  const found = pod === undefined || job.isRetrying ? null : killedOrLost(facts, pod, { graces, over: null });
  const unseen = {
    outcome: "failed",
    reason: "vanished_unobserved",
    message: `its Job ${job.name} is gone, and nobody saw how it ended`,
  } as const;
  return ended(facts, found ?? unseen, at);
}

/** An end that the Job does not tell, or tells late (K4). */
function early(facts: JobFacts, now: number, graces: Graces): Ended | null {
  const { job, pods } = facts;
  const pod = pods.at(-1);
  const loss = pod === undefined || job.isRetrying ? null : lossOf(pod, facts, { graces, over: null });
  if (loss !== null && (loss.isLost || now >= loss.at)) {
    const reason = loss.isLost ? loss.reason : pod?.goneAt === null ? "node_lost" : "pod_deleted";
    return ended(facts, { outcome: "failed_node_lost", reason, message: loss.message }, null);
  }
  const stuck = whyStuck(facts, graces).find(({ dueAt }) => dueAt !== null && now >= dueAt);
  return stuck === undefined ? null : ended(facts, stuck, null);
}

function waiting(facts: JobFacts, now: number, graces: Graces): Ongoing {
  const { job, pods } = facts;
  const pod = pods.at(-1);
  const loss = pod === undefined || job.isRetrying ? null : lossOf(pod, facts, { graces, over: null });
  const stuck: readonly Stuck[] = whyStuck(facts, graces);
  const times = [loss?.isLost === false ? loss.at : null, ...stuck.map(({ dueAt }) => dueAt), targetDue(facts, graces)];
  const future = times.filter((time): time is number => time !== null && time > now);
  const recheckAt = future.length === 0 ? null : Math.min(...future);
  const [first] = stuck;
  if (loss !== null) return ongoing(facts, { reason: "node_lost", message: loss.message, recheckAt });
  if (first !== undefined) return ongoing(facts, { reason: first.reason, message: first.message, recheckAt });
  if (job.isSuspended)
    return ongoing(facts, { reason: "pending_outside", message: "its Job is suspended: whoever admits it has not done so", recheckAt });
  return ongoing(facts, { reason: null, message: null, recheckAt });
}

function targetDue({ job, pods }: JobFacts, { nodeMs }: Graces): number | null {
  if (conditionOf(job.conditions, "FailureTarget") === null) return null;
  return Math.max(0, ...pods.map(({ deletion }) => (deletion === null ? 0 : deletion.dueAt + nodeMs)));
}

function succeeded(facts: JobFacts, complete: ConditionFact): Ended {
  return ended(facts, { outcome: "succeeded", reason: "ok", message: null }, complete.since);
}

function ended(facts: JobFacts, { outcome, reason, message }: End, at: number | null): Ended {
  const pod = facts.pods.at(-1) ?? null;
  const death = pod === null ? null : outcome === "succeeded" ? mainEnd(pod) : endThatRan(pod);
  return {
    isFinal: true,
    outcome,
    reason,
    message,
    exitCode: death?.exitCode ?? null,
    signal: death === null ? null : signalOf(death),
    endedAt: at,
    pod,
    evidence: evidenceOf(facts),
  };
}

/** What never ran has no exit code, though the cluster invents one. */
function endThatRan(pod: PodFact) {
  const death = decisiveDeath(pod);
  return death?.container.hasStarted === true ? death.end : null;
}

function mainEnd({ containers }: PodFact) {
  const [main] = containers.filter(({ sort }) => sort === "main");
  return main?.state.is === "terminated" ? main.state : null;
}

function ongoing(facts: JobFacts, told: Pick<Ongoing, "reason" | "message" | "recheckAt">): Ongoing {
  const pod = facts.pods.at(-1) ?? null;
  const runs = pod?.containers.some(({ hasStarted, sort }) => hasStarted && sort !== "sidecar") === true;
  return { isFinal: false, state: runs ? "running" : "pending", ...told, pod, evidence: evidenceOf(facts) };
}
