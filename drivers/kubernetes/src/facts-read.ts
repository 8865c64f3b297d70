/**
 * Reads facts from the objects of the API server, as they come as JSON. What is missing or strange in them is taken for not
 * said: objects of a newer cluster must not stop whoever watches it. Pure.
 */
import { isJsonObject, type JsonObject, type StopFor } from "@windlass/kernel";
import type { ConditionFact, ContainerFact, ContainerState, Deletion, EventFact, JobFact, NodeFact, PodFact, Terminated } from "./facts.ts";
import { ANNOTATIONS } from "./labels.ts";

const STOPS: readonly string[] = ["cancelled", "failed_timeout", "replaced"] satisfies StopFor[];
/** Texts of the cluster that are kept of any one object. */
const MESSAGE_LENGTH_MAX = 1_000;

export function readJob(object: unknown): JobFact {
  const { metadata, spec, status } = partsOf(object);
  const annotations = textsOf(metadata["annotations"]);
  const stopFor = annotations[ANNOTATIONS.stopFor] ?? "";
  const podSpec = objectOf(objectOf(spec["template"])["spec"]);
  return {
    name: textOf(metadata["name"]) ?? "",
    namespace: textOf(metadata["namespace"]) ?? "",
    uid: textOf(metadata["uid"]) ?? "",
    labels: textsOf(metadata["labels"]),
    annotations,
    createdAt: timeOf(metadata["creationTimestamp"]) ?? 0,
    conditions: conditionsOf(status["conditions"]).filter((condition) => condition.status === "True"),
    isSuspended: spec["suspend"] === true,
    // Kubernetes tries six times when nothing is said.
    isRetrying: (numberOf(spec["backoffLimit"]) ?? 6) > 0 || textOf(podSpec["restartPolicy"]) === "OnFailure",
    stopFor: STOPS.includes(stopFor) ? (stopFor as StopFor) : null,
    deletedAt: timeOf(metadata["deletionTimestamp"]),
    gone: null,
  };
}

/** `at`: when it was seen so; a container that waits does not say since when. */
export function readPod(object: unknown, at: number): PodFact {
  const { metadata, spec, status } = partsOf(object);
  const inside = (list: string, statuses: string, sort: ContainerFact["sort"]): readonly ContainerFact[] => {
    const told = new Map(listOf(status[statuses]).map((item) => [textOf(item["name"]), item]));
    return listOf(spec[list]).map((item) => readContainer(item, told.get(textOf(item["name"])) ?? {}, { sort, at }));
  };
  return {
    name: textOf(metadata["name"]) ?? "",
    uid: textOf(metadata["uid"]) ?? "",
    node: textOf(spec["nodeName"]),
    createdAt: timeOf(metadata["creationTimestamp"]) ?? 0,
    phase: textOf(status["phase"]) ?? "Unknown",
    reason: textOf(status["reason"]),
    message: shortened(status["message"]),
    conditions: conditionsOf(status["conditions"]),
    containers: [...inside("initContainers", "initContainerStatuses", "init"), ...inside("containers", "containerStatuses", "main")],
    deletion: deletionOf(metadata),
    goneAt: null,
  };
}

/** The UID of the Job that a pod belongs to. */
export function ownerOf(object: unknown): string | null {
  const { metadata } = partsOf(object);
  const owner = listOf(metadata["ownerReferences"]).find((item) => item["kind"] === "Job" && item["controller"] === true);
  return owner === undefined ? null : textOf(owner["uid"]);
}

/** With the UID of what it is about. */
export function readEvent(object: unknown): EventFact & { readonly about: string } {
  const event = objectOf(object);
  const { metadata } = partsOf(object);
  const involved = objectOf(event["involvedObject"]);
  const series = objectOf(event["series"]);
  const made = timeOf(event["eventTime"]) ?? timeOf(metadata["creationTimestamp"]) ?? 0;
  const firstAt = timeOf(event["firstTimestamp"]) ?? made;
  return {
    about: textOf(involved["uid"]) ?? "",
    uid: textOf(metadata["uid"]) ?? "",
    kind: textOf(involved["kind"]) ?? "",
    name: textOf(involved["name"]) ?? "",
    type: textOf(event["type"]) ?? "Normal",
    reason: textOf(event["reason"]) ?? "",
    message: shortened(event["message"]) ?? "",
    count: numberOf(series["count"]) ?? numberOf(event["count"]) ?? 1,
    firstAt,
    lastAt: timeOf(event["lastTimestamp"]) ?? timeOf(series["lastObservedTime"]) ?? firstAt,
  };
}

