/**
 * Ends a Job. Why is written on it first, for whoever watches cannot know it otherwise; then it is removed, together with its
 * pods, which get the grace that was asked for. It is there until the last of them has ended.
 */
import type { StopFor } from "@windlass/kernel";
import type { ClusterClient } from "./cluster-client.ts";
import { seconds } from "./job-body.ts";
import { hasBegun, isEnded, type ClusterJob } from "./job-state.ts";
import { ANNOTATIONS, OUR_SELECTOR } from "./labels.ts";
import { jobsPath } from "./launch-job.ts";
import { isAccepted, unavailable } from "./refusal.ts";

export interface StopOrder {
  readonly graceMs: number;
  readonly stopFor: StopFor;
}

/** May be repeated; a shorter grace counts. */
export async function stopJob(client: ClusterClient, job: ClusterJob, { graceMs, stopFor }: StopOrder): Promise<void> {
  if (isEnded(job)) return;
  const { name, namespace, uid, annotations = {}, deletionTimestamp } = job.metadata;
  if (annotations[ANNOTATIONS.stopFor] === undefined) {
    const body = { metadata: { uid, annotations: { [ANNOTATIONS.stopFor]: stopFor } } };
    const told = await client.call("PATCH", jobsPath(namespace, name), { body, contentType: "application/merge-patch+json" });
    // Gone, or another one by now.
    if ([404, 409, 422].includes(told.status)) return;
    if (!isAccepted(told)) throw unavailable(told);
  }
  if (deletionTimestamp === undefined) {
    const propagationPolicy = hasBegun(job) ? "Foreground" : "Background";
    const removed = await client.call("DELETE", jobsPath(namespace, name), { body: { propagationPolicy, preconditions: { uid } } });
    if (!isAccepted(removed) && removed.status !== 404 && removed.status !== 409) throw unavailable(removed);
  }
  if (hasBegun(job)) await endPods(client, job, graceMs);
}

/** Whether a pod of it is over, so that the Job ends by itself. */
export async function hasEndedPod(client: ClusterClient, job: ClusterJob): Promise<boolean> {
  const isOver = ({ phase = "", containerStatuses = [] }: NonNullable<Pod["status"]>): boolean =>
    phase === "Succeeded" || phase === "Failed" || containerStatuses.some(({ state }) => state?.terminated !== undefined);
  return (await podsOf(client, job)).some(({ status }) => status !== undefined && isOver(status));
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly { readonly state?: { readonly terminated?: object } }[];
  };
}

async function podsOf(client: ClusterClient, { metadata: { namespace, uid } }: ClusterJob): Promise<readonly Pod[]> {
  const query = { labelSelector: `${OUR_SELECTOR},batch.kubernetes.io/controller-uid=${uid}` };
  const answer = await client.call("GET", `/api/v1/namespaces/${namespace}/pods`, { query });
  if (!isAccepted(answer)) throw unavailable(answer);
  return (answer.body as { readonly items: readonly Pod[] }).items;
}

/** A grace of 0 would remove a pod from sight while it still runs: one second is the least. */
async function endPods(client: ClusterClient, job: ClusterJob, graceMs: number): Promise<void> {
  // One by one: whoever may remove a pod may not remove collections of them.
  for (const { metadata } of await podsOf(client, job)) {
    const body = { gracePeriodSeconds: seconds(graceMs), preconditions: { uid: metadata.uid } };
    const removed = await client.call("DELETE", `/api/v1/namespaces/${job.metadata.namespace}/pods/${metadata.name}`, { body });
    if (!isAccepted(removed) && removed.status !== 404 && removed.status !== 409) throw unavailable(removed);
  }
}
