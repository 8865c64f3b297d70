/**
 * The seam between the engine and the kinds of jobs. A module provides one of these for each kind it brings; the
 * composition root registers them; the engine never names a kind.
 *
 * K1. `validate` and `advance` are pure: the same arguments give the same answer. What they need of time or chance is
 *     handed in.
 * K2. `advance` folds facts, in order, into the cursor. Folding all facts again from an empty cursor gives the same
 *     cursor, so it may be rebuilt.
 * K3. What was too large to be passed on is asked for by `outputs`. That may throw what nobody but the engine catches: it
 *     reads what was asked for and decides again, from the beginning.
 */
import type { ClaimedJob } from "@windlass/ports";
import type {
  AliasUse,
  Concurrency,
  ExecutorName,
  Fact,
  Fault,
  Json,
  JobKindName,
  JobRecord,
  JsonObject,
  LiveJob,
  OutputRef,
  Progress,
  Reason,
  Result,
  RetryPolicy,
  Wait,
} from "@windlass/kernel";

/** A child that a decision asks for. What is left out is taken from the parent. */
export interface ChildSpec {
  /** Unique among the children of its parent, e.g. `extract`, `upload[3]`. */
  readonly key: string;
  readonly kind: JobKindName;
  readonly name: string;
  readonly spec: JsonObject;
  readonly input?: Json;
  readonly executor: ExecutorName;
  readonly queue?: string | undefined;
  readonly priority?: number | undefined;
  readonly retry?: RetryPolicy | null | undefined;
  readonly timeoutMs?: number | null | undefined;
  readonly concurrency?: Concurrency | null | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

export interface Decision {
  /** Entries of the cursor that changed; null removes one. */
  readonly cursor: Readonly<Record<string, Json>>;
  readonly children: readonly ChildSpec[];
  /** Keys of children to end; those that have ended are passed over. (A kind never learns the ids of children that run.) */
  readonly stops: readonly { readonly key: string; readonly reason: Reason; readonly message: string | null }[];
  /** The fact `time` follows at this time. */
  readonly waitUntil: number | null;
  /** What it waits for, when no child is open and it is not (only) a time. */
  readonly waitFor?: Wait | null;
  /** Facts for children, by key, or for the parent (null); one for a child that has ended comes back as a fact of this job. */
  readonly tells?: readonly { readonly key: string | null; readonly fact: Fact }[];
  readonly progress: Progress | null;
  /** The end of the job; only when none of its children is open. */
  readonly finish: Result | null;
}

export interface AdvanceInput extends ClaimedJob {
  readonly cursor: ReadonlyMap<string, Json>;
  /** New facts, oldest first. */
  readonly facts: readonly Fact[];
  readonly now: number;
  /** The outputs that these stand for, in their order. See K3. */
  readonly outputs: Outputs;
}

export type Outputs = (refs: readonly OutputRef[]) => readonly Json[];

/** What a kind knows about why a job is where it is; appended to the engine's own causes. */
export interface Cause {
  readonly reason: Reason;
  readonly message: string;
  /** The object that is the cause: a job's id, a queue, a key. */
  readonly object: string | null;
  readonly since: number | null;
}

/** What the runner of an isolated execution is to be. */
export interface RunnerWish {
  /** Null: whichever is the usual one. */
  readonly executor: ExecutorName | null;
  /** Which workflow it is, for people and labels. */
  readonly workflowId: string;
  /** The name of the workflow: its runners take turns with those of others, and have a limit of their own. */
  readonly workflow: string;
}

export interface JobKind {
  readonly kind: JobKindName;
  /** All faults of a specification and its input at once; none: it may be submitted. */
  validate(spec: JsonObject, input: Json): readonly Fault[];
  /** The whole input of a job for which this was given; null: it takes no such input. As it was given when left out. */
  inputs?(spec: JsonObject, given: Json): Json;
  /**
   * The executors that its children may have, for jobs with executor `none`: who may not let commands run is refused such a
   * job before it is there. What a child is going to be and cannot be known yet counts as everything that it may be.
   */
  executors?(spec: JsonObject): readonly ExecutorName[];
  /** Images of containers that it is going to run, as far as they are known before it runs; none when left out. */
  images?(spec: JsonObject): readonly string[];
  /** The same specification with these names for them. */
  withImages?(spec: JsonObject, images: ReadonlyMap<string, string>): JsonObject;
  /** Where in it a raw patch of a pod names an image, which no rule on images can look at. */
  patchedImages?(spec: JsonObject): readonly string[];
  /** For jobs with executor `none`. Not called while the job is stopping: the engine ends its children then. */
  advance?(input: AdvanceInput): Decision;
  /**
   * While the job is stopping: folds what its children came to, and with none of them open any more may make the one child
   * that cleans up (kernel, CLOSING_KEY). The job ends when that has ended, too. What it was told and has not used it may tell its parent.
   */
  close?(input: AdvanceInput): Pick<Decision, "cursor" | "children" | "tells">;
  /**
   * Aliases of secrets that will be asked for, as far as that is known before it runs, so that a missing one is refused at
   * once; those of its own specification when left out.
   */
  aliases?(spec: JsonObject, input: Json): readonly AliasUse[];
  /** Names of the stored definitions of its kind that it is made of: while one of them is disabled, nothing new of it is taken. */
  definitions?(record: Pick<JobRecord, "name" | "spec" | "labels">): readonly string[];
  /** Where it and its descendants look for secrets before they look in the workspace. */
  secretScope?(record: JobRecord): string;
  /** Of an execution whose steps are carried out in a runner of its own; null, and without this: of none. */
  runner?(job: Pick<JobRecord, "spec" | "labels">): RunnerWish | null;
  /** The key of the child that carries one item of this job out; null: it is no loop. */
  itemKey?(record: JobRecord, index: number): string | null;
  /** All that is wrong with a signal to such a job; none: it may be sent. Without this, it takes none. */
  signalFaults?(record: JobRecord, signal: { readonly name: string; readonly data: Json }): readonly Fault[];
  explain?(job: { readonly record: JobRecord; readonly live: LiveJob | null }): readonly Cause[];
}

export const NOTHING: Decision = { cursor: {}, children: [], stops: [], waitUntil: null, progress: null, finish: null };
