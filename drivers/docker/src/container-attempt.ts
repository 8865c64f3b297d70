/**
 * One attempt whose container runs: its log, its time limit, its stop, its end.
 *
 * C1. The first cause of an end counts; one that comes after the container has ended by itself is none.
 * C2. It has ended when the engine says so, not when its log or an event does.
 * C3. Its end is on disk before it is told, and told after all that it printed is stored.
 */
import { maskOf, type MaskRule } from "@windlass/kernel";
import { lastLines, outputOfStdout, OUTPUT_TAIL_BYTES, withOutput } from "@windlass/ports";
import type { Clock, EndedFact, Found, Logger, LogStore } from "@windlass/ports";
import type { StopFor } from "@windlass/kernel";
import type { AttemptNotes, LaunchNote } from "./attempt-notes.ts";
import { evidenceOf, resultOfEnd, type EndCause } from "./container-ending.ts";
import type { ContainerDetails, ContainerEngine } from "./container-engine.ts";
import { ContainerLog } from "./container-log.ts";
import { readOutput } from "./container-output.ts";
import { kernelKilledForMemory } from "./kernel-oom.ts";
import { LogSink } from "./log-sink.ts";

export interface AttemptSurroundings {
  readonly engine: ContainerEngine;
  /** Whether a log that is followed has every byte (container-log.ts, R1). */
  readonly followsWhole: boolean;
  readonly notes: AttemptNotes;
  readonly logs: LogStore;
  readonly bytesPerSecondMax: number;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly onEnded: (fact: EndedFact) => void;
  /** It is not there any more, and its end was not seen. */
  readonly onGone: (name: string) => void;
}

const TIMER_MAX_MS = 2 ** 31 - 1;
const EVIDENCE_LINES = 20;
const EVIDENCE_BYTES = 4_096;
/** How long until an end that could not be taken in (the engine broke off, the disk was full) is tried again. */
const AGAIN_MS = 2_000;

export class ContainerAttempt {
  readonly note: LaunchNote;
  readonly id: string;
  readonly #around: AttemptSurroundings;
  readonly #sink: LogSink;
  readonly #log: ContainerLog;
  readonly #mask: ReturnType<typeof maskOf>;
  readonly #secrets: MaskRule["secrets"];
  #cause: EndCause | null;
  #signalled = false;
  #killAt = Number.POSITIVE_INFINITY;
  #timers: (() => void)[] = [];
  #look: Promise<void> | null = null;
  #lookAgain = false;
  #state: "running" | "ended" | "closed" = "running";

