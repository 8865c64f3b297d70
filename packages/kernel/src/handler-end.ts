/**
 * How one call of a handler ended, as data: what its answer or its error means, wherever it ran. It names times as delays,
 * because only who stores it has the store's clock; `changeOfEnd` makes the change of it there. Pure.
 */
import { unreachable } from "./assert.ts";
import type { Change, Settle } from "./change.ts";
import { seconds, storableDelay } from "./duration.ts";
import { messageOf } from "./error.ts";
import { isAnswer, type Answer } from "./handler.ts";
import { OUTPUT_LENGTH_MAX, type Result, type Stop } from "./job.ts";
import { isJson, type Json } from "./json.ts";

export type HandlerEnd =
  | { readonly type: "settle"; readonly result: Result; readonly stopped: boolean; readonly retryAfterMs?: number | undefined }
  | { readonly type: "defer"; readonly afterMs: number; readonly reason: "deferred" | "handler_unknown" }
  | { readonly type: "wait"; readonly tokenHash: string; readonly timeoutMs: number | null }
  /** Its worker ends and gives it up. */
  | { readonly type: "lose"; readonly message: string }
  /** It had not begun: given back. */
  | { readonly type: "release" };

/** Why a job is to stop, as far as its handler needs to know. */
export type StopOrder = Pick<Stop, "reason" | "message" | "graceMs">;

/** The longest message of a failure. */
const MESSAGE_LENGTH_MAX = 2_000;
/** The longest stack that is kept as evidence. */
const STACK_LENGTH_MAX = 4_000;
/** A job whose handler is not known here may be known to another worker: it is put off for so long. */
const UNKNOWN_HANDLER_REST: number = seconds(10);

export const HANDLER_UNKNOWN: HandlerEnd = { type: "defer", afterMs: UNKNOWN_HANDLER_REST, reason: "handler_unknown" };

export interface Called {
  /** Set once the job was told to stop. */
  readonly stop: StopOrder | null;
  /** Set once the handler asked for a completion token. */
  readonly completionHash: string | null;
}

/** The end of a handler that came back with this value. */
export function endOfReturn(value: unknown, called: Called): HandlerEnd {
  return isAnswer(value) ? endOfAnswer(value, called) : settled(successOf(value), called);
}

/** The end of a handler that threw this. */
export function endOfThrow(error: unknown, called: Called): HandlerEnd {
  return isAnswer(error) ? endOfAnswer(error, called) : settled(failureOf(error), called);
}

/** The end of a handler that did not end within the grace of its stop. */
export function endOfGrace(stop: StopOrder): HandlerEnd {
  return settled(
    { outcome: "cancelled", reason: stop.reason, message: stop.message, evidence: { abandoned: true } },
    { stop, completionHash: null },
  );
}

export interface EndedAttempt {
  readonly id: string;
  readonly token: number;
  readonly attempt: number;
}

/** The change that stores an end. `random` is asked only where a back-off may need it. */
export function changeOfEnd(end: HandlerEnd, ended: EndedAttempt, { now, random }: { now: number; random: () => number }): Change {
  const { id, token, attempt } = ended;
  switch (end.type) {
    case "settle":
      return {
        type: "settle",
        id,
        attempt,
        by: { type: "holder", token },
        result: end.result,
        stopped: end.stopped,
        random: random(),
        ...(end.retryAfterMs === undefined ? {} : { retryAfterMs: end.retryAfterMs }),
      } satisfies Settle;
    case "defer":
      return { type: "defer", id, token, until: now + storableDelay(end.afterMs), reason: end.reason };
    case "wait":
      return {
        type: "wait",
        id,
        token,
        wait: { for: "completion", tokenHash: end.tokenHash },
        until: end.timeoutMs === null ? null : now + storableDelay(end.timeoutMs),
      };
    case "lose":
      return { type: "lose", id, token, reason: "worker_lost", message: end.message, random: random() };
    case "release":
      return { type: "release", id, token };
    default:
      return unreachable(end);
  }
}

function settled(result: Result, { stop }: Called, retryAfterMs?: number): HandlerEnd {
  const stopped = stop !== null && result.outcome !== "succeeded";
  return { type: "settle", result, stopped, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/**
 * Delays are made such that JSON has them: `retryAfter(NaN)`, of a header that was not there, would be null on the line to a
 * server, which no server takes, and with it nothing else of that worker.
 */
function endOfAnswer(answer: Answer, called: Called): HandlerEnd {
  const { stop, completionHash } = called;
  // Told to stop, it neither waits nor comes again.
  if (stop !== null && (answer.type === "parked" || answer.type === "defer"))
    return settled({ outcome: "cancelled", reason: stop.reason, message: stop.message }, called);
  switch (answer.type) {
    case "defer":
      return { type: "defer", afterMs: storableDelay(answer.afterMs), reason: "deferred" };
    case "retry":
      return settled(
        { outcome: "failed", reason: "retry_requested", message: textOf(answer.message) },
        called,
        storableDelay(answer.afterMs),
      );
    case "fail":
      return settled({ outcome: "failed", reason: "failed_for_good", message: textOf(answer.message) }, called);
    case "invalid":
      return settled({ outcome: "failed_config", reason: "input_invalid", message: textOf(answer.message) }, called);
    case "parked":
      return completionHash === null
        ? settled({ outcome: "failed", reason: "error", message: NEVER_COMPLETED }, called)
        : { type: "wait", tokenHash: completionHash, timeoutMs: answer.timeoutMs === null ? null : storableDelay(answer.timeoutMs) };
    case "ended":
      return settled(answer.result, called);
    case "lost":
      return { type: "lose", message: answer.message };
    default:
      return unreachable(answer);
  }
}

const NEVER_COMPLETED = "it parked without asking for a completion token, so nobody could ever complete it";

/** Handlers are not always checked by a compiler: an error or a number given as the message is told as text. */
function textOf(message: unknown): string | null {
  return message === null || message === undefined ? null : messageOf(message).slice(0, MESSAGE_LENGTH_MAX);
}

function successOf(value: unknown): Result {
  if (value === undefined || value === null) return { outcome: "succeeded", reason: "ok", message: null, output: null };
  if (!isJson(value))
    return {
      outcome: "failed",
      reason: "output_invalid",
      message: "the handler's output is not JSON (functions, dates, maps and undefined are not)",
    };
  const text = JSON.stringify(value);
  if (text.length > OUTPUT_LENGTH_MAX) return outputTooLarge(text.length);
  // As it is now: it is stored later, with others, and whoever made it may give it again, changed, or go on to change it.
  const output = typeof value === "object" ? (JSON.parse(text) as Json) : value;
  return { outcome: "succeeded", reason: "ok", message: null, output };
}

/** What an attempt comes to whose output nobody may store. */
export function outputTooLarge(length: number): Result {
  return {
    outcome: "failed",
    reason: "output_too_large",
    message: `the output has ${length} characters as JSON; at most ${OUTPUT_LENGTH_MAX} are stored`,
  };
}

function failureOf(error: unknown): Result {
  const stack = stackOf(error);
  const evidence = stack === null ? {} : { stack: stack.slice(0, STACK_LENGTH_MAX) };
  return { outcome: "failed", reason: "error", message: messageOf(error).slice(0, MESSAGE_LENGTH_MAX), evidence };
}

/** Null where there is none: anything may be thrown. */
export function stackOf(error: unknown): string | null {
  return error instanceof Error && typeof error.stack === "string" ? error.stack : null;
}
