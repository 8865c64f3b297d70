/**
 * Carries attempts out of band: a process, a container, a host. It outlives whoever asked it.
 *
 * X1. A name is launched at most once, however often and from wherever it is asked for; also not again soon after it was
 *     forgotten, when the order of a launcher that has died since may still be under way.
 * X2. What has ended is told through facts until it is forgotten, also after a restart of either side.
 * X3. `stop` may be repeated, and is fine for what has ended or never was.
 * X4. Where making and beginning are two steps, the work begins only after its reference was recorded (`LaunchRequest.record`):
 *     a launcher that was frozen and made it again cannot begin it.
 */
import type {
  ExecutorName,
  JobRecord,
  JsonObject,
  MaskRule,
  Observed,
  Progress,
  Result,
  SecretEnvironment,
  StopFor,
} from "@windlass/kernel";

export interface LaunchRequest {
  /** Deterministic from (job, attempt), stored before the launch. */
  readonly name: string;
  readonly jobId: string;
  readonly attempt: number;
  /** What to do, in this executor's words. */
  readonly spec: JsonObject;
  /** Facts that the work may want to know: WINDLASS_JOB, WINDLASS_ATTEMPT, … */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables whose values are secrets: never written to disk, into the arguments of a program, or into a message. */
  readonly secretEnvironment?: SecretEnvironment;
  /** From the start of the work. */
  readonly timeoutMs: number | null;
  readonly graceMs: number;
  /** What must not be stored or shown of what it prints, outputs, and is told of its end. Never written to disk. */
  readonly mask?: MaskRule;
  /** Told how far a launch is that takes its time: an image that is being pulled. */
  readonly tell?: LaunchProgress;
  /** Stores the reference of what was made and has not begun. Rejects with `conflict` when it must not begin: see X4. */
  readonly record?: (ref: string) => Promise<void>;
  /** Told what a launch waits for that cannot go on now: a quota. `explain` shows it. */
  readonly observe?: (observed: Waiting) => void;
  /** For names and labels that people look for. */
  readonly about?: LaunchAbout;
}

export type LaunchProgress = (progress: Progress) => void;
export type Waiting = Pick<Observed, "reason" | "message">;
export interface LaunchAbout extends Pick<JobRecord, "kind" | "name" | "parentId" | "childKey" | "workspace"> {
  /** The execution that it is a step of, also where a loop, or the steps at the end, are between the two; null: of none. */
  readonly executionId: string | null;
}

export interface Found {
  readonly name: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly ref: string;
  /** `made`: it has not begun, and begins when it is launched again under this name (X4). */
  readonly state: "made" | "running" | "ended";
  /** True: it may run, and nothing of it does yet: it waits for its image, or for a node. False when left out. */
  readonly isWaiting?: boolean;
}

/** An attempt has ended. */
export interface EndedFact {
  readonly name: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly ref: string;
  readonly result: Result;
  /** True when a stop that was asked for is what ended it. */
  readonly stopped: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
}

export type Launched = { readonly ref: string } | { readonly refused: Result };

export interface Executor {
  readonly name: ExecutorName;
  /** Where its attempts live: stays the same over restarts. */
  readonly place: string;
  /** The most attempts that may be alive here at once. */
  readonly runningMax: number;
  /**
   * True: whoever watches its place tells the ends over the API, and `start` hears of none. What is missing or over there is
   * then given time to be told of. False when left out.
   */
  readonly isWatchedOutside?: boolean;
  /** Starts listening; facts about what ended meanwhile follow. */
  start(onEnded: (fact: EndedFact) => void): Promise<void>;
  /** Throws for a failure that may pass; `refused` for one that cannot. See X1. */
  launch(request: LaunchRequest): Promise<Launched>;
  find(name: string): Promise<Found | null>;
  stop(name: string, graceMs: number, stopFor: StopFor): Promise<void>;
  list(): Promise<readonly Found[]>;
  /**
   * How an attempt ended, or that it never will begin, as far as it can still be seen there. Asked when it is over, or waits,
   * and nobody told of it for long. Null: it goes on.
   */
  examine?(name: string): Promise<EndedFact | null>;
  /** Its end is stored: what is kept of it may go. */
  forget(name: string): Promise<void>;
  /** Lets go; what runs goes on. */
  close(): Promise<void>;
}
