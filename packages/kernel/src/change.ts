/**
 * Changes: what anybody may propose about jobs, as data with guards. `transition.ts` decides whether one is legal now
 * and what it does; a store makes it durable. One refused change never undoes its neighbours.
 */
import type { ErrorCode } from "./error.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Fact, JobRecord, Observed, Progress, Result, StopFor, Wait } from "./job.ts";
import type { Outcome } from "./outcome.ts";
import type { Reason } from "./reason.ts";

/** The holder of an attempt, proved by its fencing token. */
export interface Held {
  readonly id: string;
  readonly token: number;
}

export type Change =
  | Submit
  /** Its time came: scheduled → queued; waiting for a time → woken, or timed out. */
  | { readonly type: "due"; readonly id: string }
  /** It was made there, and has not begun: only what has this reference may begin, and only while the token is the current one. */
  | ({ readonly type: "made"; readonly ref: string } & Held)
  | ({ readonly type: "launched"; readonly ref: string } & Held)
  /** A successor takes over an attempt whose launcher is gone; refused unless `token` is still the current one. */
  | ({ readonly type: "adopt"; readonly session: string } & Held)
  | ({ readonly type: "progress"; readonly progress: Progress } & Held)
  /** Given back unstarted (drain): no attempt counted. */
  | ({ readonly type: "release" } & Held)
  /** Put off (quota, 429): no attempt counted. */
  | ({ readonly type: "defer"; readonly until: number; readonly reason: Reason } & Held)
  /** Stores the hash of a completion token before it is handed out, so that a completion may come before the park. */
  | ({ readonly type: "expect"; readonly tokenHash: string } & Held)
  | ({ readonly type: "wait"; readonly wait: Wait; readonly until: number | null } & Held)
  /** Of whichever attempt is parked when it is decided: whoever asks means the job. */
  | { readonly type: "resume"; readonly id: string }
  | Settle
  | Observe
  | Lose
  | {
      readonly type: "stop";
      readonly id: string;
      readonly stopFor: StopFor;
      readonly reason: Reason;
      readonly message: string | null;
      readonly by: string;
      readonly graceMs: number;
      /** Only if this attempt is still the current one: for deadlines. */
      readonly attempt?: number;
      /** Only if these are all the children that were ever made, and none of them has begun. */
      readonly unbegun?: readonly string[];
    }
  /** Waits in another queue from now on; refused unless it waits in `from`, and nothing when it is in `to` already. */
  | { readonly type: "move"; readonly id: string; readonly from: string; readonly to: string; readonly by: string }
  /** Its concurrency key is held, and it is not to wait; refused unless it is blocked by its key. */
  | { readonly type: "skip"; readonly id: string; readonly message: string }
  /** Its start deadline passed; refused once it was started. */
  | { readonly type: "expire"; readonly id: string }
  /** Told to a job that decides (executor `none`); its kind makes of it what it means. */
  | { readonly type: "signal"; readonly id: string; readonly name: string; readonly data: Json; readonly by: string }
  | Advance;

export interface Submit {
  readonly type: "submit";
  readonly job: JobRecord;
  /** Stored definitions of its kind that it is made of: nothing new is made of one that is disabled. */
  readonly definitions?: readonly string[];
}

/** An attempt ended. First one wins; matched on attempt, and on token (its holder) or name and reference (a fact from outside). */
export interface Settle {
  readonly type: "settle";
  readonly id: string;
  readonly attempt: number;
  readonly by:
    | { readonly type: "holder"; readonly token: number }
    | ByExecutor
    | { readonly type: "completion"; readonly tokenHash: string }
    /** A person decided what a job waits for an approval of. */
    | { readonly type: "approval"; readonly by: string };
  readonly result: Result;
  /** True when our own stop is what ended it. */
  readonly stopped: boolean;
  /** The exact state that was told from outside, to be known again when it is told twice. */
  readonly told?: Outcome | undefined;
  readonly retryAfterMs?: number | undefined;
  /** In [0, 1), for the jitter of a back-off. */
  readonly random: number;
}

/** Something became known of an attempt that goes on outside. Matched like a settle. */
export interface Observe {
  readonly type: "observe";
  readonly id: string;
  readonly attempt: number;
  readonly by: ByExecutor;
  readonly observed: Pick<Observed, "state" | "reason" | "message"> & JsonObject;
}

/** A fact from outside names the attempt as it is called there. */
export interface ByExecutor {
  readonly type: "executor";
  readonly name: string;
  readonly ref: string | null;
}

/** What held an attempt is gone. In-band work ends with it; `token` says which attempt was meant. */
export interface Lose extends Held {
  readonly type: "lose";
  readonly reason: Reason;
  readonly message: string;
  readonly random: number;
}

/**
 * The decision of a job without executor. Refused when another decision came first (`decided`); may not finish the job
 * while there is a fact that it has not seen (`seen`). Facts beyond `seen` stay, and keep the job woken.
 */
export interface Advance {
  readonly type: "advance";
  readonly id: string;
  /** What `decided` of the job was when this was decided. */
  readonly decided: number;
  /** The number of the last fact that this decision has seen. */
  readonly seen: number;
  /** Entries of the cursor to store; null removes one. */
  readonly cursor: Readonly<Record<string, Json>>;
  readonly children: readonly JobRecord[];
  /** Children that are to end; those that have ended already are passed over. */
  readonly stops: readonly { readonly id: string; readonly reason: Reason; readonly message: string | null }[];
  /** Wait for this time; the fact `time` follows. */
  readonly waitUntil: number | null;
  /** What it waits for with no child open, when that is not a time (alone). */
  readonly waitFor?: Wait | null;
  /** Facts for children, or for the parent. One whose child has ended meanwhile comes back to this job, so that no signal is lost. */
  readonly tells?: readonly { readonly id: string; readonly fact: Fact }[];
  readonly progress: Progress | null;
  /** The end. Only with no child open. */
  readonly finish: Result | null;
}

export type ChangeType = Change["type"];

/** What became of a change. */
export type ChangeResult =
  | { readonly ok: true; readonly id: string; readonly created?: boolean }
  | { readonly ok: false; readonly id: string; readonly refusal: Refusal };

/** Why a change was refused. `code` is what a caller may branch on. */
export interface Refusal {
  readonly code: Extract<
    ErrorCode,
    | "not_found"
    | "conflict"
    | "job_finished"
    | "idempotency_mismatch"
    | "parent_closed"
    | "token_stale"
    | "too_many_jobs"
    | "workflow_disabled"
  >;
  readonly why: string;
  readonly details?: JsonObject;
}

/** The id of the job that a change is about. */
export function subjectOf(change: Change): string {
  return change.type === "submit" ? change.job.id : change.id;
}
