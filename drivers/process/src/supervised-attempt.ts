/**
 * One attempt under the supervisor: started, read, limited, ended, and told.
 *
 * S1. The first cause of an end counts; one that comes after the process has ended by itself is none.
 * S2. It has ended when its main process has. What is left of its group is killed, so nothing holds the end up.
 * S3. Its end is on disk before it is told.
 */
import type { ChildProcess } from "node:child_process";
import { maskOf, NO_SECRETS } from "@windlass/kernel";
import type { Mask, Result, StopFor } from "@windlass/kernel";
import { byteTail, lastLines, OUTPUT_TAIL_BYTES, outputOfStdout, withOutput } from "@windlass/ports";
import type { ByteTail, Clock, EndedFact, Found, Stream } from "@windlass/ports";
import { resultOfEnd } from "./attempt-ending.ts";
import type { EndCause, ProcessEnd } from "./attempt-ending.ts";
import { writeEnd, writePid } from "./attempt-files.ts";
import { openAttemptLog } from "./attempt-log.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { outputOfFile } from "./attempt-output.ts";
import type { MemoryWatch } from "./memory-watch.ts";
import type { PipePair, PipePool } from "./pipe-pool.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { readProcess } from "./process-table.ts";
import type { LaunchOrder } from "./protocol.ts";
import { outputPathOf, spawnProcess } from "./spawn-process.ts";
import type { Stragglers } from "./stragglers.ts";

export interface AttemptSurroundings {
  readonly data: string;
  readonly clock: Clock;
  readonly pipes: PipePool;
  readonly memory: MemoryWatch;
  readonly stragglers: Stragglers;
  readonly onEnded: (fact: EndedFact) => void;
  readonly complain: (message: string, error: unknown) => void;
}

/** What a background process may still print after its main process has ended. */
const DRAIN_MS = 200;
/** After all its processes were killed, how long a pipe may stay open without its end in sight. */
const PIPE_PATIENCE_MS = 5000;
/** How long until an end that could not be stored (full disk) is tried again. */
const STORE_AGAIN_MS = 1000;
/** What is shorter does not pay for the file; if it must be found later, its mark does that. */
const PID_AFTER_MS = 500;
const TIMER_MAX_MS = 2 ** 31 - 1;
const EVIDENCE_LINES = 20;
const EVIDENCE_BYTES = 4096;

export class SupervisedAttempt {
  readonly order: LaunchOrder;
  readonly #spec: ProcessSpec;
  readonly #around: AttemptSurroundings;
  readonly #startedAt: number;
  readonly #mask: Mask;
  readonly #log: AttemptLog;
  readonly #outputTail: ByteTail | null;
  #child: ChildProcess | null = null;
  #pipes: PipePair[] = [];
  #openReaders = 0;
  #timers: (() => void)[] = [];
  #killAt = Number.POSITIVE_INFINITY;
  #cause: EndCause | null = null;
  #exit: ProcessEnd | null = null;
  #finished = false;
  #peakBytes: number | null = null;

