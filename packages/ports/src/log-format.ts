/**
 * How logs lie on disk, for all who write or read them: per attempt one file of raw bytes for each stream, and one
 * index whose lines say when which bytes came. Pure.
 *
 * F1. Bytes are written before the line that names them: a reader trusts the index and nothing else.
 * F2. A line counts only with its `;` and its line feed: a torn one is skipped, never misread.
 * F3. A stream is cut at its limit once, with a mark as its last line.
 */
import { formatBytes, WindlassError } from "@windlass/kernel";
import type { LogKey, Stream } from "./log-store.ts";
import { STREAMS } from "./log-store.ts";

/** These bytes of this stream came at this time. */
export interface LogEntry {
  readonly at: number;
  readonly stream: Stream;
  readonly offset: number;
  readonly length: number;
}

/** Paths below the folder of all logs. */
export interface LogFiles {
  readonly folder: string;
  readonly index: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** The folder of all logs in a data folder. */
export const LOG_FOLDER = "logs";

const LETTERS = { stdout: "o", stderr: "e" } as const satisfies Record<Stream, string>;
const LINE = /^(\d{1,15}) ([oe]) (\d{1,15}) (\d{1,15});$/u;
const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/u;

/** Throws `not_found` for what cannot be the id of a job, so that no path can be smuggled in. */
export function logFolderOf(jobId: string): string {
  if (!SAFE_ID.test(jobId)) throw new WindlassError("not_found", `${JSON.stringify(jobId.slice(0, 80))} is not the id of a job`);
  return jobId;
}

export function logFilesOf(key: LogKey): LogFiles {
  const folder = logFolderOf(key.jobId);
  if (!Number.isSafeInteger(key.attempt) || key.attempt < 0) {
    throw new WindlassError("not_found", `${key.attempt} is not the number of an attempt; allowed are 0, 1, 2, …`);
  }
  const stem = `${folder}/${key.attempt}`;
  return { folder, index: `${stem}.index`, stdout: `${stem}.stdout.log`, stderr: `${stem}.stderr.log` };
}

export function encodeLogEntry(entry: LogEntry): string {
  return `${entry.at} ${LETTERS[entry.stream]} ${entry.offset} ${entry.length};\n`;
}

/** Reads a line without its line feed; null for one that is torn. */
export function decodeLogEntry(line: string): LogEntry | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const stream = match[2] === LETTERS.stdout ? "stdout" : "stderr";
  return { at: Number(match[1]), stream, offset: Number(match[3]), length: Number(match[4]) };
}

/** How much of `incoming` bytes still fits behind `size` bytes, and whether the mark of the cut is to follow. See F3. */
export function admitToLog(size: number, incoming: number, bytesMax: number): { readonly keep: number; readonly cut: boolean } {
  const room = bytesMax - size;
  if (incoming === 0 || room < 0) return { keep: 0, cut: false };
  return incoming <= room ? { keep: incoming, cut: false } : { keep: room, cut: true };
}

/** The last line of a stream that was cut. It begins with a line feed, which also keeps the size beyond the limit. */
export function logCutMark(bytesMax: number): string {
  return `\n[windlass: log cut at ${formatBytes(bytesMax)}: it reached log.bytesMax]\n`;
}

/** Stands in a log where bytes could not be written: the disk was full, most likely. */
export function logLostMark(bytes: number, why: string): string {
  return `\n[windlass: ${formatBytes(bytes)} left out here: ${why}]\n`;
}

/**
 * What to append to an index after its writer was killed: an end for a torn line, and entries for bytes that no line
 * names. Empty when there is nothing to mend.
 */
export function mendLogIndex(index: string, sizes: Readonly<Record<Stream, number>>, at: number): string {
  const ends: Record<Stream, number> = { stdout: 0, stderr: 0 };
  for (const line of index.split("\n")) {
    const entry = decodeLogEntry(line);
    if (entry !== null) ends[entry.stream] = Math.max(ends[entry.stream], entry.offset + entry.length);
  }
  let mend = index === "" || index.endsWith("\n") ? "" : "\n";
  for (const stream of STREAMS) {
    const length = sizes[stream] - ends[stream];
    if (length > 0) mend += encodeLogEntry({ at, stream, offset: ends[stream], length });
  }
  return mend;
}
