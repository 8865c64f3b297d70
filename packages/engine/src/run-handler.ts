/**
 * One attempt of a handler, from the call to the change that stores how it ended.
 *
 * R1. `ended` resolves exactly once, whatever the handler does, also when it ignores that it is to stop.
 * R2. What the handler does after that has no effect on the job.
 */
import {
  BugError,
  isJson,
  messageOf,
  OUTPUT_LENGTH_MAX,
  storableDelay,
  unreachable,
  type Change,
  type Held,
  type Json,
  type Result,
  type Settle,
  type Stop,
} from "@windlass/kernel";
import type { ClaimedJob, LogChunk } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { isAnswer, type Answer, type Handler, type HandlerContext } from "./handler.ts";

export interface Run {
  /** The change that stores the end; null when the job was lost and nothing may be stored. */
  readonly ended: Promise<Change | null>;
  /** The job is to stop: tells the handler, and after the grace ends the attempt without it. */
  stop(stop: Stop): void;
  /** The job was lost: tells the handler; nothing is stored. */
  abandon(why: string): void;
  /** The worker ends: tells the handler; the attempt is given up as lost. */
  giveUp(why: string): void;
}

const TOKEN_BYTES = 24;
/** The longest message of a failure. */
const MESSAGE_LENGTH_MAX = 2_000;
/** Log lines are stored in groups at most this long after they were written. */
const LOG_FLUSH_MS = 50;

