/**
 * When a cluster first showed each death, seen by somebody else than the watcher that is tried: lists and watches of its own,
 * and no grace at all, so that the first moment at which what is told there could be an end counts.
 */
import { classify, FactMemory, type ClusterClient, type Graces, type JobFacts } from "@windlass/kubernetes";
import type { JsonObject } from "@windlass/kernel";
import { informer } from "./informer.ts";
import type { Machine } from "./machine.ts";

export interface ShownDeaths {
  /** Of a Job, by its name. Null: nothing of that sort was shown. */
  shownAt(job: string, outcome: string): number | null;
  /** When the last container of its last pod ended, by the cluster's own account, which is in whole seconds. */
  diedAt(job: string): number | null;
  stop(): Promise<void>;
}

const NO_GRACE: Graces = { imagePullMs: 0, configMs: 0, unschedulableMs: 0, nodeMs: 0 };

interface Place {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly selector: string;
}

/** Ready once everything was listed. */
export async function shownDeaths({ client, namespace, selector }: Place, outer: Omit<Machine, "signal">): Promise<ShownDeaths> {
  const over = new AbortController();
  const machine: Machine = { ...outer, signal: over.signal };
  const memory = new FactMemory();
  const shown = new Map<string, Map<string, number>>();
  const uids = new Map<string, string>();
  const look = (uid: string | null): void => {
    const facts = uid === null ? null : memory.facts(uid);
    if (uid === null || facts === null) return;
    const now = machine.clock.now();
    const verdict = classify(facts, now, NO_GRACE);
    uids.set(facts.job.name, uid);
    if (!verdict.isFinal) return;
    const ofJob = shown.get(facts.job.name) ?? new Map<string, number>();
    shown.set(facts.job.name, ofJob);
    if (!ofJob.has(verdict.outcome)) ofJob.set(verdict.outcome, now);
  };
  const watched = (what: string, path: string, kind: Kind) =>
    informer({ what, path, client, onListed: () => {}, onObject: kind.see, onGone: kind.lose, ...kind.more }, machine);
  const lost = (object: JsonObject): string => (object as { readonly metadata: { readonly uid: string } }).metadata.uid;
  const own = { selector };
  const informers = [
    watched("jobs", `/apis/batch/v1/namespaces/${namespace}/jobs`, {
      see: (object) => look(memory.seeJob(object)),
      lose: (object) => {
        memory.seeJob(object);
        if (memory.loseJob(lost(object), machine.clock.now(), true)) look(lost(object));
      },
      more: own,
    }),
    watched("pods", `/api/v1/namespaces/${namespace}/pods`, {
      see: (object) => look(memory.seePod(object, machine.clock.now())),
      lose: (object) => {
        memory.seePod(object, machine.clock.now());
        look(memory.losePod(lost(object), machine.clock.now()));
      },
      more: own,
    }),
    watched("events", `/api/v1/namespaces/${namespace}/events`, {
      see: (object) => look(memory.seeEvent(object)),
      lose: () => {},
      more: { isOptional: true },
    }),
    watched("nodes", "/api/v1/nodes", {
      see: (object) => memory.seeNode(object).forEach(look),
      lose: (object) => memory.loseNode(nameOf(object), machine.clock.now()).forEach(look),
      more: { isOptional: true },
    }),
  ];
  await Promise.all(informers.map(({ listed }) => listed));
  return {
    shownAt: (job, outcome) => shown.get(job)?.get(outcome) ?? null,
    diedAt: (job) => diedAt(memory.facts(uids.get(job) ?? "")),
    async stop() {
      over.abort();
      await Promise.allSettled(informers.map(({ done }) => done));
    },
  };
}

interface Kind {
  readonly see: (object: JsonObject) => void;
  readonly lose: (object: JsonObject) => void;
  readonly more: { readonly selector?: string; readonly isOptional?: boolean };
}

function nameOf(object: JsonObject): string {
  return (object as { readonly metadata: { readonly name: string } }).metadata.name;
}

function diedAt(facts: JobFacts | null): number | null {
  const times = (facts?.pods.at(-1)?.containers ?? []).flatMap(({ state }) =>
    state.is === "terminated" && state.finishedAt !== null ? [state.finishedAt] : [],
  );
  const isRunning = facts?.pods.at(-1)?.containers.some(({ state }) => state.is === "running") === true;
  return times.length === 0 || isRunning ? null : Math.max(...times);
}
