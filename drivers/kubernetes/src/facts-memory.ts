/**
 * Remembers what was last seen of each Job and its pods, so that evidence survives them: a pod may be gone before its Job says
 * how it ended. Whoever watches tells it every object in the order in which the cluster tells them.
 *
 * M1. What was learned of a pod is never unlearned: that a container ran, that it was killed for memory, since when it waits.
 * M2. Nothing grows without bound, whatever the cluster holds: each list below has a limit, and the oldest goes first.
 */
import { assert } from "@windlass/kernel";
import {
  eventsInOrder,
  podsInOrder,
  type ContainerFact,
  type EventFact,
  type JobFact,
  type JobFacts,
  type NodeFact,
  type PodFact,
} from "./facts.ts";
import { ownerOf, readEvent, readJob, readNode, readPod } from "./facts-read.ts";
import { waitsFor } from "./classify-stuck.ts";

/** A Job of ours has one pod; more come of Jobs that the cluster tries again. */
const PODS_MAX = 20;
/** Of one Job; a pod that cannot be started makes some ten sorts of them. */
const EVENTS_MAX = 60;
/** Events come without labels, so those of everybody are seen; one may come before its pod. */
const STRANGE_EVENTS_MAX = 2_000;
/** Pods whose Job is not known: it comes a moment later, or is not ours. */
const ORPHANS_MAX = 2_000;

interface Known {
  job: JobFact | null;
  readonly pods: Map<string, PodFact>;
  readonly events: Map<string, EventFact>;
}

export class FactMemory {
  readonly #jobs = new Map<string, Known>();
  /** UID of a pod → of its Job. */
  readonly #owners = new Map<string, string>();
  readonly #orphans = new Map<string, Known>();
  readonly #strange = new Map<string, EventFact & { readonly about: string }>();
  readonly #nodes = new Map<string, NodeFact>();
  #hasNodes = false;

  get size(): number {
    return this.#jobs.size;
  }

  /** The UID of the Job. */
  seeJob(object: unknown): string {
    const job = readJob(object);
    const known = this.#jobs.get(job.uid) ?? this.#orphans.get(job.uid) ?? { job: null, pods: new Map(), events: new Map() };
    this.#orphans.delete(job.uid);
    this.#jobs.set(job.uid, known);
    // What was asked for is remembered: the last version that is told of a removed Job may be an older one.
    known.job = { ...job, stopFor: job.stopFor ?? known.job?.stopFor ?? null };
    this.#welcome(job.uid, known);
    return job.uid;
  }

  /** `seen`: the cluster told of it, with the last version. */
  loseJob(uid: string, at: number, seen: boolean): boolean {
    const known = this.#jobs.get(uid);
    if (known === undefined || known.job === null) return false;
    known.job = { ...known.job, gone: known.job.gone ?? { at, seen } };
    return true;
  }

  /** The UID of the Job that it belongs to, if it is one that is known. */
  seePod(object: unknown, at: number): string | null {
    const owner = ownerOf(object);
    if (owner === null) return null;
    const pod = readPod(object, at);
    const known = this.#jobs.get(owner) ?? this.#orphanage(owner);
    known.pods.set(pod.uid, merged(known.pods.get(pod.uid), pod));
    this.#owners.set(pod.uid, owner);
    if (known.pods.size > PODS_MAX) this.#dropPod(known);
    this.#welcome(pod.uid, known);
    return known.job === null ? null : owner;
  }

