/**
 * The event loop's end of one store thread: sends calls, resolves them by their number, fails all of them when the thread
 * dies. The thread keeps the process alive only while a call is open, or it is being closed.
 */
import { Worker } from "node:worker_threads";
import { WindlassError } from "@windlass/kernel";
import { EarlyAnswers } from "./early-answers.ts";
import type { Commits } from "./flushing.ts";
import type { LogFile } from "./log-file.ts";
import type { OperationName } from "./operations.ts";
import { packValues, valueOf } from "./packed.ts";
import { fromErrorText, type FromThread, type Reply, type SentCall, type ThreadData, type ToThread } from "./thread-message.ts";

/** The thread begins with so many while others are still being made. */
const GATHERED_MAX = 16;

interface Waiting {
  readonly values: readonly unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** What keeps the thread busy by itself goes at once: the turn may be a long one, and the thread would wait for its end. */
function isLarge(name: OperationName, [changes]: readonly unknown[]): boolean {
  return name === "claim" || name === "dispatchSchedules" || (name === "commit" && (changes as readonly unknown[]).length >= GATHERED_MAX);
}

export class ThreadClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onLost: (session: string) => void;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #sent: Int32Array;
  /** Calls that are made in the same turn go as one message. */
  readonly #unsent: SentCall[] = [];
  #next = 1;
  #broken: Error | null = null;
  #closing = false;
  /** Of the writer, which may answer before its flush. */
  #early: EarlyAnswers<Reply> | null = null;

  constructor(program: URL, data: Omit<ThreadData, "sent">, onLost: (session: string) => void = () => {}) {
    this.#onLost = onLost;
    const sent = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#sent = new Int32Array(sent);
    this.#worker = new Worker(program, { workerData: { ...data, sent } });
    this.#worker.on("message", (message: FromThread) => this.#receive(message));
    this.#worker.on("error", (error) =>
      this.#fail(new WindlassError("unavailable", `a thread of the store died: ${String(error)}`, { cause: error })),
    );
    this.#worker.on("exit", () => {
      this.#fail(new WindlassError("shutting_down", "the store is closed"));
      this.#early?.close();
      this.#ended.resolve();
    });
  }

  /** Resolves when the thread has opened the file, rejects when it could not. */
  started(): Promise<void> {
    return this.#started.promise;
  }

  call(name: OperationName, values: readonly unknown[]): Promise<unknown> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    // Before it is waited for: of too much no text can be made.
    const packed = packValues(name, values);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#next++;
    if (this.#waiting.size === 0) this.#worker.ref();
    this.#waiting.set(id, { values, resolve, reject });
    this.#unsent.push({ id, name, values: packed });
    if (this.#unsent.length === GATHERED_MAX || isLarge(name, values)) this.#sendCalls();
    else if (this.#unsent.length === 1) process.nextTick(() => this.#sendCalls());
    return promise;
  }

  send(message: ToThread): void {
    this.#sendCalls();
    this.#post(message);
  }

  #sendCalls(): void {
    if (this.#unsent.length > 0) this.#post({ type: "calls", calls: this.#unsent.splice(0) });
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
    // Behind the message: who is woken finds it.
    Atomics.add(this.#sent, 0, 1);
    Atomics.notify(this.#sent, 0);
  }

  /** Lets the thread finish what it was sent, and waits for its end. */
  close(): Promise<void> {
    this.#closing = true;
    this.#worker.ref();
    if (this.#broken === null) this.send({ type: "close" });
    return this.#ended.promise;
  }

  #receive(message: FromThread): void {
    switch (message.type) {
      case "ready":
        this.#rest();
        return this.#started.resolve();
      case "refused":
        return this.#started.reject(fromErrorText(message.error));
      case "lost":
        return this.#onLost(message.session);
      case "replies":
        if (this.#early === null) this.#answer(message.replies);
        else this.#early.receive(message.replies, message.upTo);
    }
  }

  #answer(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.error === undefined) waiting?.resolve(valueOf(reply, waiting.values));
      else waiting?.reject(fromErrorText(reply.error));
    }
    this.#rest();
  }

  /** Nobody waits for anything: a program that has nothing else to do may end. */
  #rest(): void {
    if (this.#waiting.size === 0 && !this.#closing) this.#worker.unref();
  }

  /** From now on this end flushes the log for what is answered early (D4 of flushing.ts). It closes the log. */
  flushEarly(log: LogFile, commits: Commits): void {
    const fail = (error: Error): void => {
      this.#fail(new WindlassError("unavailable", `the log of the store could not be flushed: ${error.message}`, { cause: error }));
      void this.#worker.terminate();
    };
    this.#early = new EarlyAnswers({ log, commits, answer: (replies) => this.#answer(replies), fail });
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    this.#started.reject(this.#broken);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#broken);
    this.#waiting.clear();
  }
}
