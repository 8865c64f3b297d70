/**
 * Reads the log of one container while it runs, and once more when it has ended.
 *
 * R1. A log that podman lets one follow is not what was printed: it breaks off at the end, and lines get lost in it. Following
 *     one tells only that there is more, which is then read from the beginning, the more rarely the longer that takes.
 * R2. What is read of a log while it is written may end in the middle of a line, which looks like a whole one: its last frame
 *     is taken once a second reading has found it as it was.
 * R3. The last reading comes after the end, and has everything.
 */
import type { Clock } from "@windlass/ports";
import type { ContainerEngine } from "./container-engine.ts";
import { frameReader, type LogFrame } from "./log-frames.ts";
import type { LogSink } from "./log-sink.ts";

export interface ContainerLogOptions {
  readonly engine: ContainerEngine;
  readonly id: string;
  readonly sink: LogSink;
  readonly clock: Clock;
  /** Whether what is followed is whole. See R1. */
  readonly followsWhole: boolean;
  /** The engine sent no more: most likely the container has ended. */
  readonly onSilent: () => void;
}

/** How long until a log that was broken off is followed again. */
const AGAIN_MS = 2_000;
/** Between readings from the beginning: at least this, and so many times as long as the last one took. */
const READ_AGAIN_MS = 200;
const REST_FACTOR = 9;

export class ContainerLog {
  readonly #options: ContainerLogOptions;
  #following: Promise<void> | null = null;
  /** Readings follow each other: one that goes back takes nothing that another has taken. */
  #reading: Promise<void> = Promise.resolve();
  #isDue = false;
  #isWanted = false;
  #sizeBefore = 0;
  #abort = new AbortController();
  #timers: (() => void)[] = [];
  #closed = false;

  constructor(options: ContainerLogOptions) {
    this.#options = options;
  }

  follow(): void {
    if (this.#following !== null || this.#closed) return;
    this.#following = this.#follow()
      // What could not be read now is read when it has ended.
      .catch(() => {})
      .finally(() => {
        this.#following = null;
        if (this.#closed) return;
        this.#options.onSilent();
        this.#after(AGAIN_MS, () => this.follow());
      });
  }

  /** All that was printed, of a container that has ended. Throws when the engine does not give it. */
  async finish(): Promise<void> {
    await this.close();
    this.#abort = new AbortController();
    await this.#readWhole(true);
    await this.#options.sink.end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers.splice(0)) cancel();
    this.#abort.abort();
    await this.#following;
    await this.#reading;
  }

  async #follow(): Promise<void> {
    const { engine, id, sink, followsWhole } = this.#options;
    const frames = frameReader();
    const take = sink.reading();
    const response = await engine.logs(id, true, this.#abort.signal);
    for await (const bytes of response as AsyncIterable<Uint8Array>) {
      if (followsWhole) await take(frames.push(bytes));
      else this.#readSoon(READ_AGAIN_MS);
    }
  }

  /** See R1. */
  #readSoon(delayMs: number): void {
    if (this.#isDue) this.#isWanted = true;
    if (this.#isDue || this.#closed) return;
    this.#isDue = true;
    this.#after(delayMs, () => {
      const { clock } = this.#options;
      const begun = clock.monotonic();
      this.#isWanted = false;
      this.#reading = this.#readWhole(false)
        .catch(() => {})
        .finally(() => {
          this.#isDue = false;
          if (this.#isWanted) this.#readSoon(Math.max(READ_AGAIN_MS, REST_FACTOR * (clock.monotonic() - begun)));
        });
    });
  }

  async #readWhole(isLast: boolean): Promise<void> {
    const { engine, id, sink } = this.#options;
    const frames = frameReader();
    const take = sink.reading();
    let [last, size]: [LogFrame | null, number] = [null, 0];
    const response = await engine.logs(id, false, this.#abort.signal);
    for await (const bytes of response as AsyncIterable<Uint8Array>) {
      const all: LogFrame[] = [...(last === null ? [] : [last]), ...frames.push(bytes)];
      size += all.reduce((sum, frame) => sum + frame.bytes.length, 0) - (last?.bytes.length ?? 0);
      last = all.pop() ?? null;
      await take(all);
    }
    if (last === null) return;
    // See R2. One that has not changed since the last reading is whole.
    if (isLast || size === this.#sizeBefore) await take([last]);
    else this.#isWanted = true;
    this.#sizeBefore = size;
  }

  #after(delayMs: number, work: () => void): void {
    this.#timers.push(this.#options.clock.after(delayMs, work));
  }
}