  losePod(uid: string, at: number): string | null {
    const owner = this.#owners.get(uid);
    const known = owner === undefined ? undefined : (this.#jobs.get(owner) ?? this.#orphans.get(owner));
    const pod = known?.pods.get(uid);
    if (owner === undefined || known === undefined || pod === undefined) return null;
    known.pods.set(uid, { ...pod, goneAt: pod.goneAt ?? at });
    return known.job === null ? null : owner;
  }

  seeEvent(object: unknown): string | null {
    const { about, ...event } = readEvent(object);
    const owner = this.#jobs.has(about) ? about : this.#owners.get(about);
    const known = owner === undefined ? undefined : (this.#jobs.get(owner) ?? this.#orphans.get(owner));
    if (owner === undefined || known === undefined) {
      this.#strange.delete(event.uid);
      this.#strange.set(event.uid, { ...event, about });
      shorten(this.#strange, STRANGE_EVENTS_MAX);
      return null;
    }
    keepEvent(known, event);
    return known.job === null ? null : owner;
  }

  /** UIDs of the Jobs that have pods on it. */
  seeNode(object: unknown): readonly string[] {
    this.#hasNodes = true;
    const node = readNode(object);
    const before = this.#nodes.get(node.name);
    this.#nodes.set(node.name, node);
    return before?.isReady === node.isReady && !before.isGone ? [] : this.#onNode(node.name);
  }

  loseNode(name: string, at: number): readonly string[] {
    const node = this.#nodes.get(name);
    if (node === undefined) return [];
    const jobs = this.#onNode(name);
    // Kept as long as somebody's pod was there.
    if (jobs.length === 0) this.#nodes.delete(name);
    else this.#nodes.set(name, { ...node, isReady: false, isGone: true, since: node.isReady ? at : node.since });
    return jobs;
  }

  facts(uid: string): JobFacts | null {
    const known = this.#jobs.get(uid);
    if (known === undefined || known.job === null) return null;
    const pods = podsInOrder([...known.pods.values()]);
    const names = new Set(pods.map(({ node }) => node));
    const nodes = this.#hasNodes ? [...this.#nodes.values()].filter(({ name }) => names.has(name)) : null;
    return { job: known.job, pods, events: eventsInOrder([...known.events.values()]), nodes };
  }

  /** UIDs of all Jobs that are remembered. */
  jobs(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  /** Names or UIDs of what is there as far as is known: what a list does not name is gone. */
  livingPods(): readonly string[] {
    return [...this.#owners].flatMap(([uid, owner]) => {
      const pod = (this.#jobs.get(owner) ?? this.#orphans.get(owner))?.pods.get(uid);
      return pod === undefined || pod.goneAt !== null ? [] : [uid];
    });
  }

  livingJobs(): readonly string[] {
    return [...this.#jobs].flatMap(([uid, { job }]) => (job === null || job.gone !== null ? [] : [uid]));
  }

  nodes(): readonly string[] {
    return [...this.#nodes.values()].flatMap(({ name, isGone }) => (isGone ? [] : [name]));
  }

  forget(uid: string): void {
    const known = this.#jobs.get(uid);
    if (known === undefined) return;
    for (const pod of known.pods.keys()) this.#owners.delete(pod);
    this.#jobs.delete(uid);
  }

  #orphanage(owner: string): Known {
    const known = this.#orphans.get(owner) ?? { job: null, pods: new Map(), events: new Map() };
    this.#orphans.delete(owner);
    this.#orphans.set(owner, known);
    for (const [uid, { pods }] of this.#orphans) {
      if (this.#orphans.size <= ORPHANS_MAX) break;
      for (const pod of pods.keys()) this.#owners.delete(pod);
      this.#orphans.delete(uid);
    }
    return known;
  }

  /** Events that came before what they are about. */
  #welcome(about: string, known: Known): void {
    for (const [uid, { about: whom, ...event }] of this.#strange) {
      if (whom !== about) continue;
      this.#strange.delete(uid);
      keepEvent(known, event);
    }
  }

  #dropPod(known: Known): void {
    const [oldest] = podsInOrder([...known.pods.values()]);
    assert(oldest !== undefined, "a Job with too many pods has none");
    known.pods.delete(oldest.uid);
    this.#owners.delete(oldest.uid);
  }

  #onNode(name: string): readonly string[] {
    return [...this.#jobs].flatMap(([uid, { pods }]) =>
      [...pods.values()].some((pod) => pod.node === name && pod.goneAt === null) ? [uid] : [],
    );
  }
}

function keepEvent(known: Known, event: EventFact): void {
  known.events.set(event.uid, event);
  while (known.events.size > EVENTS_MAX) {
    // What is usual says least.
    const inOrder = eventsInOrder([...known.events.values()]);
    const oldest = inOrder.find(({ type }) => type === "Normal") ?? inOrder[0];
    assert(oldest !== undefined, "a Job with too many events has none");
    known.events.delete(oldest.uid);
  }
}

/** What a newer version of a pod says, with what only older ones said (M1). */
export function merged(before: PodFact | undefined, now: PodFact): PodFact {
  if (before === undefined) return now;
  const old = new Map(before.containers.map((container) => [container.name, container]));
  return {
    ...now,
    node: now.node ?? before.node,
    containers: now.containers.map((container) => mergedContainer(old.get(container.name), container)),
    // The node's last word on it is a removal of its own, without grace: when it was asked for first is what counts.
    deletion: before.deletion === null ? now.deletion : { ...before.deletion, dueAt: (now.deletion ?? before.deletion).dueAt },
    goneAt: before.goneAt,
  };
}

function mergedContainer(before: ContainerFact | undefined, now: ContainerFact): ContainerFact {
  if (before === undefined) return now;
  const isSame = before.waitingSince !== null && waitsFor(before) === waitsFor(now);
  return {
    ...now,
    last: now.last ?? before.last ?? (before.state.is === "terminated" && now.state.is !== "terminated" ? before.state : null),
    hasStarted: before.hasStarted || now.hasStarted,
    waitingSince: now.waitingSince !== null && isSame ? before.waitingSince : now.waitingSince,
    wasKilledForMemory: before.wasKilledForMemory || now.wasKilledForMemory,
  };
}

function shorten<K, V>(map: Map<K, V>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
