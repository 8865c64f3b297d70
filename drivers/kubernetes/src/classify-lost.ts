/** Whether a pod was lost: with its node, to somebody who evicted or removed it, not by what ran in it. Pure. */
import { seconds, type Reason } from "@windlass/kernel";
import type { Graces } from "./classify-stuck.ts";
import { conditionOf, hasEnded, type ContainerFact, type JobFacts, type NodeFact, type PodFact } from "./facts.ts";

export type Loss =
  | { readonly isLost: true; readonly reason: Reason; readonly message: string }
  /** It looks like one, and is one if nothing else comes until then. */
  | { readonly isLost: false; readonly at: number; readonly message: string };

/** What a pod says of itself that was ended with its node, or not let in by it. */
const LOST_REASONS = ["NodeLost", "NodeShutdown", "Terminated", "Preempting", "Evicted", "NodeAffinity", "UnexpectedAdmissionError"];
/** Grace of a pod whose removal does not say one: the default of Kubernetes. */
const REMOVAL_MS: number = seconds(30);
/** A pod that has vanished is followed by the Job's own word within seconds. */
const SETTLE_MS: number = seconds(10);

/** `over`: the Job itself says that it failed. */
export function lossOf(
  pod: PodFact,
  facts: JobFacts,
  { graces, over }: { readonly graces: Graces; readonly over: Over | null },
): Loss | null {
  if (pod.phase === "Succeeded" || usedUpItsStorage(pod)) return null;
  const node = facts.nodes?.find(({ name }) => name === pod.node) ?? null;
  return ownWordOf(pod) ?? disruptionOf(pod, node, graces) ?? silenceOf(pod, node, { graces, over }) ?? removalOf(pod, facts, over);
}

export interface Over {
  readonly isDeadline: boolean;
}

/** Evicted for what it wrote itself: it would do so again. */
export function usedUpItsStorage({ reason, message }: Pick<PodFact, "reason" | "message">): boolean {
  return (
    reason === "Evicted" &&
    /ephemeral local storage usage exceeds|exceeded its local ephemeral storage limit|usage of emptydir volume/iu.test(message ?? "")
  );
}

function ownWordOf({ phase, reason, message }: PodFact): Loss | null {
  if (phase !== "Failed" || reason === null) return null;
  if (!LOST_REASONS.includes(reason) && !reason.startsWith("OutOf")) return null;
  return { isLost: true, reason: "node_lost", message: message ?? `its pod was ended: ${reason}` };
}

function disruptionOf(pod: PodFact, node: NodeFact | null, { nodeMs }: Graces): Loss | null {
  const disruption = conditionOf(pod.conditions, "DisruptionTarget");
  if (disruption === null || endedBefore(pod, disruption.since)) return null;
  const message = `${disruption.message ?? "its pod was ended from outside"} (${disruption.reason})`;
  const lost = { isLost: true, reason: "node_lost", message } as const;
  if (hasEnded(pod) || pod.goneAt !== null || node?.isReady === false) return lost;
  // It may still end well within its grace: then its Job completes.
  return { isLost: false, at: (pod.deletion?.dueAt ?? (disruption.since ?? 0) + REMOVAL_MS) + nodeMs, message };
}

/** Its node says nothing, and so does it. */
function silenceOf(
  pod: PodFact,
  node: NodeFact | null,
  { graces, over }: { readonly graces: Graces; readonly over: Over | null },
): Loss | null {
  if (node === null || node.isReady || hasEnded(pod) || pod.goneAt !== null || over !== null) return null;
  const message = node.isGone
    ? `its node ${node.name} was removed`
    : `its node ${node.name} does not report: ${node.message ?? node.reason ?? "not ready"}`;
  return { isLost: false, at: node.since + graces.nodeMs, message };
}

/** Somebody removed its pod: not we, not the cluster for the Job's own sake. */
function removalOf(pod: PodFact, { job }: JobFacts, over: Over | null): Loss | null {
  if (over?.isDeadline === true || job.isSuspended || job.deletedAt !== null || job.gone !== null) return null;
  const wasRemoved = hasEnded(pod) ? pod.deletion !== null && !endedBefore(pod, pod.deletion.askedAt) : pod.goneAt !== null;
  if (!wasRemoved) return null;
  const message = `its pod ${pod.name} was removed while it ran, and not by Windlass`;
  if (over !== null) return { isLost: true, reason: "pod_deleted", message };
  return pod.goneAt === null ? null : { isLost: false, at: pod.goneAt + SETTLE_MS, message };
}

/** Whether what ran in it had ended by then, by itself. */
function endedBefore(pod: PodFact, time: number | null): boolean {
  if (!hasEnded(pod) || time === null) return hasEnded(pod) && time === null;
  const at = timeOfEnd(pod);
  // Once it has ended after a removal, its node removes it anew, and when that was first asked for is no longer told.
  const isNodesOwn = pod.deletion !== null && pod.deletion.askedAt === pod.deletion.dueAt;
  return at !== null && at < (isNodesOwn ? time - REMOVAL_MS : time);
}

/** When the last of its own containers ended, or the one before them that kept them from beginning; null: neither is so. */
function timeOfEnd({ containers }: PodFact): number | null {
  const times = (sort: ContainerFact["sort"]): readonly (number | null)[] =>
    containers.filter((container) => container.sort === sort).map(({ state }) => (state.is === "terminated" ? state.finishedAt : null));
  const own = times("main");
  if (own.every((time) => time !== null)) return Math.max(...own.map((time) => time ?? 0));
  const before = times("init").filter((time) => time !== null);
  return before.length === 0 ? null : Math.max(...before);
}

/** What became of it was its own doing: nobody had asked for its end. */
export function endedByItself(pod: PodFact): boolean {
  return (
    hasEnded(pod) &&
    (pod.deletion === null || endedBefore(pod, pod.deletion.askedAt)) &&
    conditionOf(pod.conditions, "DisruptionTarget") === null
  );
}
