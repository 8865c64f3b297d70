/**
 * Waits for what an answer brings about (W4 of writer-thread.ts). A thread that sleeps is woken by way of a core that sleeps, too, and in a virtual
 * machine that takes as long as half a flush. So where the next call has come at once before, it is watched for first.
 *
 * F1. Watching takes a core from others, so it goes on for `WATCH_MS` at most, and not again before something has come within that time.
 */
export interface NextSendParts {
  /** How often something was sent to this thread. */
  readonly sends: Int32Array;
  /** Milliseconds, of a clock that only goes forward. */
  readonly monotonic: () => number;
  /** Sleeps until `sends` is another than `seen`, for so long at most. */
  readonly sleep: (seen: number, ms: number) => void;
}

/** A caller that submits again as soon as it is answered does so within this: a hop between threads, and what it does. */
export const WATCH_MS = 0.15;

export class NextSend {
  readonly #parts: NextSendParts;
  /** The last one came while it was worth being watched for. */
  #pays = false;

  constructor(parts: NextSendParts) {
    this.#parts = parts;
  }

  /** Whether something was sent since `seen`, now or within `ms`. */
  comes(seen: number, ms: number): boolean {
    const { monotonic, sleep } = this.#parts;
    const from = monotonic();
    if (this.#pays) while (!this.#hasCome(seen) && monotonic() - from < WATCH_MS);
    if (!this.#hasCome(seen)) sleep(seen, ms);
    const hasCome = this.#hasCome(seen);
    this.#pays = hasCome && monotonic() - from < WATCH_MS;
    return hasCome;
  }

  #hasCome(seen: number): boolean {
    return Atomics.load(this.#parts.sends, 0) !== seen;
  }
}
