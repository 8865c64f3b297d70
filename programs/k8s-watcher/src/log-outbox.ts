/**
 * What of one container's log is read and not stored yet, in order, each piece with its place. Pure.
 *
 * O1. Nothing leaves it before the server has said that it is stored.
 */

export interface Block {
  readonly offset: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Growing {
  readonly offset: number;
  readonly at: number;
  length: number;
  readonly parts: Uint8Array[];
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

  put(bytes: Uint8Array, at: number): void {
    const known = Math.min(bytes.length, Math.max(0, this.#stored - this.#end));
    this.#end += known;
    for (let rest = bytes.subarray(known); rest.length > 0;) {
      const last = this.#blocks.at(-1);
      const isFull = last === undefined || last.length >= BLOCK_BYTES_MAX || (last.length >= BLOCK_BYTES_MIN && at - last.at > SPAN_MS_MAX);
      const block = isFull ? { offset: this.#end, at, length: 0, parts: [] } : last;
      if (isFull) this.#blocks.push(block);
      // Copied: what is handed in may be a small part of a large buffer.
      const part = rest.slice(0, BLOCK_BYTES_MAX - block.length);
      block.parts.push(part);
      block.length += part.length;
      this.#bytes += part.length;
      this.#end += part.length;
      rest = rest.subarray(part.length);
    }
  }

  first(): Block | null {
    const [block] = this.#blocks;
    if (block === undefined) return null;
    if (block.parts.length > 1) block.parts.splice(0, block.parts.length, Buffer.concat(block.parts));
    return { offset: block.offset, at: block.at, bytes: block.parts[0] ?? new Uint8Array() };
  }

  /** All before `next` is stored. False: what is before `next` and after what is stored was never here. */
  stored(next: number): boolean {
    this.#stored = Math.max(this.#stored, next);
    while (true) {
      const [block] = this.#blocks;
      if (block === undefined) return next >= this.#end;
      if (next < block.offset) return false;
      if (next < block.offset + block.length) {
        const { bytes } = this.first() ?? { bytes: new Uint8Array() };
        const left = bytes.subarray(next - block.offset);
        this.#bytes -= block.length - left.length;
        this.#blocks[0] = { offset: next, at: block.at, length: left.length, parts: [left] };
        return true;
      }
      this.#bytes -= block.length;
      this.#blocks.shift();
    }
  }
}