  constructor(order: LaunchOrder, around: AttemptSurroundings) {
    this.order = order;
    this.#spec = order.spec;
    this.#around = around;
    this.#startedAt = around.clock.now();
    this.#mask = maskOf(order.mask ?? NO_SECRETS);
    this.#log = openAttemptLog(around.data, order, {
      bytesMax: order.logBytesMax,
      bytesPerSecondMax: order.logBytesPerSecondMax ?? 0,
      mask: this.#mask,
    });
    this.#outputTail = this.#spec.output === "json" ? byteTail(OUTPUT_TAIL_BYTES) : null;
  }

  get found(): Found {
    const { name, jobId, attempt, ref } = this.order;
    return { name, jobId, attempt, ref, state: "running" };
  }

  /** Throws for what may pass; what cannot be started ends at once. */
  async start(): Promise<void> {
    const started = await spawnProcess(this.order, this.#around.data, this.#around.pipes);
    if (started.state === "failed") {
      this.#finish(started.result);
      return;
    }
    const { child, pipes } = started;
    this.#child = child;
    this.#pipes = [...pipes];
    this.#openReaders = pipes.length;
    child.once("exit", (code, signal) => this.#onExit({ code, signal }));
    if (child.exitCode !== null || child.signalCode !== null) this.#onExit({ code: child.exitCode, signal: child.signalCode });
    this.#read("stdout", pipes[0]);
    this.#read("stderr", pipes[1]);
    const pid = child.pid ?? 0;
    if (this.#exit !== null) return;
    this.#after(PID_AFTER_MS, () => this.#writePid(pid));
    if (this.order.timeoutMs !== null) this.#limitTime(this.order.timeoutMs);
    const limitBytes = this.#spec.memoryLimitBytes;
    if (limitBytes !== undefined) {
      this.#around.memory.add({ pid, limitBytes, onExceeded: (usedBytes) => this.#end({ by: "memory", limitBytes, usedBytes }, 0) });
    }
  }

  /** May be repeated; a shorter grace counts. */
  stop(graceMs: number, stopFor: StopFor): void {
    this.#end({ by: "stop", stopFor }, graceMs);
  }

  #writePid(pid: number): void {
    try {
      writePid(this.#around.data, this.order.name, pid);
    } catch (error) {
      // It runs: its mark finds it if it must be found later.
      this.#around.complain(`writing the pid of ${this.order.name}`, error);
    }
  }

  #limitTime(leftMs: number): void {
    const waitMs = Math.min(leftMs, TIMER_MAX_MS);
    const next = (): void => {
      if (leftMs > waitMs) this.#limitTime(leftMs - waitMs);
      else this.#end({ by: "timeout", timeoutMs: this.order.timeoutMs ?? 0 }, this.order.graceMs);
    };
    this.#after(waitMs, next);
  }

  #end(cause: EndCause, graceMs: number): void {
    const pid = this.#child?.pid;
    if (pid === undefined || this.#exit !== null) return;
    // A zombie has ended by itself: its exit is about to be seen. See S1.
    if (this.#cause === null && readProcess(pid)?.state === "Z") return;
    const isFirst = this.#cause === null;
    this.#cause ??= cause;
    if (graceMs <= 0) return this.#kill();
    // One that is suspended could not act on TERM.
    if (isFirst) for (const signal of ["SIGTERM", "SIGCONT"] as const) signalGroup(pid, signal);
    const killAt = this.#around.clock.monotonic() + graceMs;
    if (killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#after(Math.min(graceMs, TIMER_MAX_MS), () => this.#kill());
  }

  #kill(): void {
    if (this.#finished || this.#child?.pid === undefined) return;
    signalGroup(this.#child.pid, "SIGKILL");
    this.#around.stragglers.killSoon(this.order.ref);
  }

  #read(stream: Stream, pipe: PipePair): void {
    pipe.reader.on("data", (data: Uint8Array) => {
      this.#log.write(stream, data, this.#around.clock.now());
      if (stream === "stdout") this.#outputTail?.push(data);
    });
    let sawEnd = false;
    pipe.reader.on("end", () => {
      sawEnd = true;
    });
    pipe.reader.on("error", (error) => this.#around.complain(`reading ${stream} of ${this.order.name}`, error));
    pipe.reader.on("close", () => {
      pipe.release(sawEnd);
      this.#openReaders--;
      this.#finishWhenDone();
    });
  }

  #onExit(exit: ProcessEnd): void {
    if (this.#exit !== null) return;
    this.#exit = exit;
    this.#clearTimers();
    this.#peakBytes = this.#around.memory.remove(this.#child?.pid ?? 0);
    if (this.#openReaders === 0) return this.#finishWhenDone();
    // See S2. The pipes are then read to their end, however long that takes, for all who could write are dead.
    this.#after(DRAIN_MS, () => {
      this.#kill();
      this.#after(PIPE_PATIENCE_MS, () => this.#pipes.forEach((pipe) => pipe.reader.destroy()));
    });
  }

  #finishWhenDone(): void {
    if (this.#exit === null || this.#openReaders > 0 || this.#finished) return;
    const result = resultOfEnd(this.#exit, this.#cause);
    const output = outputOfFile(outputPathOf(this.#around.data, this.order.name));
    const printed = (): ReturnType<typeof outputOfStdout> =>
      this.#outputTail === null ? null : outputOfStdout(this.#outputTail.read(), this.#outputTail.wasCut);
    this.#finish(withOutput(result, output ?? printed(), this.order.mask?.secrets));
  }

  #finish(result: Result): void {
    this.#kill();
    this.#finished = true;
    this.#clearTimers();
    const endedAt = this.#around.clock.now();
    this.#log.end(endedAt);
    const evidence = this.#evidence(endedAt);
    this.#log.close();
    const message = result.message === null ? null : this.#mask.text(result.message);
    const { name, jobId, attempt, ref } = this.order;
    const stopped = this.#cause?.by === "stop";
    this.#store({ name, jobId, attempt, ref, result: { ...result, message, evidence }, stopped, startedAt: this.#startedAt, endedAt });
  }

  /** See S3. */
  #store(fact: EndedFact): void {
    try {
      writeEnd(this.#around.data, fact);
    } catch (error) {
      this.#around.complain(`storing the end of ${fact.name}; trying again`, error);
      this.#around.clock.after(STORE_AGAIN_MS, () => this.#store(fact));
      return;
    }
    this.#around.onEnded(fact);
  }

  #after(delayMs: number, work: () => void): void {
    this.#timers.push(this.#around.clock.after(delayMs, work));
  }

  #clearTimers(): void {
    for (const cancel of this.#timers.splice(0)) cancel();
  }

  #evidence(endedAt: number): NonNullable<Result["evidence"]> {
    const logTail = lastLines(this.#log.tail.read(), EVIDENCE_LINES, EVIDENCE_BYTES);
    const cut = this.#log.cutStreams();
    const limitBytes = this.#spec.memoryLimitBytes;
    return {
      durationMs: endedAt - this.#startedAt,
      ...(logTail === "" ? {} : { logTail }),
      ...(cut.length === 0 ? {} : { logCut: [...cut] }),
      ...(this.#log.droppedBytes() === 0 ? {} : { logDroppedBytes: this.#log.droppedBytes() }),
      ...(this.#log.failure() === null ? {} : { logLost: this.#log.failure() }),
      ...(limitBytes === undefined ? {} : { memory: { method: "sampled_rss", limitBytes, peakBytes: this.#peakBytes } }),
    };
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
