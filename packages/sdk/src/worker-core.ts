/**
 * One life of a worker, from start to stop: its session, its connection, its slots, and what it has to tell, together.
 *
 * K1. What ended is told until the server has answered (outbox); a result is sent for an attempt once, by its fencing token.
 * K2. A worker that lost its session stops its handlers and writes nothing for what had not ended.
 * K3. Everything that comes together within a turn of the event loop is sent together.
 * K4. Draining: nothing new is taken; what has not begun is given back; handlers may finish; what is left when the time is
 *     over is given up as lost. Then the session ends.
 */
import { listMessages, WORKER_CLOSE, WORKER_LOG_LINES_MAX, WORKER_PROTOCOL } from "@windlass/contract/worker-connection";
import type { PushedJob, ServerMessage, WorkerMessage } from "@windlass/contract";
import {
  attemptAttributes,
  COMPLETION_SECRET_BYTES,
  completionTokenOf,
  endHandlerSpan,
  HANDED_ON,
  HANDLER_UNKNOWN,
  runHandler,
  seconds,
  type ErrorCode,
  type Handler,
  type HandlerEnd,
  type HandlerHost,
  type Json,
  type Run,
  type Span,
  type Tracing,
  type WindlassError,
} from "@windlass/kernel";
import { openLink, type Down, type Link, type LinkOptions } from "./worker-link.ts";
import type { Machine } from "./worker-machine.ts";
import { outbox, type Answered, type NewItem } from "./worker-outbox.ts";
import { workerSession, type WorkerSession } from "./worker-session.ts";
import { WorkerSlots } from "./worker-slots.ts";

/** Something that whoever runs the worker may want to know. */
export interface WorkerNotice {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly jobId?: string;
}

export interface CoreOptions {
  readonly server: LinkOptions["server"];
  readonly workspace: string | undefined;
  readonly queues: readonly string[];
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly concurrency: number;
  readonly drainMs: number;
  readonly sessionTtlMs: number;
  readonly keepsSession: boolean;
  readonly machine: Machine;
  readonly tracing: Tracing | null;
  readonly notice: (notice: WorkerNotice) => void;
}

/** How long a stopping worker tries to tell what it gave up; its session runs out anyway. */
const GIVE_UP_MS: number = seconds(5);
/** How long a worker that said goodbye waits for the answer. */
const GOODBYE_MS: number = seconds(1);
/** Log lines are sent in groups at most this long after they were written. */
const LOG_FLUSH_MS = 50;
/** A longer line is sent in parts. */
const LOG_LINE_LENGTH_MAX = 262_144;
/** Characters in one item: of six bytes at most each as JSON, so that it fits into a frame that a server takes. */
const LOG_ITEM_LENGTH_MAX = 1_048_576;

export class WorkerCore {
  /** Resolves at the first welcome; rejects when the server refuses for good. */
  readonly welcomed: Promise<void>;
  readonly #options: CoreOptions;
  readonly #box = outbox();
  readonly #slots: WorkerSlots;
  readonly #session: WorkerSession;
  readonly #link: Link;
  #greeted = false;
  #planned = false;
  #credited = "";
  /** Called when something has changed that a drain may wait for. */
  #wake = (): void => {};
  #firstWelcome: { readonly resolve: () => void; readonly reject: (error: unknown) => void } = { resolve: () => {}, reject: () => {} };

