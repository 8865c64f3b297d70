/**
 * What is known of a Job of a cluster and of its pods: as much of the cluster's objects as tells one death from another, and
 * what is remembered of objects that are gone. Plain data; times are in milliseconds since 1970.
 */
import type { StopFor } from "@windlass/kernel";

/** All that is known of one Job. */
export interface JobFacts {
  readonly job: JobFact;
  /** Every pod of it that was seen, also those that are gone. */
  readonly pods: readonly PodFact[];
  /** Of the Job and its pods. */
  readonly events: readonly EventFact[];
  /** Nodes that its pods are bound to; null: nodes may not be read here. */
  readonly nodes: readonly NodeFact[] | null;
}

export interface JobFact {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** Those that are true. */
  readonly conditions: readonly ConditionFact[];
  readonly isSuspended: boolean;
  /** Whether the cluster itself tries again: then a death is no end until the Job says so. */
  readonly isRetrying: boolean;
  /** Why we end it, if we do. */
  readonly stopFor: StopFor | null;
  /** When its removal was asked for. */
  readonly deletedAt: number | null;
  readonly gone: Gone | null;
}

/** `seen`: it was told as it went, so what was known last is how it was. Otherwise it was found missing later. */
export interface Gone {
  readonly at: number;
  readonly seen: boolean;
}

export interface PodFact {
  readonly name: string;
  readonly uid: string;
  readonly node: string | null;
  readonly createdAt: number;
  readonly phase: string;
  readonly reason: string | null;
  readonly message: string | null;
  readonly conditions: readonly ConditionFact[];
  readonly containers: readonly ContainerFact[];
  readonly deletion: Deletion | null;
  /** When it was seen, or found, to be gone. */
  readonly goneAt: number | null;
}

export interface Deletion {
  readonly askedAt: number;
  /** When the cluster will kill what still runs. */
  readonly dueAt: number;
}

export interface ContainerFact {
  readonly name: string;
  /** `sidecar`: an init container that goes on beside the others. */
  readonly sort: "init" | "sidecar" | "main";
  readonly image: string;
  readonly memoryLimit: string | null;
  readonly restarts: number;
  readonly state: ContainerState;
  /** How it ended before it was started again. */
  readonly last: Terminated | null;
  /** It was seen to run, or to have run. */
  readonly hasStarted: boolean;
  /** Since when it waits for the same sort of reason, as far as that was seen. */
  readonly waitingSince: number | null;
  /** It was once seen to have been killed for memory, also if it says so no more. */
  readonly wasKilledForMemory: boolean;
}

export type ContainerState =
  | { readonly is: "waiting"; readonly reason: string; readonly message: string | null }
  | { readonly is: "running"; readonly startedAt: number | null }
  | Terminated;

export interface Terminated {
  readonly is: "terminated";
  readonly exitCode: number;
  readonly signal: number | null;
  readonly reason: string;
  readonly message: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
}

export interface ConditionFact {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string | null;
  /** Since when it has this status. */
  readonly since: number | null;
}

export interface EventFact {
  readonly uid: string;
  readonly kind: string;
  readonly name: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export interface NodeFact {
  readonly name: string;
  readonly isReady: boolean;
  readonly reason: string | null;
  readonly message: string | null;
  /** Since when it is, or is not. */
  readonly since: number;
  readonly isGone: boolean;
}

export function conditionOf(conditions: readonly ConditionFact[], type: string): ConditionFact | null {
  return conditions.find((condition) => condition.type === type && condition.status === "True") ?? null;
}

export function isOver({ phase, goneAt }: Pick<PodFact, "phase" | "goneAt">): boolean {
  return goneAt !== null || hasEnded({ phase });
}

export function hasEnded({ phase }: Pick<PodFact, "phase">): boolean {
  return phase === "Succeeded" || phase === "Failed";
}

/** Oldest first, whatever the order in which they were told. */
export function podsInOrder(pods: readonly PodFact[]): readonly PodFact[] {
  return pods.toSorted((a, b) => a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1));
}

export function eventsInOrder(events: readonly EventFact[]): readonly EventFact[] {
  return events.toSorted((a, b) => a.lastAt - b.lastAt || a.firstAt - b.firstAt || (a.uid < b.uid ? -1 : 1));
}

/** Its decisive end: the last one, when it was started again since. */
export function endOf({ state, last }: ContainerFact): Terminated | null {
  return state.is === "terminated" ? state : last;
}
