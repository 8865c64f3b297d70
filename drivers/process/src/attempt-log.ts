/**
 * Writes what one attempt prints, byte for byte, in the format of log-format.ts, and keeps the last of it in memory
 * for the evidence. Never blocks or fails the attempt: what cannot be written is counted and dropped.
 * When something can be written again, a mark says how much is missing.
 *
 * G1. What must not be stored is masked here, before anything else sees it.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Mask } from "@windlass/kernel";
import {
  admitToLog,
  byteTail,
  encodeLogEntry,
  LOG_FOLDER,
  logCutMark,
  logFilesOf,
  logGapMark,
  logLostMark,
  logRate,
  mendLogIndex,
  STREAMS,
} from "@windlass/ports";
import type { ByteTail, LogKey, Stream } from "@windlass/ports";

export interface AttemptLog {
  write(stream: Stream, data: Uint8Array, at: number): void;
  /** The last bytes of both streams as they came. */
  readonly tail: ByteTail;
  /** Streams that reached their limit. */
  cutStreams(): readonly Stream[];
  /** Bytes left out because they came too fast. */
  droppedBytes(): number;
  /** Why bytes were lost, if they were. */
  failure(): string | null;
  /** Writes what was held back. */
  end(at: number): void;
  close(): void;
}

export interface LogLimits {
  readonly bytesMax: number;
  /** Of both streams together; 0 for no limit. */
  readonly bytesPerSecondMax: number;
  readonly mask: Mask;
}

interface OpenStream {
  readonly file: number;
  size: number;
}

/** How long nothing is tried after a write has failed: the disk is full, most likely. */
const WRITE_AGAIN_MS = 1000;
/** Room for the last 20 lines of ordinary length. */
const TAIL_BYTES = 8192;

export function openAttemptLog(data: string, key: LogKey, { bytesMax, bytesPerSecondMax, mask }: LogLimits): AttemptLog {
  const files = openFiles(data, key, bytesMax);
  const tail = byteTail(TAIL_BYTES);
  const rate = logRate(bytesPerSecondMax);
  const masked = { stdout: mask.stream(), stderr: mask.stream() };
  let failure: string | null = null;
  const lost = { bytes: 0, at: 0 };

  const gapMark = (bytes: number): Uint8Array => Buffer.from(logGapMark(bytes, bytesPerSecondMax));
  const lose = (bytes: number, error: unknown, at: number): void => {
    failure = error instanceof Error ? error.message : String(error);
    lost.bytes += bytes;
    lost.at = at;
  };
  /** Of what could not be written a part may be there, so the log is mended as if its writer had been killed. */
  const tellLost = (stream: Stream, at: number): void => {
    if (lost.bytes === 0) return;
    files.close();
    mendAttemptLog(data, key, at);
    files.write(stream, Buffer.from(logLostMark(lost.bytes, failure ?? "")), at);
    lost.bytes = 0;
  };
  const add = (stream: Stream, chunk: Uint8Array, at: number): void => {
    if (chunk.length === 0) return;
    tail.push(chunk);
    // Also when the clock was set back.
    if (lost.bytes > 0 && at >= lost.at && at - lost.at < WRITE_AGAIN_MS) {
      lost.bytes += chunk.length;
      return;
    }
    try {
      tellLost(stream, at);
      const { keep, gap } = rate.admit(chunk.length, at);
      if (gap > 0) files.write(stream, gapMark(gap), at);
      files.write(stream, chunk.subarray(0, keep), at);
    } catch (error) {
      lose(chunk.length, error, at);
    }
  };

  return {
    tail,
    write: (stream, chunk, at) => add(stream, masked[stream].push(chunk), at),
    end: (at) => {
      for (const stream of STREAMS) add(stream, masked[stream].end(), at);
      const last = files.openStream() ?? "stdout";
      try {
        tellLost(last, at);
        if (rate.openGap() > 0) files.write(last, gapMark(rate.openGap()), at);
      } catch (error) {
        lose(0, error, at);
      }
    },
    droppedBytes: () => rate.droppedBytes,
    cutStreams: () => STREAMS.filter((stream) => files.cut.has(stream)),
    failure: () => failure,
    close: files.close,
  };
}

interface OpenFiles {
  /** Throws what the system says. */
  readonly write: (stream: Stream, chunk: Uint8Array, at: number) => void;
  /** One that something was written to. */
  readonly openStream: () => Stream | undefined;
  /** Streams that reached their limit. */
  readonly cut: ReadonlySet<Stream>;
  /** What is written next opens them again. */
  readonly close: () => void;
}

/** The files of one log, opened when something is written. */
function openFiles(data: string, key: LogKey, bytesMax: number): OpenFiles {
  const root = join(data, LOG_FOLDER);
  const files = logFilesOf(key);
  const open: Partial<Record<Stream, OpenStream>> = {};
  const cutStreams = new Set<Stream>();
  let index: number | null = null;
  const streamOf = (stream: Stream): OpenStream => {
    index ??= openIn(root, files.folder, files.index);
    const file = open[stream]?.file ?? openSync(join(root, files[stream]), "a", 0o600);
    return (open[stream] ??= { file, size: fstatSync(file).size });
  };
  return {
    write: (stream, chunk, at) => {
      const target = streamOf(stream);
      const { keep, cut } = admitToLog(target.size, chunk.length, bytesMax);
      const bytes = cut ? Buffer.concat([chunk.subarray(0, keep), Buffer.from(logCutMark(bytesMax))]) : chunk.subarray(0, keep);
      if (keep < chunk.length) cutStreams.add(stream);
      if (bytes.length === 0 || index === null) return;
      writeWhole(target.file, bytes);
      writeWhole(index, Buffer.from(encodeLogEntry({ at, stream, offset: target.size, length: bytes.length })));
      target.size += bytes.length;
    },
    openStream: () => STREAMS.find((stream) => open[stream] !== undefined),
    cut: cutStreams,
    close: () => {
      for (const file of [index, open.stdout?.file, open.stderr?.file]) if (file !== null && file !== undefined) closeSync(file);
      index = null;
      for (const stream of STREAMS) delete open[stream];
    },
  };
}

/** Puts right what a killed supervisor left of a log. */
export function mendAttemptLog(data: string, key: LogKey, at: number): void {
  const root = join(data, LOG_FOLDER);
  const files = logFilesOf(key);
  const sizeOf = (path: string): number => statSync(join(root, path), { throwIfNoEntry: false })?.size ?? 0;
  const sizes = { stdout: sizeOf(files.stdout), stderr: sizeOf(files.stderr) };
  if (sizes.stdout + sizes.stderr === 0) return;
  const index = openIn(root, files.folder, files.index);
  try {
    const mend = mendLogIndex(readFileSync(join(root, files.index), "latin1"), sizes, at);
    if (mend !== "") writeWhole(index, Buffer.from(mend));
  } finally {
    closeSync(index);
  }
}

function openIn(root: string, folder: string, file: string): number {
  mkdirSync(join(root, folder), { recursive: true, mode: 0o700 });
  return openSync(join(root, file), "a", 0o600);
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done);
}