  constructor(options: CoreOptions) {
    this.#options = options;
    const { machine } = options;
    this.welcomed = new Promise((resolve, reject) => {
      this.#firstWelcome = { resolve, reject };
    });
    // Who does not wait for it learns of it by a notice.
    this.welcomed.catch(() => {});
    this.#slots = new WorkerSlots({
      concurrency: options.concurrency,
      machine,
      unanswered: () => this.#box,
      changed: () => this.#plan(),
      run: (job) => this.#run(job),
      isHeld: () => !this.#session.check(),
      tell: (job, end) => this.#tellEnd(job, end),
    });
    this.#session = workerSession({
      machine,
      link: () => this.#link,
      isKept: options.keepsSession,
      onLost: () => {
        this.#lose();
        this.#link.cut("the session has run out");
      },
    });
    this.#link = openLink({
      server: options.server,
      workspace: options.workspace,
      machine,
      hello: () => this.#hello(),
      onMessage: (message) => this.#hear(message),
      onDown: (down) => this.#down(down),
      onGone: () => this.#wake(),
    });
  }

  get running(): number {
    return this.#slots.running;
  }

  get unanswered(): number {
    return this.#box.size;
  }

  get connected(): boolean {
    return this.#link.up;
  }

  /** Drains and leaves. */
  async drain(): Promise<void> {
    this.#slots.drain();
    await this.#until(() => this.#slots.running === 0, this.#options.drainMs);
    this.#slots.giveUp("the worker stopped before the handler had ended");
    await this.#until(() => this.#slots.running === 0 && this.#box.size === 0, GIVE_UP_MS);
    const left = this.#box.size;
    if (left > 0) this.#options.notice({ level: "warn", message: `${left} messages to the server were not answered and are given up` });
    if (this.#link.up) {
      this.#link.part([JSON.stringify({ type: "bye" } satisfies WorkerMessage)]);
      await this.#until(() => !this.#link.up, GOODBYE_MS);
    }
    await this.leave();
  }

  /** Leaves at once. */
  async leave(): Promise<void> {
    this.#session.stop();
    await this.#link.close();
    this.#box.end();
  }

  /** Resolves when it is so, or the time is over. */
  async #until(isSo: () => boolean, limitMs: number): Promise<void> {
    if (isSo()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        cancel();
        this.#wake = () => {};
        resolve();
      };
      const cancel = this.#options.machine.after(limitMs, done);
      this.#wake = () => isSo() && done();
    });
  }

  #say(messages: readonly WorkerMessage[]): void {
    this.#link.say(messages.map((message) => JSON.stringify(message)));
  }

  #plan(): void {
    this.#wake();
    if (this.#planned || !this.#link.up) return;
    this.#planned = true;
    this.#options.machine.soon(() => this.#flush());
  }

  #flush(): void {
    this.#planned = false;
    if (!this.#link.up) return;
    const messages = listMessages({ type: "items", field: "items" }, this.#box.take());
    const credit = JSON.stringify({ type: "credit", ...this.#slots.credit() } satisfies WorkerMessage);
    if (credit !== this.#credited) messages.push((this.#credited = credit));
    if (messages.length > 0) this.#link.say(messages);
  }

  #add(item: NewItem): Promise<Answered | null> {
    const answered = this.#box.add(item);
    this.#plan();
    return answered;
  }

  async #tellEnd({ id, token, attempt }: PushedJob, end: HandlerEnd): Promise<void> {
    const answer = await this.#add({ what: "end", id, token, attempt, end: end as Extract<NewItem, { what: "end" }>["end"] });
    // What had not begun, others have already: the server gave it back itself.
    if (answer?.stored === false && end.type !== "release")
      this.#options.notice({ level: "warn", jobId: id, message: `the end of attempt ${attempt} was refused: ${answer.why ?? ""}` });
  }

  #run(job: PushedJob): Run {
    const { handlers, notice } = this.#options;
    const handler = Object.hasOwn(handlers, job.handler) ? handlers[job.handler] : undefined;
    if (handler === undefined) {
      notice({ level: "warn", jobId: job.id, message: `there is no handler ${JSON.stringify(job.handler)} here; the job is put off` });
      return { ended: Promise.resolve(HANDLER_UNKNOWN), stop: () => {}, abandon: () => {}, giveUp: () => {} };
    }
    const { id: jobId, name, attempt, labels } = job;
    const span = this.#options.tracing === null ? null : beginSpan(this.#options.tracing, job);
    const traceparent = span?.traceparent ?? job.traceparent ?? null;
    const call = (): Run => runHandler(this.#hostOf(job), { jobId, name, attempt, input: job.input as Json, labels, traceparent }, handler);
    if (span === null) return call();
    const run = span.within(call);
    void run.ended.then((end) => endHandlerSpan(span, end));
    return run;
  }

  #hostOf({ id, token, attempt }: PushedJob): HandlerHost {
    const { machine, notice } = this.#options;
    const of = { id, token, attempt } as const;
    const log = attemptLines(machine, (lines) => void this.#add({ what: "log", ...of, lines }));
    return {
      after: (delayMs, callback) => machine.after(delayMs, callback),
      log: log.line,
      closeLog: log.flush,
      progress: async ({ fraction, text }) => {
        await this.#add({ what: "progress", ...of, fraction, text });
      },
      expect: async () => {
        const text = completionTokenOf(id, attempt, machine.bytes(COMPLETION_SECRET_BYTES));
        const hash = await machine.sha256(text);
        const answer = await this.#add({ what: "expect", ...of, tokenHash: hash });
        if (answer?.stored !== true) throw new Error(HANDED_ON);
        return { text, hash };
      },
      report: (bug) => notice({ level: "error", jobId: id, message: bug.message }),
    };
  }

  #lose(): void {
    this.#options.notice({
      level: "warn",
      message: "the session was lost: out of touch with the server for too long; its handlers are told to stop",
    });
    this.#box.dropUnended();
    this.#slots.abandon("the worker was out of touch for too long and lost the job");
  }

  #hello(): string {
    this.#session.greeting();
    const { queues, handlers, sessionTtlMs: ttlMs } = this.#options;
    const hello: WorkerMessage = {
      type: "hello",
      protocol: WORKER_PROTOCOL,
      session: this.#session.id,
      queues: [...queues],
      handlers: Object.keys(handlers),
      ttlMs,
    };
    return JSON.stringify(hello);
  }

  #welcome({ session, resumed, ttlMs, held }: Extract<ServerMessage, { type: "welcome" }>): void {
    if (!resumed && this.#session.id !== null) this.#lose();
    this.#session.welcome(session, ttlMs);
    this.#say([{ type: "unknown", question: 0, ids: this.#slots.align(held) }]);
    this.#credited = "";
    this.#box.rewind();
    this.#flush();
    if (this.#greeted) this.#options.notice({ level: "info", message: `connected again to ${this.#link.url}` });
    this.#greeted = true;
    this.#firstWelcome.resolve();
    this.#wake();
  }

  #hear(message: ServerMessage): void {
    if (this.#session.check()) return;
    switch (message.type) {
      case "welcome":
        return this.#welcome(message);
      case "jobs":
        return this.#slots.take(message.jobs);
      case "acks":
        for (const n of message.stored) this.#box.answered(n, STORED);
        for (const { n, why } of message.refused) this.#box.answered(n, { stored: false, why });
        return this.#plan();
      case "stops":
        for (const job of message.jobs) this.#slots.stop(job, job);
        return;
      case "recall":
        return this.#slots.recall(message.jobs);
      case "ask":
        return this.#say([{ type: "unknown", question: message.question, ids: this.#slots.unknown(message.ids, message.tokens) }]);
      case "alive":
        return this.#session.alive(message.n);
      case "fault":
    }
  }

  #down({ error, code, againMs }: Down): void {
    if (code === WORKER_CLOSE.sessionLost && this.#session.id !== null) {
      this.#session.drop();
      this.#lose();
    }
    if (!this.#greeted && isFinal(error)) this.#firstWelcome.reject(error);
    else
      this.#options.notice({
        level: isFinal(error) ? "error" : "warn",
        message: `${error.message}; trying again in ${Math.round(againMs)} ms`,
      });
    this.#wake();
  }
}

