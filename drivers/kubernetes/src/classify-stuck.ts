/** Why a pod that has not begun never will: its image, its configuration, no node that takes it, nobody who lets it in. Pure. */
import type { Outcome, Reason } from "@windlass/kernel";
import { reasonOfStartError } from "./classify-death.ts";
import { conditionOf, eventsInOrder, isOver, type ContainerFact, type EventFact, type JobFacts, type PodFact } from "./facts.ts";

/** How long what may mend itself is waited for. */
export interface Graces {
  /** An image that cannot be pulled. */
  readonly imagePullMs: number;
  /** A ConfigMap or Secret that may be about to appear; a refusal of its pod. */
  readonly configMs: number;
  /** No node can take it, or its volume cannot be had: another may be on its way. */
  readonly unschedulableMs: number;
  /** A node that does not report. */
  readonly nodeMs: number;
}

export const DEFAULT_GRACES: Graces = { imagePullMs: 60_000, configMs: 30_000, unschedulableMs: 600_000, nodeMs: 30_000 };

export interface Stuck {
  readonly outcome: Extract<Outcome, "failed_image_pull" | "failed_config">;
  readonly reason: Reason;
  readonly message: string;
  /** When waiting for it to mend itself is over; null: it is waited for without end. */
  readonly dueAt: number | null;
}

const IMAGE = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"];
/** Waiting cannot help. */
const IMAGE_AT_ONCE = ["InvalidImageName", "ErrImageNeverPull"];
const CONFIG = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"];

/** What sort of reason a container waits for. */
export function waitsFor({ state }: Pick<ContainerFact, "state">): "image" | "config" | null {
  if (state.is !== "waiting") return null;
  return IMAGE.includes(state.reason) ? "image" : CONFIG.includes(state.reason) ? "config" : null;
}

/** All that holds the last pod back, or that keeps the Job from having one; in the order in which it counts. */
export function whyStuck(facts: JobFacts, graces: Graces): readonly Stuck[] {
  const pod = facts.pods.at(-1);
  const found =
    pod === undefined
      ? []
      : [...imageOf(pod, facts.events, graces), ...configOf(pod, graces), ...volumesOf(pod, facts.events, graces), ...nodesOf(pod, graces)];
  return pod === undefined || isOver(pod) ? [...found, ...admissionOf(facts, graces)] : found;
}

function imageOf(pod: PodFact, events: readonly EventFact[], { imagePullMs }: Graces): readonly Stuck[] {
  return pod.containers.flatMap((container): readonly Stuck[] => {
    const { state, hasStarted, waitingSince, image } = container;
    if (hasStarted || state.is !== "waiting" || waitsFor(container) !== "image") return [];
    const since = waitingSince ?? pod.createdAt;
    const message = state.message ?? `the image ${image} cannot be had: ${state.reason}`;
    const told = `${message}\n${pullErrors(pod, events)}`;
    return [
      {
        outcome: "failed_image_pull",
        reason: reasonOfImage(state.reason, told),
        message,
        dueAt: IMAGE_AT_ONCE.includes(state.reason) ? since : since + imagePullMs,
      },
    ];
  });
}

/** The container may say no more than that it waits for the next try; its events say why. */
function pullErrors(pod: PodFact, events: readonly EventFact[]): string {
  return events
    .filter(({ name, reason, message }) => name === pod.name && reason === "Failed" && message.startsWith("Failed to pull image"))
    .map(({ message }) => message)
    .join("\n");
}

function reasonOfImage(word: string, message: string): Reason {
  if (word === "InvalidImageName") return "image_name_invalid";
  if (word === "ErrImageNeverPull") return "image_not_present";
  if (/unauthorized|authorization failed|authentication required|access denied|denied:|403 forbidden|no basic auth/iu.test(message))
    return "image_unauthorized";
  if (
    /dial tcp|no such host|connection refused|connection reset|i\/o timeout|timed? ?out|deadline exceeded|x509|tls:|unexpected eof|50[0234] /iu.test(
      message,
    )
  )
    return "registry_unreachable";
  if (word === "RegistryUnavailable") return "registry_unreachable";
  if (/not found|notfound|manifest unknown|name unknown|does not exist|no such image/iu.test(message)) return "image_not_found";
  return "image_pull_failed";
}

function configOf(pod: PodFact, { configMs }: Graces): readonly Stuck[] {
  return pod.containers.flatMap((container): readonly Stuck[] => {
    const { state, hasStarted, waitingSince, name } = container;
    if (hasStarted || state.is !== "waiting" || waitsFor(container) !== "config") return [];
    const since = waitingSince ?? pod.createdAt;
    const message = state.message ?? `the container ${name} cannot be made: ${state.reason}`;
    const reason = reasonOfConfig(state.reason, message);
    const isSettled = reason === "command_not_found" || reason === "bad_working_dir";
    return [{ outcome: "failed_config", reason, message, dueAt: isSettled ? since : since + configMs }];
  });
}

