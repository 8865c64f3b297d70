/**
 * What is measured: a queue that keeps jobs durably and runs handlers. One file for each contender, one for each workload;
 * a workload knows only this.
 *
 * C1. Every contender stores the same payload, and an enqueue has ended when its job would survive a power cut.
 * C2. A contender runs at the best settings that its documentation names; which and where they are from stands in its file.
 */
export interface Contender {
  readonly name: string;
  /** What to install so that it can run, or null. */
  missing(): string | null;
  /** Opens it on an empty store. */
  open(): Promise<OpenQueue>;
}

export interface OpenQueue {
  /** Resolves when one job is durable. */
  enqueue(): Promise<void>;
  /** Resolves when that many are; in the batches that suit it. Of so many tenants, one of each in turn, where it serves them in turn. */
  enqueueMany(count: number, tenants?: number): Promise<void>;
  /** Starts a worker that calls `onJob` for each job, at most `concurrency` at once. */
  work(options: WorkOptions): Promise<Working>;
  close(): Promise<void>;
}

export interface WorkOptions {
  readonly concurrency: number;
  readonly onJob: () => void;
}

export interface Working {
  /** Call when all `count` handlers have been called: resolves when the store knows that they have ended. */
  stored(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** A small message, as it is usual: 53 bytes of JSON. */
export const PAYLOAD = { to: "somebody", subject: "a payload of a usual size" } as const;

/** Jobs in one call of `enqueueMany`, for every contender that has a batch. */
export const BATCH = 1_000;

/** The same for Windlass in this process and over HTTP. */
export const JOB_OF_WINDLASS = {
  kind: "task",
  name: "noop",
  executor: "handler",
  spec: { handler: "noop" },
  input: PAYLOAD,
} as const;

type TenantsJob = typeof JOB_OF_WINDLASS & { readonly fairnessKey?: string };

/** The jobs of each call, of tenants in turn. */
export function* batchesOfWindlass(count: number, tenants = 0): Generator<TenantsJob[]> {
  let made = 0;
  const next = (): TenantsJob => (tenants === 0 ? JOB_OF_WINDLASS : { ...JOB_OF_WINDLASS, fairnessKey: `tenant-${made++ % tenants}` });
  for (const size of batches(count)) yield Array.from({ length: size }, next);
}

export const batches = (count: number, size: number = BATCH): readonly number[] =>
  Array.from({ length: Math.ceil(count / size) }, (_one, index) => Math.min(size, count - index * size));