function beginSpan(tracing: Tracing, { id, name, attempt, traceparent }: PushedJob): Span {
  return tracing.begin({
    name: `run ${name}`,
    kind: "consumer",
    parent: traceparent ?? null,
    attributes: attemptAttributes({ id, name, attempt }),
  });
}

const STORED = { stored: true, why: null } as const;

/** What the same try would meet again: a wrong token, another version. */
const FINAL: readonly ErrorCode[] = ["unauthorized", "forbidden", "host_unknown", "bad_request", "invalid", "route_not_found", "usage"];

function isFinal(error: WindlassError): boolean {
  return FINAL.includes(error.code);
}

/** Lines of one attempt's log, sent in groups. */
function attemptLines(
  machine: Machine,
  send: (lines: [number, string][]) => void,
): { readonly line: (text: string) => void; readonly flush: () => void } {
  const written: [number, string][] = [];
  let cancel: (() => void) | null = null;
  const flush = (): void => {
    cancel?.();
    cancel = null;
    while (written.length > 0) send(written.splice(0, fitting(written)));
  };
  return {
    flush,
    line(text) {
      const at = machine.now();
      for (let from = 0; from === 0 || from < text.length; from += LOG_LINE_LENGTH_MAX)
        written.push([at, text.slice(from, from + LOG_LINE_LENGTH_MAX)]);
      cancel ??= machine.after(LOG_FLUSH_MS, flush);
    },
  };
}

/** How many of the first lines go into one item. */
function fitting(lines: readonly (readonly [number, string])[]): number {
  let length = 0;
  const tooMany = lines.findIndex(([, line], index) => index >= WORKER_LOG_LINES_MAX || (length += line.length) > LOG_ITEM_LENGTH_MAX);
  return tooMany < 0 ? lines.length : tooMany;
}
