/**
 * Which logs of a Job's containers are to be followed, and whether all of them are told.
 *
 * G1. All logs of an attempt lie at one server, the one that was told last: it is the one that readers ask. When the last of
 *     them was told, that server is asked how much it has, and is told again what another one was told before.
 */
import { MAIN_CONTAINER } from "@windlass/ports";
import { isOver, type ContainerFact, type JobFacts, type PodFact } from "@windlass/kubernetes";
import type { Tail } from "./account.ts";
import { containerLog, type ContainerLog } from "./container-log.ts";
import type { LogWorld } from "./log-subject.ts";
import { delayOf, rest } from "./machine.ts";
import type { Told, ToldSources } from "./server-line.ts";

/** Of what a container printed last, kept for the evidence of its end. */
const TAIL_BYTES = 16_384;
const NAME_LENGTH_MAX = 63;
/** See G1. Where calls go to whichever server, each time to another, there is no last one: then it is left at that. */
const COMPARISONS_MAX = 3;
/** Tries to ask a server that does not answer, some minutes in all. */
const ASK_MAX = 20;

interface Followed {
  readonly run: Run;
  /** As it is called at the server. */
  readonly container: string | undefined;
  readonly log: ContainerLog;
  /** What the server has of it, by its own word. */
  stored: () => number;
  isDone: boolean;
}

interface OfJob {
  readonly runs: Map<string, Followed>;
  facts: JobFacts;
  wanted: Wanted;
  comparisons: number;
  isComparing: boolean;
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

  const track = (job: OfJob, followed: Followed, log: ContainerLog): void => {
    Object.assign(followed, { isDone: false, stored: () => log.stored() });
    const read = async (): Promise<void> => {
      await log.done.finally(() => {
        followed.isDone = true;
      });
      await compared(job);
    };
    const done = read().finally(() => {
      active.delete(done);
      onNews(job.facts.job.uid);
    });
    active.add(done);
  };
  const follow = (job: OfJob, run: Run): void => {
    const log = logOf(job, run, { world, onNews });
    const followed: Followed = { run, container: nameAtServer(job.facts, run), log, stored: () => log.stored(), isDone: false };
    job.runs.set(keyOf(run), followed);
    track(job, followed, log);
  };
  /** See G1. One log alone lies wherever it was told. */
  const compared = async (job: OfJob): Promise<void> => {
    const runs = [...job.runs.values()];
    if (runs.length < 2 || job.comparisons >= COMPARISONS_MAX || job.isComparing || runs.some(({ isDone }) => !isDone)) return;
    job.comparisons++;
    job.isComparing = true;
    try {
      const told = await askedFor(job, world);
      if (told.is !== "answered" || told.answer.status !== "known") return;
      const there = new Set(runsOf(job.facts).map(keyOf));
      const missing = runs.filter((one) => lacks(told.answer, one) && there.has(keyOf(one.run)));
      for (const one of missing) track(job, one, logOf(job, one.run, { world, onNews }));
      if (missing.length > 0)
        world.machine.logger.info("logs were told to another server; they are told again", { uid: job.facts.job.uid });
    } finally {
      job.isComparing = false;
    }
  };

  return {
    look(facts, wanted) {
      const job = jobs.get(facts.job.uid) ?? newJob(facts, wanted);
      Object.assign(job, { facts, wanted });
      jobs.set(facts.job.uid, job);
      for (const run of runsOf(facts)) if (!job.runs.has(keyOf(run))) follow(job, run);
    },
    isDone: (uid) => jobs.get(uid)?.isComparing !== true && [...(jobs.get(uid)?.runs.values() ?? [])].every(({ isDone }) => isDone),
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

function newJob(facts: JobFacts, wanted: Wanted): OfJob {
  return { runs: new Map(), facts, wanted, comparisons: 0, isComparing: false };
}

interface Listening {
  readonly world: LogWorld;
  readonly onNews: (uid: string) => void;
}

function logOf(job: OfJob, run: Run, { world, onNews }: Listening): ContainerLog {
  const { uid, name, namespace } = job.facts.job;
  const { to, outputBytes } = job.wanted;
  const { pod, container, number } = run;
  const podNow = (): PodFact | undefined => job.facts.pods.find((one) => one.uid === pod.uid);
  const current = (): ContainerFact | undefined => podNow()?.containers.find((one) => one.name === container.name);
  const hasEnded = (): boolean => {
    const [itsPod, now] = [podNow(), current()];
    return itsPod === undefined || isOver(itsPod) || now === undefined || now.restarts > number || now.state.is === "terminated";
  };
  const subject = {
    ...to,
    jobName: name,
    jobUid: uid,
    namespace,
    pod: pod.name,
    containerName: container.name,
    container: nameAtServer(job.facts, run),
    isPrevious: number < (current() ?? container).restarts,
    tailBytes: isMain(pod, container) ? Math.max(TAIL_BYTES, outputBytes) : 0,
    hasEnded,
    onRead: () => onNews(uid),
  };
  return containerLog(subject, world);
}

async function askedFor({ facts, wanted: { to } }: OfJob, { line, machine }: LogWorld): Promise<Told<ToldSources>> {
  const { name: jobName, uid: jobUid } = facts.job;
  for (let failures = 1; ; failures++) {
    const told = await line.toldLogs({ ...to, jobName, jobUid });
    if (told.is !== "failed" || failures >= ASK_MAX || machine.signal.aborted) return told;
    await rest(Math.max(told.afterMs, delayOf(failures, machine)), machine);
  }
}

function lacks({ sources }: ToldSources, { container = MAIN_CONTAINER, stored }: Followed): boolean {
  const source = sources.find((one) => one.container === container && one.stream === "stdout");
  return source?.cut !== true && (source?.next ?? 0) < stored();
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
