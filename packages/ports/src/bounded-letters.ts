/** The letters that one look holds: the first that fit, as many as it may hold (`Look`, `LOOK_BYTES_MAX`). Pure. */
import { LOOK_BYTES_MAX, type DeadNotice } from "./notices.ts";

export interface BoundedLetters {
  /** In any order. */
  add(letter: DeadNotice): void;
  /** By `compare`. */
  readonly letters: readonly DeadNotice[];
  /** Some found no place: all of them are behind the last one that is held. */
  readonly isCut: boolean;
}

export function boundedLetters(limit: number, compare: (a: string, b: string) => number): BoundedLetters {
  const letters: DeadNotice[] = [];
  let bytes = 0;
  /** The first that found no place: nothing behind it may have one either, or whoever goes on would miss it. */
  let cutAt: string | null = null;
  return {
    letters,
    get isCut() {
      return cutAt !== null;
    },
    add(letter) {
      if (cutAt !== null && compare(letter.letterId, cutAt) >= 0) return;
      letters.splice(letters.findLastIndex(({ letterId }) => compare(letterId, letter.letterId) < 0) + 1, 0, letter);
      bytes += bytesOf(letter);
      // One is always held, or whoever goes on would never come further.
      while (letters.length > 1 && (letters.length > limit || bytes > LOOK_BYTES_MAX)) {
        const last = letters.pop();
        if (last === undefined) return;
        bytes -= bytesOf(last);
        cutAt = last.letterId;
      }
    },
  };
}

function bytesOf({ body, message, attributes }: DeadNotice): number {
  return Buffer.byteLength(body) + message.length + JSON.stringify(attributes).length;
}