export function readNode(object: unknown): NodeFact {
  const { metadata, status } = partsOf(object);
  const ready = conditionsOf(status["conditions"]).find(({ type }) => type === "Ready");
  return {
    name: textOf(metadata["name"]) ?? "",
    // One that has not said anything yet is new.
    isReady: ready === undefined || ready.status === "True",
    reason: ready?.reason ?? null,
    message: ready?.message ?? null,
    since: ready?.since ?? timeOf(metadata["creationTimestamp"]) ?? 0,
    isGone: false,
  };
}

interface Seen {
  readonly sort: ContainerFact["sort"];
  readonly at: number;
}

function readContainer(spec: JsonObject, status: JsonObject, { sort, at }: Seen): ContainerFact {
  const state = stateOf(status["state"]) ?? { is: "waiting", reason: "", message: null };
  const last = stateOf(status["lastState"]);
  const ended = last?.is === "terminated" ? last : null;
  const restarts = numberOf(status["restartCount"]) ?? 0;
  const limits = objectOf(objectOf(spec["resources"])["limits"]);
  return {
    name: textOf(spec["name"]) ?? "",
    sort: sort === "init" && spec["restartPolicy"] === "Always" ? "sidecar" : sort,
    image: textOf(spec["image"]) ?? "",
    memoryLimit: textOf(limits["memory"]),
    restarts,
    state,
    last: ended,
    hasStarted: restarts > 0 || ended !== null || state.is === "running" || (state.is === "terminated" && hasRun(state)),
    waitingSince: state.is === "waiting" ? at : null,
    wasKilledForMemory: [state, ended].some((one) => one?.is === "terminated" && one.reason === "OOMKilled"),
  };
}

/** A container whose program could not be started has a state of an end, too. */
function hasRun({ reason }: Terminated): boolean {
  return reason !== "StartError" && reason !== "ContainerCannotRun" && reason !== "ContainerStatusUnknown";
}

function stateOf(value: unknown): ContainerState | null {
  const state = objectOf(value);
  if (isJsonObject(state["terminated"])) return terminatedOf(state["terminated"]);
  if (isJsonObject(state["running"])) return { is: "running", startedAt: timeOf(state["running"]["startedAt"]) };
  if (!isJsonObject(state["waiting"])) return null;
  return { is: "waiting", reason: textOf(state["waiting"]["reason"]) ?? "", message: shortened(state["waiting"]["message"]) };
}

function terminatedOf(state: JsonObject): Terminated {
  return {
    is: "terminated",
    exitCode: numberOf(state["exitCode"]) ?? 0,
    signal: numberOf(state["signal"]) || null,
    reason: textOf(state["reason"]) ?? "",
    // Not shortened: it may be the output, and the cluster itself keeps it short.
    message: textOf(state["message"]),
    startedAt: timeOf(state["startedAt"]),
    finishedAt: timeOf(state["finishedAt"]),
  };
}

function deletionOf(metadata: JsonObject): Deletion | null {
  const dueAt = timeOf(metadata["deletionTimestamp"]);
  return dueAt === null ? null : { askedAt: dueAt - (numberOf(metadata["deletionGracePeriodSeconds"]) ?? 0) * 1000, dueAt };
}

function conditionsOf(value: unknown): readonly ConditionFact[] {
  return listOf(value).map((item) => ({
    type: textOf(item["type"]) ?? "",
    status: textOf(item["status"]) ?? "Unknown",
    reason: textOf(item["reason"]) ?? "",
    message: shortened(item["message"]),
    since: timeOf(item["lastTransitionTime"]),
  }));
}

function partsOf(object: unknown): { readonly metadata: JsonObject; readonly spec: JsonObject; readonly status: JsonObject } {
  const whole = objectOf(object);
  return { metadata: objectOf(whole["metadata"]), spec: objectOf(whole["spec"]), status: objectOf(whole["status"]) };
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function listOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(objectOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function shortened(value: unknown): string | null {
  const text = textOf(value)?.trim();
  if (text === undefined || text === "") return null;
  return text.length <= MESSAGE_LENGTH_MAX ? text : `${text.slice(0, MESSAGE_LENGTH_MAX - 1)}…`;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function timeOf(value: unknown): number | null {
  const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
