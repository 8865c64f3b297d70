/** Reads what may stall: a node that is busy says some of an answer, and then nothing, without an end. */
import type { Clock } from "@windlass/ports";

/** It was not there in time. */
export class LateError extends Error {}

/** Throws `LateError` when it takes longer; what it comes to then is for nobody. */
export function inTime<T>(work: Promise<T>, limitMs: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(new LateError(`nothing came for ${limitMs / 1000} s`)));
    work.then(resolve, reject).finally(cancel);
  });
}

/** What comes of it. Throws `LateError` when nothing does for so long; how long whoever reads it takes does not count. */
export async function* chunksInTime(stream: AsyncIterable<Uint8Array>, silentMs: number, clock: Clock): AsyncGenerator<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  for (;;) {
    const next = await inTime(chunks.next(), silentMs, clock);
    if (next.done === true) return;
    yield next.value;
  }
}

/** The beginning of it: as much as is there in time, and not more than `bytesMax`. */
export async function beginningOf(
  stream: AsyncIterable<Uint8Array>,
  { bytesMax, limitMs, clock }: { readonly bytesMax: number; readonly limitMs: number; readonly clock: Clock },
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
  await inTime(read(), limitMs, clock).catch((error: unknown) => {
    if (!(error instanceof LateError)) throw error;
  });
  return Buffer.concat(parts);
}
