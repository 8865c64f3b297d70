/**
 * Brings what a container printed into the log store: masked, held to the limits, each byte once.
 *
 * B1. The engine keeps what was printed, with its times, so it can be read again from the beginning at any time: after a
 *     broken connection, and after a restart of this side. What comes out here depends on those bytes and times alone;
 *     so as much as the store has already is left out of what comes out again, and nothing is missing or doubled.
 * B2. What must not be stored is masked before anything else sees it.
 */
import type { Mask } from "@windlass/kernel";
import { byteTail, logGapMark, logRate, STREAMS } from "@windlass/ports";
import type { ByteTail, LogChunk, LogKey, LogStore, Stream } from "@windlass/ports";
import type { LogFrame } from "./log-frames.ts";

export interface LogSinkOptions {
  readonly logs: LogStore;
  readonly key: LogKey;
  readonly mask: Mask;
  /** 0 for no limit. */
  readonly bytesPerSecondMax: number;
  /** Of stdout, as it was printed; 0 when no output is promised. */
  readonly outputTailBytes: number;
  readonly now: () => number;
}

/** Room for the last 20 lines of ordinary length. */
const TAIL_BYTES = 8_192;
/** Read at once of what the store has. */
const STORED_PAGE_BYTES = 1_048_576;
/** What was printed less than this ago is told with the time of its arrival, which is finer than some engines tell. */
const FRESH_MS = 2_000;

export class LogSink {
  readonly tail: ByteTail = byteTail(TAIL_BYTES);
  readonly outputTail: ByteTail | null;
  readonly #options: LogSinkOptions;
  readonly #masked: Readonly<Record<Stream, ReturnType<Mask["stream"]>>>;
  readonly #rate: ReturnType<typeof logRate>;
  /** Bytes as printed that went in already: what is read again begins behind them. */
  readonly #seen: Record<Stream, number> = { stdout: 0, stderr: 0 };
  /** Bytes that are still to come out again and that the store has already; null until it was asked. */
  #stored: Record<Stream, number> | null = null;
  #last: { readonly stream: Stream; readonly at: number } | null = null;
  #failure: string | null = null;

  constructor(options: LogSinkOptions) {
    this.#options = options;
    this.#masked = { stdout: options.mask.stream(), stderr: options.mask.stream() };
    this.#rate = logRate(options.bytesPerSecondMax);
    this.outputTail = options.outputTailBytes === 0 ? null : byteTail(options.outputTailBytes);
  }

  get droppedBytes(): number {
    return this.#rate.droppedBytes;
  }

  /** Why bytes were lost, if they were. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Takes a reading from the beginning: what went in before is passed over. See B1. */
  reading(): (frames: readonly LogFrame[]) => Promise<void> {
    const position: Record<Stream, number> = { stdout: 0, stderr: 0 };
    return async (frames) => {
      const chunks: LogChunk[] = [];
      for (const { stream, at, bytes } of frames) {
        const fresh = bytes.subarray(Math.max(0, Math.min(bytes.length, this.#seen[stream] - position[stream])));
        position[stream] += bytes.length;
        if (fresh.length === 0) continue;
        this.#seen[stream] += fresh.length;
        this.#take(chunks, { stream, at: at ?? this.#options.now(), bytes: fresh });
      }
      await this.#store(chunks);
    };
  }

  /** Writes what was held back. */
  async end(): Promise<void> {
    const at = this.#last?.at ?? this.#options.now();
    const chunks: LogChunk[] = [];
    for (const stream of STREAMS) this.#admit(chunks, { stream, at, data: this.#masked[stream].end() });
    const gap = this.#rate.openGap();
    if (gap > 0) chunks.push({ stream: this.#last?.stream ?? "stdout", at, data: this.#mark(gap) });
    await this.#store(chunks);
  }

  #take(chunks: LogChunk[], { stream, at, bytes }: { readonly stream: Stream; readonly at: number; readonly bytes: Uint8Array }): void {
    if (stream === "stdout") this.outputTail?.push(bytes);
    this.#last = { stream, at };
    this.#admit(chunks, { stream, at, data: this.#masked[stream].push(bytes) });
  }

  #admit(chunks: LogChunk[], { stream, at, data }: LogChunk): void {
    if (data.length === 0) return;
    this.tail.push(data);
    const { keep, gap } = this.#rate.admit(data.length, at);
    if (gap > 0) chunks.push({ stream, at, data: this.#mark(gap) });
    if (keep > 0) chunks.push({ stream, at, data: data.subarray(0, keep) });
  }

  #mark(gap: number): Uint8Array {
    return Buffer.from(logGapMark(gap, this.#options.bytesPerSecondMax));
  }

  /** A log that cannot be written fails no attempt; the store marks what is missing. */
  async #store(chunks: readonly LogChunk[]): Promise<void> {
    if (chunks.length === 0) return;
    try {
      const stored = (this.#stored ??= await this.#readStored());
      const now = this.#options.now();
      const fresh = chunks.flatMap((chunk): LogChunk[] => {
        const skip = Math.min(chunk.data.length, stored[chunk.stream]);
        stored[chunk.stream] -= skip;
        const at = now - chunk.at < FRESH_MS && now > chunk.at ? now : chunk.at;
        return skip === chunk.data.length ? [] : [{ ...chunk, at, data: chunk.data.subarray(skip) }];
      });
      if (fresh.length > 0) await this.#options.logs.append(this.#options.key, fresh);
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
    }
  }

  async #readStored(): Promise<Record<Stream, number>> {
    const { logs, key } = this.#options;
    const stored: Record<Stream, number> = { stdout: 0, stderr: 0 };
    for (let after: string | undefined; ;) {
      const slice = await logs.read(key, { bytesMax: STORED_PAGE_BYTES, ...(after === undefined ? {} : { after }) });
      for (const { stream, data } of slice.chunks) stored[stream] += data.length;
      if (!slice.more) return stored;
      after = slice.position;
    }
  }
}
