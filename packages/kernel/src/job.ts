/**
 * The nouns: a job as it was submitted, what changes while it lives, how it ended, and its attempts.
 * Times are milliseconds since 1970 (UTC) unless the name says otherwise.
 */
import type { Json, JsonObject } from "./json.ts";
import type { JobState, LiveState, TerminalState } from "./lifecycle.ts";
import type { Outcome } from "./outcome.ts";
import type { Reason } from "./reason.ts";
import type { RetryPolicy } from "./retry.ts";

/** What sorts of jobs there are. What each means is in the glossary; what decides about it is in its module. */
export const JOB_KINDS = ["workflow", "step", "app", "task", "watcher", "operation", "release", "run"] as const;
export type JobKindName = (typeof JOB_KINDS)[number];

/** Who carries the attempts of a job out. `none`: nobody, its kind decides what is next (executions, timers); `tool`: a server itself. */
export const EXECUTORS = ["none", "handler", "tool", "process", "docker", "kubernetes", "agent"] as const;
export type ExecutorName = (typeof EXECUTORS)[number];

/** In-band work dies with the worker that holds it; out-of-band work does not. */
export function isOutOfBand(executor: ExecutorName): boolean {
  return executor !== "none" && executor !== "handler" && executor !== "tool";
}

/** What goes on though the host that started it is gone: a cluster has hosts of its own. */
export function outlivesHost(executor: ExecutorName): boolean {
  return executor === "kubernetes";
}

export type Cause =
  | { readonly type: "user"; readonly by: string }
  | { readonly type: "parent"; readonly id: string }
  | { readonly type: "retry"; readonly of: string; readonly by: string }
  | { readonly type: "schedule"; readonly id: string; readonly nominalAt: number }
  | { readonly type: "trigger"; readonly by: string };

/** A key that at most `limit` jobs may hold at once. The limit belongs to the key: the newest one given counts. */
export interface Concurrency {
  readonly key: string;
  readonly limit: number;
  /** What becomes of a job that finds its key full; it waits when left out. */
  readonly onConflict?: OnConflict | undefined;
}

/** Wait; end as skipped; or take the place of the job that has held the key longest. */
export const ON_CONFLICT = ["queue", "skip", "replace"] as const;
export type OnConflict = (typeof ON_CONFLICT)[number];

/** Labels that a job may have: each is a row of an index. */
export const LABELS_MAX = 64;

/** A job as it was submitted. Nothing in it ever changes, but for the queue of one that is moved before it is started. */
export interface JobRecord {
  readonly id: string;
  readonly workspace: string;
  readonly kind: JobKindName;
  readonly name: string;
  readonly parentId: string | null;
  readonly rootId: string;
  /** Ids of the ancestors from the root down, joined by `/`; empty for a root. */
  readonly path: string;
  /** Which child of its parent this is (step, index, round); unique among its siblings. Null for a root. */
  readonly childKey: string | null;
  readonly spec: JsonObject;
  readonly input: Json;
  /** The key of its queue (`queueKeyOf`). */
  readonly queue: string;
  /** Higher is sooner; -1000 to 1000. */
  readonly priority: number;
  readonly executor: ExecutorName;
  /** Jobs of one queue and priority are started in turn over their fairness keys (tenants); "" when it has none. */
  readonly fairnessKey: string;
  readonly concurrency: Concurrency | null;
  readonly idempotencyKey: string | null;
  /** Hash of what was asked, to tell a repeat from another request under the same key. */
  readonly requestHash: string | null;
  readonly notBefore: number | null;
  readonly startDeadline: number | null;
  /** Whether it becomes a dead letter when it fails for good; null: as its queue says. */
  readonly deadLetter: boolean | null;
  /** Null: the default policy. */
  readonly retry: RetryPolicy | null;
  /** Per attempt, from the start of the work; for a composite, of the whole. */
  readonly timeoutMs: number | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly commit: string | null;
  readonly cause: Cause;
  /** The span that submitted it (W3C Trace Context), which those of its wait and its attempts continue; null: no trace. */
  readonly traceparent: string | null;
  readonly createdAt: number;
}

/** Who keeps a running job alive: a worker session, something outside, or nobody (children, timers). */
export type Holder = "none" | "lease" | "external";

export const PHASES = ["launching", "running", "stopping", "settled"] as const;
export type Phase = (typeof PHASES)[number];