function reasonOfConfig(word: string, message: string): Reason {
  if (word !== "CreateContainerConfigError") return reasonOfStartError(message);
  return /secret/iu.test(message) ? "secret_missing" : "bad_spec";
}

const MOUNT_EVENTS = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];
const AFTER_MOUNT = ["Pulling", "Pulled", "Created", "Started", "Failed", "BackOff"];

/** A mount that failed is tried again, and often well: it counts while nothing has come after it. */
function volumesOf(pod: PodFact, events: readonly EventFact[], { configMs, unschedulableMs }: Graces): readonly Stuck[] {
  if (pod.containers.some(({ hasStarted }) => hasStarted) || conditionOf(pod.conditions, "PodReadyToStartContainers") !== null) return [];
  const ours = eventsInOrder(events.filter(({ name, kind }) => kind === "Pod" && name === pod.name));
  const failed = ours.filter(({ reason }) => MOUNT_EVENTS.includes(reason));
  const last = failed.at(-1);
  if (last === undefined || ours.some(({ reason, lastAt }) => AFTER_MOUNT.includes(reason) && lastAt >= last.lastAt)) return [];
  const since = Math.min(...failed.map(({ firstAt }) => firstAt));
  // One that does not exist was forgotten; one that cannot be attached yet is held by somebody else.
  const isMissing = /not found|does not exist|references non-existent/iu.test(last.message);
  return [
    {
      outcome: "failed_config",
      reason: "volume_unavailable",
      message: last.message,
      dueAt: since + (isMissing ? configMs : unschedulableMs),
    },
  ];
}

function nodesOf(pod: PodFact, { unschedulableMs }: Graces): readonly Stuck[] {
  const scheduled = pod.conditions.find(({ type }) => type === "PodScheduled");
  if (scheduled === undefined || scheduled.status === "True") return [];
  const message = scheduled.message ?? "no node can take its pod";
  const isGated = scheduled.reason === "SchedulingGated";
  if (!isGated && scheduled.reason !== "Unschedulable") return [];
  const since = scheduled.since ?? pod.createdAt;
  return [{ outcome: "failed_config", reason: "unschedulable", message, dueAt: isGated ? null : since + unschedulableMs }];
}

/** The Job has no pod, for the cluster does not take it. */
function admissionOf({ job, pods, events }: JobFacts, { configMs }: Graces): readonly Stuck[] {
  if (job.isSuspended) return [];
  const after = pods.at(-1)?.createdAt ?? 0;
  const refused = eventsInOrder(events.filter(({ kind, reason, lastAt }) => kind === "Job" && reason === "FailedCreate" && lastAt > after));
  // Each try names another pod: the first one's message stays the same.
  const [first] = refused;
  if (first === undefined) return [];
  const since = Math.min(...refused.map(({ firstAt }) => firstAt));
  const { message } = first;
  const config = { outcome: "failed_config", message } as const;
  if (/exceeded quota|quota/iu.test(message)) return [{ ...config, reason: "quota_exceeded", dueAt: null }];
  if (/violates PodSecurity|admission webhook|ValidatingAdmissionPolicy|denied the request/iu.test(message))
    return [{ ...config, reason: "admission_refused", dueAt: since + configMs }];
  if (/not found|is invalid|is forbidden/iu.test(message)) return [{ ...config, reason: "bad_spec", dueAt: since + configMs }];
  return [{ ...config, reason: "pending_outside", dueAt: null }];
}

/** Of a Job that is over and whose pods nobody remembers: that its image could not be had, by the events that are left. */
export function imageByEvents(events: readonly EventFact[]): Stuck | null {
  if (events.some(({ reason, kind }) => kind === "Pod" && reason === "Started")) return null;
  const told = eventsInOrder(events).findLast(
    ({ kind, reason, message }) =>
      kind === "Pod" &&
      ((reason === "Failed" && message.startsWith("Failed to pull image")) || reason === "ErrImageNeverPull" || reason === "InspectFailed"),
  );
  if (told === undefined) return null;
  const word =
    told.reason === "InspectFailed" && /reference format|parse image name/iu.test(told.message) ? "InvalidImageName" : told.reason;
  return { outcome: "failed_image_pull", reason: reasonOfImage(word, told.message), message: told.message, dueAt: null };
}
