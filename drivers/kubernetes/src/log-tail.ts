/** The last that a container printed, copied into blocks, the oldest of which go; joined when it is asked for. Pure. */

/** So many hold what is kept, and one more is being filled. */
const BLOCKS = 16;
const BLOCK_BYTES_MIN = 4_096;

export class LogTail {
  readonly #bytesMax: number;
  readonly #blockBytes: number;
  /** All are full but the last. */
  readonly #blocks: Uint8Array[] = [];
  /** Of the last block. */
  #used = 0;
  #printed = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#blockBytes = Math.max(BLOCK_BYTES_MIN, Math.ceil(bytesMax / BLOCKS));
    this.#used = this.#blockBytes;
  }

  /** All that was ever put in. */
  get printed(): number {
    return this.#printed;
  }

  put(bytes: Uint8Array): void {
    this.#printed += bytes.length;
    // What would be pushed out at once is not copied.
    for (let rest = bytes.subarray(Math.max(0, bytes.length - this.#bytesMax)); rest.length > 0;) {
      if (this.#used === this.#blockBytes) this.#add();
      const part = rest.subarray(0, this.#blockBytes - this.#used);
      this.#blocks.at(-1)?.set(part, this.#used);
      this.#used += part.length;
      rest = rest.subarray(part.length);
    }
  }

  bytes(): Uint8Array {
    const all = this.#blocks.map((block, place) => (place === this.#blocks.length - 1 ? block.subarray(0, this.#used) : block));
    const joined = new Uint8Array(Buffer.concat(all));
    return joined.subarray(Math.max(0, joined.length - this.#bytesMax));
  }

  #add(): void {
    this.#blocks.push(new Uint8Array(this.#blockBytes));
    this.#used = 0;
    if ((this.#blocks.length - 2) * this.#blockBytes >= this.#bytesMax) this.#blocks.shift();
  }
}