/** Why a job is being stopped; what it becomes when it has ended. */
export type StopFor = "cancelled" | "failed_timeout" | "replaced";

export interface Stop {
  readonly stopFor: StopFor;
  readonly reason: Reason;
  readonly message: string | null;
  readonly by: string;
  readonly at: number;
  /** How long the attempt has between the polite and the hard signal. */
  readonly graceMs: number;
}

export type Wait =
  | { readonly for: "time" }
  /** Ended from outside by whoever has the token; only its SHA-256 is stored. */
  | { readonly for: "completion"; readonly tokenHash: string }
  /** Told by its parent when a signal of this name has come. */
  | { readonly for: "signal"; readonly name: string }
  /** Ended by a person: one of these, or whoever may approve when nobody is named. */
  | { readonly for: "approval"; readonly by: readonly string[]; readonly text: string | null };

/** Jobs of one state that are counted: what tells how many there are costs the same whether ten thousand or ten million ended. */
export const JOBS_COUNTED_MAX = 10_000;

/** The longest text of a progress; of a longer one the beginning is kept. */
export const PROGRESS_TEXT_LENGTH_MAX = 4_000;

export interface Progress {
  /** 0..1 */
  readonly fraction: number | null;
  readonly text: string | null;
}

/** A fact about an attempt that has not ended. Becomes part of the attempt's evidence when it ends. */
export interface Observed extends JsonObject {
  readonly state: "pending" | "running";
  /** One of the table of reasons; null: none fits. */
  readonly reason: Reason | null;
  readonly message: string | null;
  /** Since when the state and the reason are these. */
  readonly since: number;
  /** The number of the event that told of it first. */
  readonly event: number;
}

/** All of a job that changes while it lives, and what claims need to see. Gone when the job ends. */
export interface LiveJob {
  readonly id: string;
  readonly parentId: string | null;
  readonly rootId: string;
  readonly path: string;
  readonly childKey: string | null;
  readonly name: string;
  /** The key of its queue (`queueKeyOf`). */
  readonly queue: string;
  readonly priority: number;
  readonly executor: ExecutorName;
  readonly fairnessKey: string;
  readonly retry: RetryPolicy | null;
  readonly timeoutMs: number | null;
  readonly startDeadline: number | null;
  readonly concurrencyKey: string | null;
  /** What it does while its key is full; null: it waits. */
  readonly onConflict: Exclude<OnConflict, "queue"> | null;
  /** Whose occurrence it is: its end may be waited for. */
  readonly scheduleId: string | null;

  readonly state: LiveState;
  readonly holder: Holder;
  /** True while its concurrency key is full: it has left the ready index. */
  readonly blocked: boolean;
  /** True when its parked attempt may go on: queue limits, pauses and start deadlines do not apply to it again. */
  readonly resumed: boolean;
  /** Scheduled: when it becomes due. Waiting: when the wait ends. */
  readonly dueAt: number | null;
  /** Why it is scheduled: not_before, back_off, deferred … */
  readonly dueReason: Reason | null;
  /** When the attempt (or composite) has taken too long. */
  readonly deadlineAt: number | null;
  /** Number of the current or last attempt; 0 before the first. */
  readonly attempt: number;
  /** Fencing token: grows with each claim and adoption; a write that carries an older one is refused. */
  readonly token: number;
  readonly phase: Phase | null;
  readonly session: string | null;
  /** Where an out-of-band attempt lives: the executor's own address (a data folder's id, a cluster). */
  readonly place: string | null;
  readonly externalName: string | null;
  readonly externalRef: string | null;
  /** Since when the current or next attempt could have started; null until it could. For figures, nothing is decided by it. */
  readonly readyAt: number | null;
  readonly startedAt: number | null;
  readonly attemptStartedAt: number | null;
  readonly stop: Stop | null;
  readonly wait: Wait | null;
  readonly progress: Progress | null;
  /** What was last told from outside of an attempt that goes on there (pending, why, on which node); null: nothing yet. */
  readonly observed: Observed | null;
  /** How many facts it was ever woken by; they are numbered from 1. */
  readonly wakes: number;
  /** The number of the last fact that a stored decision has seen; less than `wakes`: there is something to decide. */
  readonly decided: number;
  readonly openChildren: number;
  /** How many children it ever had, for the limit on the size of a tree. */
  readonly childrenMade: number;
  readonly eventSeq: number;
  readonly revision: number;
}

