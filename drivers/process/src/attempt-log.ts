/**
 * Writes what one attempt prints, byte for byte, in the format of log-format.ts, and keeps the last of it in memory
 * for the evidence. Never blocks or fails the attempt: what cannot be written is counted and dropped.
 *
 * G1. What must not be stored is masked here, before anything else sees it.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Mask } from "@windlass/kernel";
import {
  admitToLog,
  encodeLogEntry,
  LOG_FOLDER,
  logCutMark,
  logFilesOf,
  logGapMark,
  logRate,
  mendLogIndex,
  STREAMS,
} from "@windlass/ports";
import type { LogKey, Stream } from "@windlass/ports";
import { byteTail } from "./byte-tail.ts";
import type { ByteTail } from "./byte-tail.ts";

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
  isCut: boolean;
}

/** Room for the last 20 lines of ordinary length. */
const TAIL_BYTES = 8192;

export function openAttemptLog(data: string, key: LogKey, { bytesMax, bytesPerSecondMax, mask }: LogLimits): AttemptLog {
  const root = join(data, LOG_FOLDER);
  const files = logFilesOf(key);
  const tail = byteTail(TAIL_BYTES);
  const rate = logRate(bytesPerSecondMax);
  const masked = { stdout: mask.stream(), stderr: mask.stream() };
  const open: Partial<Record<Stream, OpenStream>> = {};
  let index: number | null = null;
  let failure: string | null = null;

  const streamOf = (stream: Stream): OpenStream => {
    index ??= openIn(root, files.folder, files.index);
    const file = open[stream]?.file ?? openSync(join(root, files[stream]), "a", 0o600);
    return (open[stream] ??= { file, size: fstatSync(file).size, isCut: false });
  };
  const writeOut = (stream: Stream, chunk: Uint8Array, at: number): void => {
    const target = streamOf(stream);
    const { keep, cut } = admitToLog(target.size, chunk.length, bytesMax);
    const bytes = cut ? Buffer.concat([chunk.subarray(0, keep), Buffer.from(logCutMark(bytesMax))]) : chunk.subarray(0, keep);
    target.isCut ||= keep < chunk.length;
    if (bytes.length === 0 || index === null) return;
    writeWhole(target.file, bytes);
    writeWhole(index, Buffer.from(encodeLogEntry({ at, stream, offset: target.size, length: bytes.length })));
    target.size += bytes.length;
  };

  const gapMark = (bytes: number): Uint8Array => Buffer.from(logGapMark(bytes, bytesPerSecondMax));
  const add = (stream: Stream, chunk: Uint8Array, at: number): void => {
    if (chunk.length === 0) return;
    tail.push(chunk);
    if (failure !== null) return;
    try {
      const { keep, gap } = rate.admit(chunk.length, at);
      if (gap > 0) writeOut(stream, gapMark(gap), at);
      writeOut(stream, chunk.subarray(0, keep), at);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
  };

  return {
    tail,
    write: (stream, chunk, at) => add(stream, masked[stream].push(chunk), at),
    end: (at) => {
      for (const stream of STREAMS) add(stream, masked[stream].end(), at);
      const last = STREAMS.find((stream) => open[stream] !== undefined);
      try {
        if (rate.openGap() > 0 && last !== undefined && failure === null) writeOut(last, gapMark(rate.openGap()), at);
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
    },
    droppedBytes: () => rate.droppedBytes,
    cutStreams: () => STREAMS.filter((stream) => open[stream]?.isCut === true),
    failure: () => failure,
    close: () => {
      for (const file of [index, open.stdout?.file, open.stderr?.file]) if (file !== null && file !== undefined) closeSync(file);
      index = null;
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