export function runHandler(context: EngineContext, job: ClaimedJob, handler: Handler): Run {
  const { id, token, attempt } = job.live;
  const controller = new AbortController();
  const log = attemptLog(context, { jobId: id, attempt });
  const completion: { hash: string | null } = { hash: null };
  let stopping: Stop | null = null;
  let endGrace = (): void => {};
  let resolveEnded: (change: Change | null) => void = () => {};
  const ended = new Promise<Change | null>((resolve) => {
    resolveEnded = resolve;
  });
  const settleAs = (result: Result, more: Partial<Settle> = {}): Settle => ({
    type: "settle",
    id,
    attempt,
    by: { type: "holder", token },
    result,
    stopped: stopping !== null && result.outcome !== "succeeded",
    random: context.random.next(),
    ...more,
  });
  const changeFor = (answer: Answer): Change =>
    answered({ answer, held: { id, token }, stop: stopping, completionHash: completion.hash, now: context.now(), settleAs });
  const end = async (change: Change | null): Promise<void> => {
    endGrace();
    await log.close();
    resolveEnded(change);
  };

  void (async () => {
    let change: Change;
    try {
      const value = await handler(contextFor({ context, job, signal: controller.signal, log, completion }));
      change = isAnswer(value) ? changeFor(value) : settleAs(successOf(value));
    } catch (error) {
      if (error instanceof BugError) context.logger.error(error.message, { job: id, stack: error.stack });
      change = isAnswer(error) ? changeFor(error) : settleAs(failureOf(error));
      if (!isAnswer(error)) log.line(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    await end(change);
  })();

  return {
    ended,
    stop(stop) {
      if (stopping !== null) return;
      stopping = stop;
      controller.abort(new Error(stop.message ?? `the job is to stop: ${stop.reason}`));
      endGrace = context.clock.after(stop.graceMs, () => {
        void end(settleAs({ outcome: "cancelled", reason: stop.reason, message: stop.message, evidence: { abandoned: true } }));
      });
    },
    abandon(why) {
      controller.abort(new Error(why));
      void end(null);
    },
    giveUp(why) {
      controller.abort(new Error(why));
      void end({ type: "lose", id, token, reason: "worker_lost", message: why, random: context.random.next() });
    },
  };
}

interface Answered {
  readonly answer: Answer;
  readonly held: Held;
  readonly stop: Stop | null;
  readonly completionHash: string | null;
  readonly now: number;
  readonly settleAs: (result: Result, more?: Partial<Settle>) => Settle;
}

function answered({ answer, held, stop, completionHash, now, settleAs }: Answered): Change {
  // Told to stop, it neither waits nor comes again.
  if (stop !== null && (answer.type === "parked" || answer.type === "defer"))
    return settleAs({ outcome: "cancelled", reason: stop.reason, message: stop.message });
  switch (answer.type) {
    case "defer":
      return { type: "defer", ...held, until: now + storableDelay(answer.afterMs), reason: "deferred" };
    case "retry":
      return settleAs({ outcome: "failed", reason: "retry_requested", message: textOf(answer.message) }, { retryAfterMs: answer.afterMs });
    case "fail":
      return settleAs({ outcome: "failed", reason: "failed_for_good", message: textOf(answer.message) });
    case "parked":
      if (completionHash === null)
        return settleAs({
          outcome: "failed",
          reason: "error",
          message: "it parked without asking for a completion token, so nobody could ever complete it",
        });
      return {
        type: "wait",
        ...held,
        wait: { for: "completion", tokenHash: completionHash },
        until: answer.timeoutMs === null ? null : now + storableDelay(answer.timeoutMs),
      };
    default:
      return unreachable(answer);
  }
}

/** Handlers are not always checked by a compiler: an error or a number given as the message is told as text. */
function textOf(message: unknown): string | null {
  return message === null || message === undefined ? null : messageOf(message).slice(0, MESSAGE_LENGTH_MAX);
}

interface ContextParts {
  readonly context: EngineContext;
  readonly job: ClaimedJob;
  readonly signal: AbortSignal;
  readonly log: AttemptLog;
  readonly completion: { hash: string | null };
}

function contextFor({ context, job: { record, live }, signal, log, completion }: ContextParts): HandlerContext {
  const held = { id: live.id, token: live.token };
  let token: Promise<string> | null = null;
  return {
    jobId: record.id,
    name: record.name,
    attempt: live.attempt,
    input: record.input,
    labels: record.labels,
    signal,
    log: (line) => log.line(line),
    async progress(fraction, text) {
      await context.commit([{ type: "progress", ...held, progress: { fraction, text: text ?? null } }]);
    },
    completionToken() {
      token ??= (async () => {
        const secret = [...context.random.bytes(TOKEN_BYTES)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        const text = `${record.id}.${live.attempt}.${secret}`;
        const hash = context.sha256(text);
        const [result] = await context.commit([{ type: "expect", ...held, tokenHash: hash }]);
        if (result?.ok !== true) throw new Error("the job was handed on; its completion token would never be accepted");
        completion.hash = hash;
        return text;
      })();
      return token;
    },
  };
}

function successOf(value: unknown): Result {
  if (value !== undefined && !isJson(value))
    return {
      outcome: "failed",
      reason: "output_invalid",
      message: "the handler's output is not JSON (functions, dates, maps and undefined are not)",
    };
  const output: Json = value ?? null;
  const length = JSON.stringify(output).length;
  if (length > OUTPUT_LENGTH_MAX)
    return {
      outcome: "failed",
      reason: "output_too_large",
      message: `the output has ${length} characters as JSON; at most ${OUTPUT_LENGTH_MAX} are stored`,
    };
  return { outcome: "succeeded", reason: "ok", message: null, output };
}

function failureOf(error: unknown): Result {
  const stack = error instanceof Error && error.stack !== undefined ? { stack: error.stack.slice(0, 4_000) } : {};
  return { outcome: "failed", reason: "error", message: messageOf(error).slice(0, MESSAGE_LENGTH_MAX), evidence: stack };
}

interface AttemptLog {
  line(text: string): void;
  close(): Promise<void>;
}

/** Groups lines before they are stored. A log that cannot be written is reported, and does not fail the job. */
function attemptLog(context: EngineContext, key: { readonly jobId: string; readonly attempt: number }): AttemptLog {
  let lines: LogChunk[] = [];
  let writing: Promise<void> = Promise.resolve();
  let cancel: (() => void) | null = null;
  const encoder = new TextEncoder();
  const flush = (): void => {
    cancel = null;
    const chunks = lines;
    lines = [];
    if (chunks.length === 0) return;
    writing = writing
      .then(() => context.logs.append(key, chunks))
      .catch((error: unknown) => context.logger.error("a log could not be written", { ...key, error: messageOf(error) }));
  };
  return {
    line(text) {
      lines.push({ stream: "stdout", at: context.clock.now(), data: encoder.encode(`${text}\n`) });
      cancel ??= context.clock.after(LOG_FLUSH_MS, flush);
    },
    async close() {
      cancel?.();
      flush();
      await writing;
    },
  };
}
