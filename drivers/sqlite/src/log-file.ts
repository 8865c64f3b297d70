/**
 * The log that SQLite writes beside a file. To flush what lies over something that is there takes half as long as to flush what
 * makes the file longer: its length has to be written, too. SQLite reuses its log, but it grows until then, so zeros are written
 * ahead of it, many pages at once.
 *
 * L1. Nothing is written over: zeros go behind the end of the file, while the caller holds the write transaction, so that
 *     nobody makes it longer meanwhile. What is read of a log ends at the first frame that is none.
 * L2. Where there is no room for zeros, nothing fails: whether there is room for what is committed, SQLite finds out.
 */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, realpathSync, writeSync } from "node:fs";

/** As long as a few hundred small commits. */
const AHEAD_BYTES = 1_048_576;
/** Zeros are written again when fewer than this are left: more than most commits have. */
const LEFT_BYTES = 131_072;

/** As SQLite lays its log out. */
const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4_096;

export class LogFile {
  readonly #file: number;
  /** The number of a page is the first that a frame says, and never 0. */
  readonly #pageNumber = Buffer.alloc(4);
  /** Where a frame begins that is written when few zeros are left. */
  #mark = -1;

  /** @throws when there is no log: nothing was ever read or written through the connection. */
  constructor(path: string) {
    // Closing it drops no lock: those of SQLite are on the file itself and on its index.
    this.#file = openSync(`${realpathSync(path)}-wal`, "r+");
  }

  flush(done: (error: Error | null) => void): void {
    fdatasync(this.#file, done);
  }

  flushNow(): void {
    fdatasyncSync(this.#file);
  }

  /** The caller holds the write transaction. Keeps L1 and L2. */
  growAhead(): void {
    if (this.#mark >= 0 && this.#isZero(this.#mark)) return;
    const end = fstatSync(this.#file).size;
    let written = 0;
    try {
      while (written < AHEAD_BYTES) written += writeSync(this.#file, ZEROS, written, AHEAD_BYTES - written, end + written);
    } catch {
      // See L2.
    }
    this.#mark = HEADER_BYTES + FRAME_BYTES * Math.max(0, Math.floor((end + written - LEFT_BYTES - HEADER_BYTES) / FRAME_BYTES));
  }

  #isZero(at: number): boolean {
    return readSync(this.#file, this.#pageNumber, 0, 4, at) === 4 && this.#pageNumber.readUInt32BE() === 0;
  }

  close(): void {
    closeSync(this.#file);
  }
}

const ZEROS = Buffer.alloc(AHEAD_BYTES);
