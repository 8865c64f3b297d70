/** What a handler is given, and what it may answer besides a plain output. */
import type { JobRecord, Result } from "./job.ts";
import type { Json } from "./json.ts";

export interface HandlerContext<Input extends Json = Json> {
  readonly jobId: string;
  readonly name: string;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly input: Input;
  readonly labels: Readonly<Record<string, string>>;
  /** Its own span, for whoever passes the trace on (W3C Trace Context); null: no trace. */
  readonly traceparent: string | null;
  /** Aborted when the job is to stop or the worker has lost it; its `reason` says which. */
  readonly signal: AbortSignal;
  /** Reports progress: `fraction` 0..1. */
  progress(fraction: number | null, text?: string): Promise<void>;
  /** Adds a line to the log of the attempt. */
  log(line: string): void;
  /** A token that whoever has it may complete this job with, also after the handler answered `parked()`. */
  completionToken(): Promise<string>;
}

/** Answers with an output (JSON), with one of the answers below, or throws. */
export type Handler<Input extends Json = Json, Output extends Json | void = Json | void> = (
  context: HandlerContext<Input>,
) => Promise<Output | Answer> | Output | Answer;

const ANSWER = Symbol.for("windlass.answer");

export type Answer = { readonly [ANSWER]: true } & (
  | { readonly type: "retry"; readonly afterMs: number; readonly message: string | null }
  | { readonly type: "defer"; readonly afterMs: number }
  | { readonly type: "fail"; readonly message: string }
  | { readonly type: "invalid"; readonly message: string }
  | { readonly type: "parked"; readonly timeoutMs: number | null }
  | { readonly type: "ended"; readonly result: Result }
  | { readonly type: "lost"; readonly message: string }
);

/** This attempt failed; try again after so long, if the retry policy has attempts left. May be returned or thrown. */
export const retryAfter = (afterMs: number, message: string | null = null): Answer => ({ [ANSWER]: true, type: "retry", afterMs, message });

/** Not now (a quota, a lock of somebody else's): put off for so long, and this attempt does not count. May be returned or thrown. */
export const deferFor = (afterMs: number): Answer => ({ [ANSWER]: true, type: "defer", afterMs });

/** This job failed, and trying again cannot help. May be returned or thrown. */
export const failForGood = (message: string): Answer => ({ [ANSWER]: true, type: "fail", message });

/** The input is not what this handler takes, so trying again cannot help. May be returned or thrown. */
export const invalidInput = (message: string): Answer => ({ [ANSWER]: true, type: "invalid", message });

/** The work goes on elsewhere; whoever has the completion token ends it. Holds no slot meanwhile. */
export const parked = (options: { readonly timeoutMs?: number } = {}): Answer => ({
  [ANSWER]: true,
  type: "parked",
  timeoutMs: options.timeoutMs ?? null,
});

/** The end of what was carried out elsewhere, as it was there: for a runner, whose steps are programs. */
export const endedAs = (result: Result): Answer => ({ [ANSWER]: true, type: "ended", result });

/** What carried it out is about to end, and this attempt with it: lost, as if nobody had said a word. */
export const lostWith = (message: string): Answer => ({ [ANSWER]: true, type: "lost", message });

/** The name under which a worker looks for the handler of a job: what its specification says, or the job's own name. */
export function handlerNameOf({ spec, name }: Pick<JobRecord, "spec" | "name">): string {
  const handler = spec["handler"];
  return typeof handler === "string" ? handler : name;
}

export function isAnswer(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && ANSWER in value;
}
