/** Which logs of a Job's containers are to be followed, and whether all of them are told. */
import { isOver, type ContainerFact, type JobFacts, type PodFact } from "@windlass/kubernetes";
import type { Tail } from "./account.ts";
import { containerLog, type ContainerLog, type LogWorld } from "./container-log.ts";

/** Of what a container printed last, kept for the evidence of its end. */
const TAIL_BYTES = 16_384;
const NAME_LENGTH_MAX = 63;

interface Followed {
  readonly log: ContainerLog;
  isDone: boolean;
}

interface OfJob {
  readonly runs: Map<string, Followed>;
  facts: JobFacts;
}

interface Wanted {
  readonly to: { readonly id: string; readonly attempt: number };
  /** So much of what its main container prints last is kept at least. */
  readonly outputBytes: number;
}

export interface JobLogs {
  /** Follows what has begun since it was looked last. */
  look(facts: JobFacts, wanted: Wanted): void;
  /** Whether all that its containers printed is told, as far as is known. */
  isDone(uid: string): boolean;
  /** Whether more of its main container's log may come. */
  isReading(uid: string): boolean;
  /** Of its main container. */
  tail(uid: string): Tail | null;
  forget(uid: string): void;
  readonly count: number;
  /** Resolves when nothing is followed any more. */
  settled(): Promise<void>;
}

/** `onNews`: one of a Job's logs was read to its end, or all of it is told. */
export function jobLogs(world: LogWorld, onNews: (uid: string) => void): JobLogs {
  const jobs = new Map<string, OfJob>();
  const active = new Set<Promise<void>>();

  const follow = (job: OfJob, run: Run, { to, outputBytes }: Wanted): void => {
    const { uid, name, namespace } = job.facts.job;
    const { pod, container, number } = run;
    const current = (): ContainerFact | undefined =>
      job.facts.pods.find((one) => one.uid === pod.uid)?.containers.find((one) => one.name === container.name);
    const hasEnded = (): boolean => {
      const podNow = job.facts.pods.find((one) => one.uid === pod.uid);
      const now = current();
      return podNow === undefined || isOver(podNow) || now === undefined || now.restarts > number || now.state.is === "terminated";
    };
    const log = containerLog(
      {
        ...to,
        jobName: name,
        jobUid: uid,
        namespace,
        pod: pod.name,
        containerName: container.name,
        container: nameAtServer(job.facts, run),
        isPrevious: number < container.restarts,
        tailBytes: isMain(pod, container) ? Math.max(TAIL_BYTES, outputBytes) : 0,
        hasEnded,
        onRead: () => onNews(uid),
      },
      world,
    );
    const followed: Followed = { log, isDone: false };
    job.runs.set(keyOf(run), followed);
    const done = log.done.finally(() => {
      followed.isDone = true;
      active.delete(done);
      onNews(uid);
    });
    active.add(done);
  };

  return {
    look(facts, wanted) {
      const job = jobs.get(facts.job.uid) ?? { runs: new Map<string, Followed>(), facts };
      job.facts = facts;
      jobs.set(facts.job.uid, job);
      for (const run of runsOf(facts)) if (!job.runs.has(keyOf(run))) follow(job, run, wanted);
    },
    isDone: (uid) => [...(jobs.get(uid)?.runs.values() ?? [])].every(({ isDone }) => isDone),
    isReading: (uid) => mainOf(jobs.get(uid))?.log.isReading() ?? false,
    tail: (uid) => mainOf(jobs.get(uid))?.log.tail() ?? null,
    forget: (uid) => void jobs.delete(uid),
    get count() {
      return active.size;
    },
    async settled() {
      await Promise.allSettled(active);
    },
  };
}

/** The last run of the last pod's main container, also when the pod is gone since; undefined: it was never followed. */
function mainOf(job: OfJob | undefined): Followed | undefined {
  const pod = job?.facts.pods.at(-1);
  const container = pod?.containers.find((one) => isMain(pod, one));
  if (job === undefined || pod === undefined || container === undefined) return undefined;
  const { restarts, state } = container;
  return job.runs.get(keyOf({ pod, container, number: state.is === "waiting" ? Math.max(0, restarts - 1) : restarts }));
}

/** One run of a container: it may be started again in its pod. */
interface Run {
  readonly pod: PodFact;
  readonly container: ContainerFact;
  /** From 0. */
  readonly number: number;
}

/** Those whose logs can be read: the cluster keeps those of the last run, and of the one before. */
function runsOf({ pods }: JobFacts): readonly Run[] {
  return pods.flatMap((pod) => {
    if (pod.goneAt !== null || pod.node === null) return [];
    return pod.containers.flatMap((container): readonly Run[] => {
      const { restarts, state, hasStarted } = container;
      if (!hasStarted) return [];
      const last = state.is === "waiting" ? [] : [{ pod, container, number: restarts }];
      return restarts === 0 ? last : [{ pod, container, number: restarts - 1 }, ...last];
    });
  });
}

function keyOf({ pod, container, number }: Run): string {
  return `${pod.uid}/${container.name}/${number}`;
}

function isMain({ containers }: PodFact, { name }: ContainerFact): boolean {
  return containers.find(({ sort }) => sort === "main")?.name === name;
}

/** Undefined: the main one. Each run has a log of its own, for its bytes are counted from its own first. */
function nameAtServer({ pods }: JobFacts, { pod, container, number }: Run): string | undefined {
  const isFirst = pods[0]?.uid === pod.uid;
  if (isFirst && number === 0) return isMain(pod, container) ? undefined : container.name;
  const pad = `${isFirst ? "" : `-${pod.name.slice(-5)}`}${number === 0 ? "" : `-run${number + 1}`}`;
  return `${container.name.slice(0, NAME_LENGTH_MAX - pad.length)}${pad}`;
}