/** How an attempt ended. */
export interface Result {
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly message: string | null;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly output?: Json | undefined;
  /** What was observed: peak memory, last log lines, statuses. */
  readonly evidence?: JsonObject | undefined;
}

/** How a job ended: written once. */
export interface FinalState {
  readonly state: TerminalState;
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly output: Json;
  readonly attempts: number;
  readonly progress: Progress | null;
  readonly startedAt: number | null;
  readonly finishedAt: number;
}

export interface Attempt {
  readonly jobId: string;
  readonly number: number;
  readonly token: number;
  readonly phase: Phase;
  readonly executor: ExecutorName;
  readonly session: string | null;
  readonly place: string | null;
  readonly externalName: string | null;
  readonly externalRef: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly outcome: Outcome | null;
  readonly reason: Reason | null;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly evidence: JsonObject | null;
}

/** A job that has ended: as it was before, how it ended, and the attempt that ended with it, if one did. */
export interface EndedJob {
  readonly live: LiveJob;
  readonly final: FinalState;
  readonly attempt: Attempt | null;
}

/** A job as it is read: what was submitted, and either what lives or how it ended. */
export interface JobView {
  readonly record: JobRecord;
  readonly state: JobState;
  readonly live: LiveJob | null;
  readonly final: FinalState | null;
}

/** A fact that wakes a job without executor; kept, in order, until the decision that has seen it is stored. */
export type Fact = { readonly type: "started" } | { readonly type: "time" } | { readonly type: "stopping" } | ChildFact | SignalFact;

/** Somebody outside told something to a job that waits for it, or is going to. */
export interface SignalFact {
  readonly type: "signal";
  readonly name: string;
  readonly data: Json;
  readonly by: string;
  readonly at: number;
}

export interface ChildFact {
  readonly type: "child";
  readonly id: string;
  readonly key: string;
  readonly outcome: Outcome;
  readonly reason: Reason;
  readonly message: string | null;
  readonly exitCode: number | null;
  readonly output: Json;
  /** Of an output that is too large to be passed on: where it stands. `output` is null then. */
  readonly outputRef?: OutputRef | undefined;
  /** Of a runner: true when a step ended in it. */
  readonly worked?: boolean | undefined;
}

/** An output that is stored with the end of its job and nowhere else. */
export interface OutputRef {
  /** The job's id. */
  readonly of: string;
  /** Characters of its JSON. */
  readonly length: number;
}

/** Hints for those who wait; losing one costs time, never correctness. */
export interface Signals {
  /** Jobs that may now be claimed: `<executor>/<queue>`. */
  readonly ready: ReadonlySet<string>;
  /** True when a job without executor has something to decide. */
  readonly woken: boolean;
  /** Sessions and places that hold a job which is now to stop. */
  readonly stopping: ReadonlySet<string>;
  /** The earliest time at which something became due by these changes. */
  readonly timerAt: number | null;
  /** The earliest time at which a schedule is to be looked at by these changes. */
  readonly dispatchAt: number | null;
}

/**
 * The longest JSON text of an output that is stored with a job, in characters: what a request to the API, a message of a worker
 * and a row of a store hold without being noticed. What is larger belongs where files are, and its address into the output.
 */
export const OUTPUT_LENGTH_MAX = 1_048_576;
/** The longest one that is passed on to those that wait for the job; of a longer one they are told where it stands. */
export const OUTPUT_PASSED_ON_MAX = 65_536;
/** The longest JSON text of what a signal brings, in characters: it is kept in what an execution remembers. */
export const SIGNAL_LENGTH_MAX = 65_536;
/** The most children one job may ever have: a graph of 10,000 steps with room for its loops. */
export const CHILDREN_MAX = 100_000;
/**
 * The key of the only child that a job may still make while it is stopping: it cleans up, and is not ended for its parent's
 * sake. No other child is called so.
 */
export const CLOSING_KEY = "#finally";
/** How deep a tree of jobs may be. */
export const DEPTH_MAX = 16;
/** The queue of what names none. */
export const DEFAULT_QUEUE = "default";
export const DEFAULT_WORKSPACE = "default";
/** Between the polite and the hard signal, where nothing else is said. */
export const DEFAULT_GRACE_MS = 10_000;

/** How many jobs lie above this one. */
export function depthOf(path: string): number {
  return path === "" ? 0 : path.split("/").length;
}
