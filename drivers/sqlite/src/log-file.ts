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
/** The next are written when fewer than this are left: more than most commits have. */
const LEFT_BYTES = 131_072;
/** So many commits save more than their zeros cost: about a tenth of a millisecond each, and one or two. Larger ones make the log longer by themselves. */
const COMMITS_MIN = 12;

/** As SQLite lays its log out. */
const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4_096;

export class LogFile {
  readonly #file: number;
  /** The number of a page is the first that a frame says, and never 0. */
  readonly #pageNumber = Buffer.alloc(4);
  /** The first byte of a frame that is written when it is time for zeros. */
  #mark: number;
  /** Commits since it was last time for zeros. */
  #commits = COMMITS_MIN;

  /** @throws when there is no log: nothing was ever read or written through the connection. */
  constructor(path: string) {
    // Closing it drops no lock: those of SQLite are on the file itself and on its index.
    this.#file = openSync(`${realpathSync(path)}-wal`, "r+");
    // A process that was killed left its zeros.
    this.#mark = markOf(fstatSync(this.#file).size);
  }

  flush(done: (error: Error | null) => void): void {
    fdatasync(this.#file, done);
  }

  flushNow(): void {
    fdatasyncSync(this.#file);
  }

  /** At each commit; the caller holds the write transaction. Keeps L1 and L2. */
  growAhead(): void {
    this.#commits++;
    try {
      if (!this.#isWritten(this.#mark)) return;
      const end = fstatSync(this.#file).size;
      const isTime = this.#commits > COMMITS_MIN;
      this.#commits = 0;
      this.#mark = markOf(end + AHEAD_BYTES);
      if (isTime) this.#writeZeros(end);
    } catch {
      // See L2.
    }
  }

  #writeZeros(end: number): void {
    for (let at = 0; at < AHEAD_BYTES;) at += writeSync(this.#file, ZEROS, at, AHEAD_BYTES - at, end + at);
  }

  #isWritten(at: number): boolean {
    return readSync(this.#file, this.#pageNumber, 0, 4, at) === 4 && this.#pageNumber.readUInt32BE() !== 0;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The frame that has little behind it in a log of so many bytes; the first one of a short log. */
function markOf(size: number): number {
  return HEADER_BYTES + FRAME_BYTES * Math.max(0, Math.floor((size - LEFT_BYTES - HEADER_BYTES) / FRAME_BYTES));
}

const ZEROS = Buffer.alloc(AHEAD_BYTES);
