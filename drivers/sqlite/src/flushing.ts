/**
 * When what was committed is on the disk, and who may hear of it. SQLite itself does not wait for the disk at a COMMIT
 * (`synchronous = NORMAL`: it still flushes before it moves the log into the file, so the file is never damaged); the writer
 * flushes the log, and answers afterwards. So with a slow disk the next transaction is carried out while it works for the last one.
 *
 * D1. A reply goes out after a flush that began after its COMMIT.
 * D2. What was seen is told only once it is on the disk: nothing that was told can vanish in a power cut. A commit is counted
 *     before it can be seen.
 * D3. A flush that fails ends the writer. It is not tried again: the system may have dropped what it could not write, and
 *     say the next time that all is well. What the disk has is found out by opening the file anew.
 * D4. Where much more is to be done at once, the disk is not waited for: the answer goes with the number of its commit, and who
 *     receives it flushes the log before he hands it on (early-answers.ts). What the writer carries out last it flushes itself.
 */
import { WindlassError } from "@windlass/kernel";
import type { LogFile } from "./log-file.ts";

/** A flush that takes less is waited for: the way by another thread would take as long. */
const QUICK_MS = 1;
/** The quickest of so many says how quick the disk is: one takes long because something else was written, or nobody ran the thread. */
const MEASURED = 3;
/** How often the disk's pace is measured while it is slow: what another thread flushed is heard of late where much is done. */
const MEASURE_MS = 1_000;
/** How long a reader waits for the disk: longer than any flush takes on one that works. */
const WAIT_MS_MAX = 10_000;

/**
 * What all threads see: how often was committed, and up to which of these the disk has it (two numbers that wrap around); and
 * whether something lies in the intake, which readers do not look into.
 */
export class Commits {
  readonly #numbers: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#numbers = new Int32Array(shared);
  }

  static shared(): SharedArrayBuffer {
    return new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
  }

  made(): void {
    Atomics.add(this.#numbers, 0, 1);
  }

  /** Told before the answer to what was taken in, and after the COMMIT that put it into its tables. */
  set withheld(isWithheld: boolean) {
    Atomics.store(this.#numbers, 2, isWithheld ? 1 : 0);
  }

  get withheld(): boolean {
    return Atomics.load(this.#numbers, 2) === 1;
  }

  newest(): number {
    return Atomics.load(this.#numbers, 0);
  }

  /** By who has flushed: the writer, or the event loop for it (D4). It never goes back. */
  flushed(upTo: number): void {
    for (let done = Atomics.load(this.#numbers, 1); ((upTo - done) | 0) > 0; done = Atomics.load(this.#numbers, 1))
      if (Atomics.compareExchange(this.#numbers, 1, done, upTo) === done) break;
    Atomics.notify(this.#numbers, 1);
  }

  /** Returns when the disk has all that is committed now. Holds the thread. @throws WindlassError `unavailable`. */
  waitForDisk(): void {
    const wanted = this.newest();
    for (let done = Atomics.load(this.#numbers, 1); ((wanted - done) | 0) > 0; done = Atomics.load(this.#numbers, 1)) {
      if (Atomics.wait(this.#numbers, 1, done, WAIT_MS_MAX) === "timed-out")
        throw new WindlassError("unavailable", `the disk has not taken what was written for ${WAIT_MS_MAX / 1_000} s`);
    }
  }
}

export interface FlushingParts<Reply> {
  readonly log: Pick<LogFile, "flush" | "flushNow" | "close">;
  readonly commits: Commits;
  /** `upTo`: the commit that they tell of, when the disk may not have it yet. */
  readonly answer: (replies: readonly Reply[], upTo?: number) => void;
  /** Milliseconds, of a clock that only goes forward. */
  readonly monotonic: () => number;
  /** Ends the thread. See D3. */
  readonly fail: (error: Error) => void;
}

export class Flushing<Reply> {
  readonly #parts: FlushingParts<Reply>;
  #held: Reply[] = [];
  #busy = false;
  /** Up to which commit the disk has everything. */
  #flushed: number;
  /** How long the last flushes took, and when one was waited for. */
  #took: readonly number[] = [];
  #measuredAt = -Infinity;
  #closing: (() => void) | null = null;

  constructor(parts: FlushingParts<Reply>) {
    this.#parts = parts;
    this.#flushed = parts.commits.newest();
  }

  /**
   * The replies of what was just committed, and how long that took (`workMs`). What was only looked at waits for nothing,
   * unless there is something that it may have seen. `more`: much more is committed right after this (D4).
   */
  committed(replies: readonly Reply[], workMs: number, more = false): void {
    if (this.#busy) return void this.#held.push(...replies);
    const { commits, answer } = this.#parts;
    const upTo = commits.newest();
    if (more && upTo !== this.#flushed) return answer(replies, upTo);
    if (upTo !== this.#flushed && this.#isQuick(workMs)) this.#flushNow(upTo);
    if (upTo === this.#flushed) return answer(replies);
    this.#held.push(...replies);
    this.#next(upTo);
  }

  /** Whether a flush is under way, of which this thread's event loop is told. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Calls back when everything is answered; nothing is committed any more. */
  close(closed: () => void): void {
    this.#closing = () => {
      this.#parts.log.close();
      closed();
    };
    if (!this.#busy) this.#closing();
  }

  #next(upTo: number): void {
    const { log, answer, fail, monotonic } = this.#parts;
    const from = monotonic();
    this.#busy = true;
    const replies = this.#held;
    this.#held = [];
    log.flush((error) => {
      if (error !== null) return fail(error);
      this.#done(upTo, monotonic() - from);
      answer(replies);
      this.#busy = false;
      if (this.#held.length > 0) this.committed(this.#held.splice(0), 0);
      if (!this.#busy) this.#closing?.();
    });
  }

  /**
   * Whether the disk takes less time than the work: then nothing is gained by working meanwhile, and what comes in that
   * time shares one transaction with more others. Found out anew now and then.
   */
  #isQuick(workMs: number): boolean {
    const flushMs = this.#took.length < MEASURED ? 0 : Math.min(...this.#took);
    return flushMs <= Math.max(workMs, QUICK_MS) || this.#parts.monotonic() - this.#measuredAt > MEASURE_MS;
  }

  #flushNow(upTo: number): void {
    const { log, monotonic } = this.#parts;
    const from = monotonic();
    log.flushNow();
    this.#measuredAt = monotonic();
    this.#done(upTo, this.#measuredAt - from);
  }

  #done(upTo: number, tookMs: number): void {
    this.#took = [...this.#took, tookMs].slice(-MEASURED);
    this.#flushed = upTo;
    this.#parts.commits.flushed(upTo);
  }
}