  constructor(note: LaunchNote, id: string, { mask, ...around }: AttemptSurroundings & { readonly mask: MaskRule }) {
    this.note = note;
    this.id = id;
    this.#around = around;
    this.#mask = maskOf(mask);
    this.#secrets = mask.secrets;
    this.#cause = around.notes.readCause(note.name);
    const { clock, engine, logs, bytesPerSecondMax, followsWhole } = around;
    this.#sink = new LogSink({
      ...{ logs, bytesPerSecondMax, mask: this.#mask, key: { jobId: note.jobId, attempt: note.attempt } },
      outputTailBytes: note.promisesOutput ? OUTPUT_TAIL_BYTES : 0,
      now: () => clock.now(),
    });
    this.#log = new ContainerLog({ engine, id, clock, followsWhole, sink: this.#sink, onSilent: () => this.examine() });
  }

  get found(): Found {
    const { name, jobId, attempt } = this.note;
    return { name, jobId, attempt, ref: this.id, state: "running" };
  }

  /** It runs since then: follows what it prints, and keeps its time limit. */
  begin(startedAt: number): void {
    if (this.#state !== "running") return;
    this.#log.follow();
    const { timeoutMs, graceMs } = this.note;
    if (timeoutMs !== null) this.#limitTime(Math.max(0, startedAt + timeoutMs - this.#around.clock.now()), { timeoutMs, graceMs });
  }

  /** Something has happened to it: looks whether it has ended. Calls that come together are one look. */
  examine(): void {
    if (this.#state !== "running") return;
    if (this.#look !== null) {
      this.#lookAgain = true;
      return;
    }
    this.#look = this.#examineOnce()
      .catch((error: unknown) => {
        this.#around.logger?.warn("a container could not be looked at; it is tried again", { name: this.note.name, error });
        this.#after(AGAIN_MS, () => this.examine());
      })
      .finally(() => {
        this.#look = null;
        if (this.#lookAgain) {
          this.#lookAgain = false;
          this.examine();
        }
      });
  }

  /** May be repeated; a shorter grace counts. */
  async stop(graceMs: number, stopFor: StopFor): Promise<void> {
    await this.#end({ by: "stop", stopFor }, graceMs);
  }

  /** Lets go; the container goes on. */
  async close(): Promise<void> {
    if (this.#state === "running") this.#state = "closed";
    for (const cancel of this.#timers.splice(0)) cancel();
    await this.#log.close();
    await this.#look;
  }

  #limitTime(leftMs: number, limit: { readonly timeoutMs: number; readonly graceMs: number }): void {
    const waitMs = Math.min(leftMs, TIMER_MAX_MS);
    this.#after(waitMs, () => {
      if (leftMs > waitMs) this.#limitTime(leftMs - waitMs, limit);
      else this.#endSoon({ by: "timeout", timeoutMs: limit.timeoutMs }, limit.graceMs);
    });
  }

  #endSoon(cause: EndCause, graceMs: number): void {
    this.#end(cause, graceMs).catch((error: unknown) => {
      this.#around.logger?.warn("a container could not be ended; it is tried again", { name: this.note.name, error });
      this.#after(AGAIN_MS, () => this.#endSoon(cause, graceMs));
    });
  }

  async #end(cause: EndCause, graceMs: number): Promise<void> {
    if (this.#state !== "running") return;
    const { engine, notes, clock } = this.#around;
    const details = await engine.inspect(this.id);
    if (details === null || details.state === "ended") return this.examine();
    const isFirst = this.#cause === null;
    if (isFirst) {
      this.#cause = cause;
      notes.writeCause(this.note.name, cause);
    }
    const signal = graceMs <= 0 ? "SIGKILL" : this.#signalled ? null : details.stopSignal;
    this.#signalled = true;
    if (signal !== null && !(await engine.kill(this.id, signal)) && isFirst) {
      // See C1.
      this.#cause = null;
      notes.dropCause(this.note.name);
      return this.examine();
    }
    const killAt = clock.monotonic() + graceMs;
    if (graceMs <= 0 || killAt >= this.#killAt) return;
    this.#killAt = killAt;
    this.#after(Math.min(graceMs, TIMER_MAX_MS), () => this.#endSoon(cause, 0));
  }

  async #examineOnce(): Promise<void> {
    const details = await this.#around.engine.inspect(this.id);
    if (details === null) {
      await this.close();
      this.#around.onGone(this.note.name);
    } else if (details.state === "ended") await this.#finish(details);
  }

  async #finish(details: ContainerDetails): Promise<void> {
    await this.#log.finish();
    const { engine, notes, onEnded } = this.#around;
    const { name, jobId, attempt } = this.note;
    const isStopped = this.#cause?.by === "stop";
    const oomKilled = this.#wasKilledForMemory(details);
    const result = resultOfEnd({ exitCode: details.exitCode, oomKilled, memoryLimitBytes: this.note.memoryLimitBytes }, this.#cause);
    const output = isStopped ? null : ((await readOutput(engine, this.id)) ?? this.#printedOutput());
    const message = result.message === null ? null : this.#mask.text(result.message);
    const evidence = this.#evidence(details, oomKilled);
    const fact: EndedFact = {
      ...{ name, jobId, attempt, ref: this.id, stopped: isStopped, startedAt: details.startedAt, endedAt: details.endedAt },
      result: { ...withOutput({ ...result, message }, output, this.#secrets), evidence },
    };
    notes.writeEnd(fact);
    this.#state = "ended";
    for (const cancel of this.#timers.splice(0)) cancel();
    onEnded(fact);
  }

  #printedOutput(): ReturnType<typeof outputOfStdout> {
    const tail = this.#sink.outputTail;
    return tail === null ? null : outputOfStdout(tail.read(), tail.wasCut);
  }

  /** What ended well, or by us, needs no such look. */
  #wasKilledForMemory({ exitCode, oomKilled }: ContainerDetails): boolean {
    if (oomKilled) return true;
    return exitCode !== 0 && this.#cause === null && kernelKilledForMemory(this.id) === true;
  }

  #evidence({ startedAt, endedAt }: ContainerDetails, oomKilled: boolean): ReturnType<typeof evidenceOf> {
    const { image, memoryLimitBytes } = this.note;
    return evidenceOf({
      id: this.id,
      image,
      durationMs: startedAt === 0 ? null : Math.max(0, endedAt - startedAt),
      logTail: lastLines(this.#sink.tail.read(), EVIDENCE_LINES, EVIDENCE_BYTES),
      logDroppedBytes: this.#sink.droppedBytes,
      logLost: this.#sink.failure,
      memory: memoryLimitBytes === null && !oomKilled ? null : { method: "cgroup", limitBytes: memoryLimitBytes, oomKilled },
    });
  }

  #after(delayMs: number, work: () => void): void {
    this.#timers.push(this.#around.clock.after(delayMs, work));
  }
}
