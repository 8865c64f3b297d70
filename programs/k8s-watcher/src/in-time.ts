/** Reads what may stall: a node that is busy says some of an answer, and then nothing, without an end. */
import type { Clock } from "@windlass/ports";

/** It was not there in time. */
export class LateError extends Error {}

export interface Patience {
  readonly limitMs: number;
  readonly clock: Clock;
  /** While it says no, what is waited for may take for ever; the time counts from when it says yes. Left out: it always counts. */
  readonly isBounded?: () => boolean;
}

/** Throws `LateError` when it takes longer, or, where its bound begins later, twice that; what it comes to then is for nobody. */
export function inTime<T>(work: Promise<T>, { limitMs, clock, isBounded = () => true }: Patience): Promise<T> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const wait = (counts: boolean): void => {
      cancel = clock.after(limitMs, () => (counts ? reject(new LateError(`nothing came for ${limitMs / 1000} s`)) : wait(isBounded())));
    };
    wait(isBounded());
    work.then(resolve, reject).finally(() => cancel());
  });
}

/** What comes of it. Throws `LateError` when nothing does for so long; how long whoever reads it takes does not count. */
export async function* chunksInTime(stream: AsyncIterable<Uint8Array>, patience: Patience): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  for (;;) {
    const next = await inTime(chunks.next(), patience);
    if (next.done === true) return;
    yield next.value;
  }
}

/** The beginning of it: as much as is there in time, and not more than `bytesMax`. */
export async function beginningOf(
  stream: AsyncIterable<Uint8Array>,
  { bytesMax, ...patience }: Patience & { readonly bytesMax: number },
): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const read = async (): Promise<void> => {
    let size = 0;
    for await (const part of stream) {
      parts.push(part.subarray(0, bytesMax - size));
      size += part.length;
      if (size >= bytesMax) return;
    }
  };
  await inTime(read(), patience).catch((error: unknown) => {
    if (!(error instanceof LateError)) throw error;
  });
  return Buffer.concat(parts);
}
