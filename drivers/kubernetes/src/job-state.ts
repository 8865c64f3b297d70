/** What a Job of the cluster says about the attempt that it carries. Pure; anything may be missing in what was answered. */
import type { Found } from "@windlass/ports";
import { ANNOTATIONS, attemptMark, LABELS, labelSafe } from "./labels.ts";

export interface ClusterJob {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status?: {
    readonly startTime?: string;
    readonly ready?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** It has ended, or will without anybody's help: what is said first of an end is said before its pods are counted. */
const ENDS = ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"];

export function isEnded({ status }: ClusterJob): boolean {
  return status?.conditions?.some(({ type, status: is }) => is === "True" && ENDS.includes(type)) ?? false;
}

export function hasBegun({ metadata }: ClusterJob): boolean {
  return metadata.annotations?.[ANNOTATIONS.begun] === "true";
}

export function isSettled({ metadata }: ClusterJob): boolean {
  return metadata.labels?.[LABELS.settled] === "true";
}

/** Whether it was made for this attempt, by us: a name alone is no proof. */
export function isOf(
  { metadata: { annotations, labels } }: ClusterJob,
  of: { readonly jobId: string; readonly attempt: number; readonly place: string },
): boolean {
  return annotations?.[ANNOTATIONS.attempt] === attemptMark(of.jobId, of.attempt) && labels?.[LABELS.place] === labelSafe(of.place);
}

/** Null for what is not ours, or is not asked for any more. */
export function foundOf(job: ClusterJob, place: string): Found | null {
  const { name, uid, labels = {} } = job.metadata;
  const { [LABELS.job]: jobId, [LABELS.attempt]: attempt, [LABELS.place]: at } = labels;
  if (jobId === undefined || attempt === undefined || at !== labelSafe(place) || isSettled(job)) return null;
  const found = { name, jobId, attempt: Number(attempt), ref: uid };
  if (!hasBegun(job)) return { ...found, state: "made" };
  return isEnded(job) ? { ...found, state: "ended" } : { ...found, state: "running", isWaiting: (job.status?.ready ?? 0) === 0 };
}
