/**
 * What of one container's log is read and not stored yet, in order, each piece with its place. Pure.
 *
 * O1. Nothing leaves it before the server has said that it is stored.
 */
import type { EntryMark } from "./log-place.ts";

export interface Block {
  readonly offset: number;
  readonly at: number;
  readonly bytes: Uint8Array;
  /** The last entry of which there is something in it; null: not known. */
  readonly last: EntryMark | null;
}

interface Growing {
  readonly offset: number;
  readonly at: number;
  length: number;
  last: EntryMark | null;
  /** Its own, with room to grow: what is handed in is mostly a line, and a small part of what the cluster sent. */
  buffer: Uint8Array;
}

/** One request; the server's body limit is larger. */
const BLOCK_BYTES_MAX = 262_144;
/** A smaller one may span more time: its lines get the time of the first. */
const BLOCK_BYTES_MIN = 4_096;
const SPAN_MS_MAX = 1_000;

export class LogOutbox {
  readonly #blocks: Growing[] = [];
  #bytes = 0;
  /** Where the next byte that is read belongs. */
  #end: number;
  /** The server has all before this. */
  #stored = 0;

  constructor(from: number) {
    this.#end = from;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get end(): number {
    return this.#end;
  }

  /** `entry`: the one that the bytes are of. */
  put(bytes: Uint8Array, at: number, entry: EntryMark | null = null): void {
    const known = Math.min(bytes.length, Math.max(0, this.#stored - this.#end));
    this.#end += known;
    for (let rest = bytes.subarray(known); rest.length > 0;) {
      const last = this.#blocks.at(-1);
      const isFull = last === undefined || last.length >= BLOCK_BYTES_MAX || (last.length >= BLOCK_BYTES_MIN && at - last.at > SPAN_MS_MAX);
      const block = isFull ? { offset: this.#end, at, length: 0, last: null, buffer: new Uint8Array() } : last;
      if (isFull) this.#blocks.push(block);
      const part = rest.subarray(0, BLOCK_BYTES_MAX - block.length);
      append(block, part);
      block.last = entry;
      this.#bytes += part.length;
      this.#end += part.length;
      rest = rest.subarray(part.length);
    }
  }

  first(): Block | null {
    const [block] = this.#blocks;
    if (block === undefined) return null;
    return { offset: block.offset, at: block.at, bytes: block.buffer.subarray(0, block.length), last: block.last };
  }

  /** All before `next` is stored. False: what is before `next` and after what is stored was never here. */
  stored(next: number): boolean {
    this.#stored = Math.max(this.#stored, next);
    while (true) {
      const [block] = this.#blocks;
      if (block === undefined) return next >= this.#end;
      if (next < block.offset) return false;
      if (next < block.offset + block.length) {
        const left = block.buffer.slice(next - block.offset, block.length);
        this.#bytes -= block.length - left.length;
        this.#blocks[0] = { ...block, offset: next, length: left.length, buffer: left };
        return true;
      }
      this.#bytes -= block.length;
      this.#blocks.shift();
    }
  }
}

/** What was handed out of the block before stays as it was. */
function append(block: Growing, part: Uint8Array): void {
  const length = block.length + part.length;
  if (length > block.buffer.length) {
    const grown = new Uint8Array(Math.min(BLOCK_BYTES_MAX, Math.max(length, 2 * block.buffer.length)));
    grown.set(block.buffer.subarray(0, block.length));
    block.buffer = grown;
  }
  block.buffer.set(part, block.length);
  block.length = length;
}

/** What of these bytes lies behind so many that are known. */
export function behind(bytes: Uint8Array, known: number): Uint8Array {
  return bytes.subarray(Math.min(bytes.length, Math.max(0, known)));
}
