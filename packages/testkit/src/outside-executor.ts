/**
 * An executor whose attempts end only by what is told over the API, as those of a cluster do: nobody here hears of an end.
 * The cluster outlives the executor, as it outlives a server; whoever tests watches it and tells.
 */
import type { ExecutorName, Result } from "@windlass/kernel";
import type { EndedFact, Executor, Found, LaunchRequest } from "@windlass/ports";

interface OutsideJob {
  readonly request: LaunchRequest;
  readonly uid: string;
  /** False: it was made, and its reference is not recorded yet. */
  hasBegun: boolean;
  /** How it ended, for whoever looks; null: it runs. */
  result: Result | null;
  /** It may run, and nothing of it does. */
  isWaiting: boolean;
}

export interface OutsideCluster {
  /** What is there, by name. */
  readonly jobs: ReadonlyMap<string, { readonly request: LaunchRequest; readonly uid: string }>;
  /** Every launch that began something, in order: a name that is in it twice ran twice. */
  readonly made: readonly string[];
  readonly stopped: readonly string[];
  /** It ends there; nobody is told. */
  end(name: string, result: Result): void;
  /** It may run and does not begin; whoever looks sees that it never will, or, null, that it may yet. */
  neverBegins(name: string, result: Result | null): void;
  /** Somebody removes it; nobody is told. */
  remove(name: string): void;
  /** Resolves with the name of the first that fits, once it is there. */
  appeared(fits: (request: LaunchRequest) => boolean): Promise<string>;
  /** From now on launches make what they are to make and do not answer, until the returned function is called. */
  hold(): () => void;
  executor(options?: ExecutorOptions): Executor;
}

interface ExecutorOptions {
  readonly name?: ExecutorName;
  readonly runningMax?: number;
}

export function outsideCluster(): OutsideCluster {
  const jobs = new Map<string, OutsideJob>();
  const made: string[] = [];
  const stopped: string[] = [];
  const waiting = new Set<() => void>();
  let gate: Promise<void> = Promise.resolve();
  let uids = 0;
  const launch = async (request: LaunchRequest): Promise<{ readonly ref: string }> => {
    const job = jobs.get(request.name) ?? { request, uid: `uid-${++uids}`, hasBegun: false, result: null, isWaiting: false };
    jobs.set(request.name, job);
    if (!job.hasBegun) {
      await request.record?.(job.uid);
      if (!job.hasBegun) made.push(request.name);
      job.hasBegun = true;
      for (const look of waiting) look();
    }
    await gate;
    return { ref: job.uid };
  };
  return {
    jobs,
    made,
    stopped,
    end(name, result) {
      const job = jobs.get(name);
      if (job !== undefined) job.result = result;
    },
    neverBegins(name, result) {
      const job = jobs.get(name);
      if (job !== undefined) Object.assign(job, { result, isWaiting: true });
    },
    remove: (name) => void jobs.delete(name),
    appeared: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = [...jobs.values()].find(({ request, hasBegun }) => hasBegun && fits(request));
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found.request.name);
        };
        waiting.add(look);
        look();
      }),
    hold() {
      let open = (): void => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    executor: (options) => executorOf({ jobs, stopped, launch }, options),
  };
}

interface Inside extends Pick<Executor, "launch"> {
  readonly jobs: Map<string, OutsideJob>;
  readonly stopped: string[];
}

function executorOf({ jobs, stopped, launch }: Inside, { name = "kubernetes", runningMax = 1_000 }: ExecutorOptions = {}): Executor {
  return {
    name,
    place: "cluster-1",
    runningMax,
    isWatchedOutside: true,
    start: async () => {},
    launch,
    async find(wanted) {
      const job = jobs.get(wanted);
      return job === undefined ? null : foundOf(job);
    },
    // As a cluster does it: it is removed, and whoever watches tells.
    async stop(wanted) {
      if (jobs.delete(wanted)) stopped.push(wanted);
    },
    list: async () => [...jobs.values()].map(foundOf),
    async examine(wanted) {
      const job = jobs.get(wanted);
      return job === undefined || job.result === null ? null : endOf(job, job.result);
    },
    async forget(wanted) {
      if (jobs.get(wanted)?.result !== null) jobs.delete(wanted);
    },
    close: async () => {},
  };
}

function foundOf({ request: { name, jobId, attempt }, uid, hasBegun, result, isWaiting }: OutsideJob): Found {
  const isEnded = result !== null && !isWaiting;
  return { name, jobId, attempt, ref: uid, state: !hasBegun ? "made" : isEnded ? "ended" : "running", isWaiting };
}

function endOf({ request: { name, jobId, attempt }, uid }: OutsideJob, result: Result): EndedFact {
  return { name, jobId, attempt, ref: uid, result, stopped: false, startedAt: 0, endedAt: 0 };
}
