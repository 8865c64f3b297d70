/**
 * One attempt of a handler, from the call to its end. What it needs of the world is handed in, so that the worker of a
 * server and one on another machine keep the same promises.
 *
 * R1. `ended` resolves exactly once, whatever the handler does, also when it ignores that it is to stop.
 * R2. What the handler does after that has no effect on the job.
 * R3. Whatever it says, what is handed on can be told to a server and stored.
 */
import { BugError } from "./assert.ts";
import { endOfGrace, endOfReturn, endOfThrow, stackOf, type Called, type HandlerEnd, type StopOrder } from "./handler-end.ts";
import { messageOf } from "./error.ts";
import { isAnswer, type Handler, type HandlerContext } from "./handler.ts";
import { PROGRESS_TEXT_LENGTH_MAX, type Progress } from "./job.ts";

export interface Run {
  /** How it ended; null when the job was lost and nothing may be stored. */
  readonly ended: Promise<HandlerEnd | null>;
  /** The job is to stop: tells the handler, and after the grace ends the attempt without it. */
  stop(stop: StopOrder): void;
  /** The job was lost: tells the handler; nothing is stored. */
  abandon(why: string): void;
  /** The worker ends: tells the handler; the attempt is given up as lost. */
  giveUp(why: string): void;
}

/** A job as its handler sees it. */
export type HandledJob = Pick<HandlerContext, "jobId" | "name" | "attempt" | "input" | "labels" | "traceparent">;

/** What a run needs of the world. */
export interface HandlerHost {
  after(delayMs: number, callback: () => void): () => void;
  log(line: string): void;
  /** Resolves when every line of the attempt's log is safe, or given up. */
  closeLog(): Promise<void> | void;
  progress(progress: Progress): Promise<void>;
  /** Makes a completion token and stores its hash. Throws when the job was handed on. */
  expect(): Promise<{ readonly text: string; readonly hash: string }>;
  /** A bug of ours showed itself in the handler. */
  report(bug: BugError): void;
}

export const HANDED_ON = "the job was handed on; its completion token would never be accepted";

/** The text of a completion token: whose it is, and a secret. */
export function completionTokenOf(jobId: string, attempt: number, secret: Uint8Array): string {
  return `${jobId}.${attempt}.${[...secret].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Bytes of the secret in a completion token. */
export const COMPLETION_SECRET_BYTES = 24;

export function runHandler(host: HandlerHost, job: HandledJob, handler: Handler): Run {
  const run = new HandlerRun(host);
  void run.call(job, handler);
  return run;
}

/** There is one for each attempt: what only some need is made when they do. */
class HandlerRun implements Run {
  readonly ended: Promise<HandlerEnd | null>;
  readonly #host: HandlerHost;
  readonly #controller = new AbortController();
  #resolveEnded: (end: HandlerEnd | null) => void = () => {};
  #stopping: StopOrder | null = null;
  #endGrace: (() => void) | null = null;
  #token: Promise<string> | null = null;
  #completionHash: string | null = null;

  constructor(host: HandlerHost) {
    this.#host = host;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  async call(job: HandledJob, handler: Handler): Promise<void> {
    let how: HandlerEnd;
    try {
      how = endOfReturn(await handler(this.#contextOf(job)), this.#called());
    } catch (error) {
      if (error instanceof BugError) this.#host.report(error);
      how = endOfThrow(error, this.#called());
      if (!isAnswer(error)) this.#host.log(stackOf(error) ?? messageOf(error));
    }
    this.#end(how);
  }

  stop(stop: StopOrder): void {
    if (this.#stopping !== null) return;
    this.#stopping = stop;
    this.#controller.abort(new Error(stop.message ?? `the job is to stop: ${stop.reason}`));
    this.#endGrace = this.#host.after(stop.graceMs, () => this.#end(endOfGrace(stop)));
  }

  abandon(why: string): void {
    this.#controller.abort(new Error(why));
    this.#end(null);
  }

  giveUp(why: string): void {
    this.#controller.abort(new Error(why));
    this.#end({ type: "lose", message: why });
  }

  /** Handlers may take it apart, copy it and change the copy: all of it is its own. */
  #contextOf({ jobId, name, attempt, input, labels, traceparent }: HandledJob): HandlerContext {
    return {
      jobId,
      name,
      attempt,
      input,
      labels,
      traceparent,
      signal: this.#controller.signal,
      log: (line) => this.#host.log(messageOf(line)),
      progress: (fraction, text) => this.#host.progress(progressOf(fraction, text)),
      completionToken: () => (this.#token ??= this.#newToken()),
    };
  }

  async #newToken(): Promise<string> {
    const { text, hash } = await this.#host.expect();
    this.#completionHash = hash;
    return text;
  }

  #called(): Called {
    return { stop: this.#stopping, completionHash: this.#completionHash };
  }

  #end(how: HandlerEnd | null): void {
    this.#endGrace?.();
    const closing = this.#host.closeLog();
    if (closing === undefined) this.#resolveEnded(how);
    else void closing.then(() => this.#resolveEnded(how));
  }
}

/** Handlers are not always checked by a compiler, and one that says odd things must not stand in the way of the others. */
function progressOf(fraction: unknown, text: unknown): Progress {
  const isFraction = typeof fraction === "number" && Number.isFinite(fraction);
  return {
    fraction: isFraction ? Math.min(1, Math.max(0, fraction)) : null,
    text: text === undefined || text === null ? null : messageOf(text).slice(0, PROGRESS_TEXT_LENGTH_MAX),
  };
}
