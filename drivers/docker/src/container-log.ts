/**
 * Reads the log of one container while it runs, and once more when it has ended: engines may break a followed log off
 * before its last bytes (podman 4 does), and only a whole reading is known to have all.
 */
import type { Clock } from "@windlass/ports";
import type { ContainerEngine } from "./container-engine.ts";
import { frameReader } from "./log-frames.ts";
import type { LogSink } from "./log-sink.ts";

export interface ContainerLogOptions {
  readonly engine: ContainerEngine;
  readonly id: string;
  readonly sink: LogSink;
  readonly clock: Clock;
  /** The engine sent no more: most likely the container has ended. */
  readonly onSilent: () => void;
}

/** How long until a log that was broken off is followed again. */
const AGAIN_MS = 2_000;

export class ContainerLog {
  readonly #options: ContainerLogOptions;
  #following: Promise<void> | null = null;
  #abort = new AbortController();
  #cancelTimer = (): void => {};
  #closed = false;

  constructor(options: ContainerLogOptions) {
    this.#options = options;
  }

  follow(): void {
    if (this.#following !== null || this.#closed) return;
    this.#following = this.#read(true)
      // What could not be read now is read when it has ended.
      .catch(() => {})
      .finally(() => {
        this.#following = null;
        if (this.#closed) return;
        this.#options.onSilent();
        this.#cancelTimer = this.#options.clock.after(AGAIN_MS, () => this.follow());
      });
  }

  /** All that was printed, of a container that has ended. Throws when the engine does not give it. */
  async finish(): Promise<void> {
    await this.close();
    this.#abort = new AbortController();
    await this.#read(false);
    await this.#options.sink.end();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    this.#abort.abort();
    await this.#following;
  }

  async #read(follow: boolean): Promise<void> {
    const { engine, id, sink } = this.#options;
    const frames = frameReader();
    const take = sink.reading();
    const response = await engine.logs(id, follow, this.#abort.signal);
    for await (const bytes of response as AsyncIterable<Uint8Array>) await take(frames.push(bytes));
  }
}
