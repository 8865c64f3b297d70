/**
 * The log that SQLite writes beside a file. To flush what lies over something that is there takes half as long as to flush what
 * makes the file longer: its length has to be written, too. SQLite reuses its log, but it grows until then, so zeros are written
 * ahead of it, many pages at once.
 *
 * L1. Nothing is written over: zeros go behind the end of the file, while the caller holds the write transaction, so that
 *     nobody makes it longer meanwhile. What is read of a log ends at the first frame that is none.
 * L2. Where there is no room for zeros, nothing fails: whether there is room for what is committed, SQLite finds out. It is not tried
 *     again before the log has another length.
 * L3. Zeros that nobody waits for leave room on the disk for what the file itself, and others, write there.
 */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, readSync, realpathSync, statfsSync, writeSync } from "node:fs";
import { CHECKPOINT_PAGES } from "./database.ts";

const MIB = 1_048_576;
/**
 * The next zeros are written, whoever waits, when fewer than this are left: more than most commits have. Who flushes next waits for
 * them, and for the new length, a millisecond or some: so they are many, once there was much, and that is seldom.
 */
const LEFT_BYTES = MIB / 8;
const PIECE_BYTES_MAX = 4 * MIB;
/** And while nobody waits when fewer than this are, or than half of the log: as much as came before may come at once, some hundred jobs at most. */
const AHEAD_BYTES = 16 * MIB;
/** See L3. As much as the log has when SQLite moves it into the file. */
const FREE_BYTES = 64 * MIB;
/** So many commits for each megabyte save more than its zeros cost: about a tenth of a millisecond each, and one or two. Larger ones make the log longer by themselves. */
const COMMITS_MIN = 12;

/** As SQLite lays its log out. */
const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4_096;
/** Then SQLite mostly begins it anew. */
const FULL_BYTES = HEADER_BYTES + CHECKPOINT_PAGES * FRAME_BYTES;

/** What zeros are written with. */
export interface Disk {
  readonly write: (file: number, bytes: Uint8Array, at: number) => number;
  /** Of the file system where this file lies. */
  readonly freeBytes: (path: string) => number;
}

const disk: Disk = {
  write: (file, bytes, at) => writeSync(file, bytes, 0, bytes.length, at),
  freeBytes: (path) => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
};

export class LogFile {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #file: number;
  /** The number of a page is the first that a frame says, and never 0. */
  readonly #pageNumber = Buffer.alloc(4);
  /** With the zeros, when last measured; behind large commits with as much as may come without zeros. */
  #size: number;
  /** How long it was when there was no room for more. */
  #refused: number | null = null;
  /** Commits since it was last time for zeros, and how many of them that was asked behind. */
  #commits = COMMITS_MIN;
  #asked = COMMITS_MIN;
  /** How long the last zeros were that were written in time, or those that are to be written now. */
  #piece = MIB;

  /** @throws when there is no log: nothing was ever read or written through the connection. */
  constructor(path: string, on: Disk = disk) {
    this.#path = `${realpathSync(path)}-wal`;
    this.#disk = on;
    // Closing it drops no lock: those of SQLite are on the file itself and on its index.
    this.#file = openSync(this.#path, "r+");
    // A process that was killed left its zeros.
    this.#size = this.#sizeNow();
  }

  flush(done: (error: Error | null) => void): void {
    fdatasync(this.#file, done);
  }

  flushNow(): void {
    fdatasyncSync(this.#file);
  }

  /** At each commit. */
  committed(): void {
    this.#commits++;
  }

  /** Whether it is time for zeros, whoever waits: little is left, and commits are small. Keeps L2. */
  isShort(): boolean {
    if (this.#commits === this.#asked) return false;
    this.#asked = this.#commits;
    if (!this.#hasLess(LEFT_BYTES) || this.#isRefused()) return false;
    const areSmall = this.#commits > (COMMITS_MIN * this.#piece) / MIB;
    this.#commits = this.#asked = 0;
    this.#piece = areSmall ? Math.min(PIECE_BYTES_MAX, MIB * Math.max(1, Math.floor(this.#size / MIB / 4))) : MIB;
    if (!areSmall) this.#size = this.#sizeNow() + MIB;
    return areSmall;
  }

  /** Whether it is to grow while nobody waits. Keeps L2 and L3. */
  wantsMore(): boolean {
    const isWanted = this.#size < FULL_BYTES && this.#hasLess(Math.min(AHEAD_BYTES, this.#size / 2));
    return isWanted && !this.#isRefused() && this.#leavesRoom();
  }

  /**
   * When it is time (`isShort`), or while nobody waits. The caller holds the write transaction. Returns whether there was room
   * for all. Keeps L1 and L2.
   */
  growAhead(when: "short" | "idle"): boolean {
    const bytes = when === "short" ? this.#piece : MIB;
    try {
      const end = this.#sizeNow();
      this.#writeZeros(end, bytes);
      this.#size = this.#sizeNow();
      this.#refused = this.#size < end + bytes ? this.#size : null;
      return this.#refused === null;
    } catch {
      return false;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Whether what is written comes nearer to the end. */
  #hasLess(bytes: number): boolean {
    // The last frame with as much behind it; of a short log the first one.
    const frame = Math.max(0, Math.floor((this.#size - bytes - HEADER_BYTES) / FRAME_BYTES));
    try {
      const length = readSync(this.#file, this.#pageNumber, 0, 4, HEADER_BYTES + FRAME_BYTES * frame);
      if (length === 4) return this.#pageNumber.readUInt32BE() !== 0;
      this.#measure();
      return false;
    } catch {
      return false;
    }
  }

  /** Shorter than where large commits were let go on without zeros, somebody has cut it off: then it begins as a new one does. */
  #measure(): void {
    const size = this.#sizeNow();
    if (size + MIB >= this.#size) return;
    this.#size = size;
    this.#commits = this.#asked = COMMITS_MIN;
    this.#piece = MIB;
  }

  #writeZeros(end: number, bytes: number): void {
    try {
      for (let at = 0; at < bytes;) at += this.#disk.write(this.#file, ZEROS.subarray(0, Math.min(MIB, bytes - at)), end + at);
    } catch {
      // See L2.
    }
  }

  /** See L2. */
  #isRefused(): boolean {
    return this.#refused !== null && this.#refused === this.#sizeNow();
  }

  /** See L3. */
  #leavesRoom(): boolean {
    try {
      return this.#disk.freeBytes(this.#path) >= FREE_BYTES;
    } catch {
      return false;
    }
  }

  #sizeNow(): number {
    return fstatSync(this.#file).size;
  }
}

const ZEROS = Buffer.alloc(MIB);
