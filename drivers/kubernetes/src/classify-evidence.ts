/** What was observed, as it is kept with an attempt long after the pod is gone. Pure. */
import { canonicalJson, type Json, type JsonObject } from "@windlass/kernel";
import {
  conditionOf,
  endOf,
  eventsInOrder,
  type ConditionFact,
  type ContainerFact,
  type ContainerState,
  type EventFact,
  type JobFacts,
  type NodeFact,
  type PodFact,
} from "./facts.ts";

/** The API takes 64 KiB; this leaves room for what others add. */
const LENGTH_MAX = 48_000;
const PODS_MAX = 5;
const EVENTS_MAX = 30;
const TEXT_LENGTH_MAX = 500;

export function evidenceOf(facts: JobFacts): JsonObject {
  const warnings = warningsOf(facts);
  const whole = (podsMax: number, eventsMax: number): JsonObject => ({
    job: {
      name: facts.job.name,
      namespace: facts.job.namespace,
      uid: facts.job.uid,
      conditions: facts.job.conditions.map(conditionJson),
      ...(facts.job.gone === null ? {} : { gone: facts.job.gone.seen ? "seen" : "found missing" }),
    },
    pods: facts.pods.slice(-podsMax).map(podJson),
    events: chosenEvents(facts.events, eventsMax).map(eventJson),
    ...(facts.nodes === null || facts.nodes.length === 0 ? {} : { nodes: facts.nodes.slice(0, podsMax).map(nodeJson) }),
    ...(warnings.length === 0 ? {} : { warnings: warnings.slice(0, EVENTS_MAX) }),
  });
  const all = whole(PODS_MAX, EVENTS_MAX);
  if (canonicalJson(all).length <= LENGTH_MAX) return all;
  const less = whole(1, 10);
  return canonicalJson(less).length <= LENGTH_MAX
    ? less
    : { ...less, pods: [], events: [], cut: "what was observed is too large to be kept" };
}

/** What went wrong although it ended well. */
function warningsOf({ pods }: JobFacts): readonly JsonObject[] {
  return pods.flatMap((pod): readonly JsonObject[] => {
    const disruption = conditionOf(pod.conditions, "DisruptionTarget");
    return [
      ...pod.containers
        .filter((container) => container.wasKilledForMemory || endOf(container)?.reason === "OOMKilled")
        .map(({ name }) => ({ what: "killed_for_memory", pod: pod.name, container: name })),
      ...pod.containers
        .filter((container) => container.sort === "sidecar" && (endOf(container)?.exitCode ?? 0) !== 0)
        .map((container) => ({ what: "sidecar_failed", pod: pod.name, container: container.name, restarts: container.restarts })),
      ...(disruption === null ? [] : [{ what: "disrupted", pod: pod.name, reason: disruption.reason, message: disruption.message }]),
    ];
  });
}

/** Those that warn, then the latest of the others; in the order in which they happened. */
function chosenEvents(events: readonly EventFact[], max: number): readonly EventFact[] {
  const inOrder = eventsInOrder(events);
  const warnings = inOrder.filter(({ type }) => type === "Warning").slice(-max);
  const others = inOrder.filter(({ type }) => type !== "Warning").slice(-(max - warnings.length) || inOrder.length);
  return eventsInOrder([...warnings, ...(max === warnings.length ? [] : others)]);
}

function podJson({ name, uid, node, phase, reason, message, conditions, containers, deletion, goneAt }: PodFact): JsonObject {
  return {
    name,
    uid,
    node,
    phase,
    ...someText("reason", reason),
    ...someText("message", message),
    // Those that are as usual say nothing.
    conditions: conditions.filter(({ type, status }) => (type === "DisruptionTarget") === (status === "True")).map(conditionJson),
    containers: containers.map(containerJson),
    ...(deletion === null ? {} : { removalAskedAt: iso(deletion.askedAt) }),
    ...(goneAt === null ? {} : { goneAt: iso(goneAt) }),
  };
}

function containerJson({ name, sort, image, memoryLimit, restarts, state, last, wasKilledForMemory }: ContainerFact): JsonObject {
  return {
    name,
    ...(sort === "main" ? {} : { sort }),
    image,
    ...someText("memoryLimit", memoryLimit),
    restarts,
    state: stateJson(state),
    ...(last === null ? {} : { last: stateJson(last) }),
    ...(wasKilledForMemory ? { wasKilledForMemory } : {}),
  };
}

function stateJson(state: ContainerState): JsonObject {
  switch (state.is) {
    case "waiting":
      return { is: state.is, reason: state.reason, ...someText("message", state.message) };
    case "running":
      return { is: state.is, ...someTime("startedAt", state.startedAt) };
    case "terminated":
      return {
        is: state.is,
        exitCode: state.exitCode,
        ...(state.signal === null ? {} : { signal: state.signal }),
        reason: state.reason,
        ...someText("message", state.message),
        ...someTime("startedAt", state.startedAt),
        ...someTime("finishedAt", state.finishedAt),
      };
  }
}

function conditionJson({ type, status, reason, message, since }: ConditionFact): JsonObject {
  return { type, status, reason, ...someText("message", message), ...someTime("since", since) };
}

function eventJson({ kind, name, type, reason, message, count, lastAt }: EventFact): JsonObject {
  return { at: iso(lastAt), kind, name, type, reason, message: short(message), ...(count > 1 ? { count } : {}) };
}

function nodeJson({ name, isReady, reason, message, since, isGone }: NodeFact): JsonObject {
  return {
    name,
    ready: isReady,
    ...someText("reason", reason),
    ...someText("message", message),
    since: iso(since),
    ...(isGone ? { gone: true } : {}),
  };
}

function someText(key: string, text: string | null): Readonly<Record<string, Json>> {
  return text === null || text === "" ? {} : { [key]: short(text) };
}

function someTime(key: string, time: number | null): Readonly<Record<string, Json>> {
  return time === null ? {} : { [key]: iso(time) };
}

function short(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
