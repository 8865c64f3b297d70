/**
 * How logs lie on disk, for all who write or read them: per attempt one file of raw bytes for each stream of each
 * container, and one index whose lines say when which bytes came. Pure.
 *
 * F1. Bytes are written before the line that names them: a reader trusts the index and nothing else.
 * F2. A line counts only with its `;` and its line feed: a torn one is skipped, never misread.
 * F3. A stream is cut at its limit once, with a mark as its last line.
 * F4. The lines of a source that is told from outside say how far it was told; the first one comes before any byte. So bytes
 *     that no line names are known as told in vain, and go: whoever told them tells them again.
 */
import { formatBytes, WindlassError } from "@windlass/kernel";
import { CONTAINER_NAME, MAIN_CONTAINER, STREAMS } from "./log-store.ts";
import type { LogKey, LogSource, Stream, ToldUntil } from "./log-store.ts";

/** These bytes of this source came at this time. */
export interface LogEntry extends LogSource {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
  readonly told?: ToldUntil;
}

/** Paths below the folder of all logs. */
export interface LogFiles {
  readonly folder: string;
  readonly index: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Containers of one attempt; a Pod with more is a mistake. */
export const LOG_CONTAINERS_MAX = 100;

/** The folder of all logs in a data folder. */
export const LOG_FOLDER = "logs";

const LETTERS = { stdout: "o", stderr: "e" } as const satisfies Record<Stream, string>;
const LINE =
  /^(\d{1,15}) ([oe]) (\d{1,15}) (\d{1,15})(?: ([a-z0-9-]{1,63}))?(?: @(\d{1,15})\+(\d{1,15})(?:~(\d{1,15})=([0-9TZ:.+-]{1,40}))?)?;$/u;
/** What `ToldLine` may have as its time. */
export const TOLD_TIME: RegExp = /^[0-9TZ:.+-]{1,40}$/u;
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

/** The file of one source. Throws `not_found` for what cannot be the name of a container. */
export function logFileOf(files: LogFiles, { stream, container = MAIN_CONTAINER }: LogSource): string {
  if (container === MAIN_CONTAINER) return files[stream];
  if (!CONTAINER_NAME.test(container)) throw new WindlassError("not_found", `${JSON.stringify(container.slice(0, 80))} names no container`);
  return `${files.index.slice(0, -".index".length)}.${container}.${stream}.log`;
}

/** Tells sources apart; also those that leave the name of the main container out. */
export function nameOfSource({ stream, container = MAIN_CONTAINER }: LogSource): string {
  return `${container}/${stream}`;
}

export function encodeLogEntry({ at, stream, offset, length, container = MAIN_CONTAINER, told }: LogEntry): string {
  const name = container === MAIN_CONTAINER ? "" : ` ${container}`;
  const last = told?.last === undefined ? "" : `~${told.last.offset}=${told.last.time}`;
  const until = told === undefined ? "" : ` @${told.until}+${told.gap}${last}`;
  return `${at} ${LETTERS[stream]} ${offset} ${length}${name}${until};\n`;
}

/** Reads a line without its line feed; null for one that is torn. */
export function decodeLogEntry(line: string): LogEntry | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const stream = match[2] === LETTERS.stdout ? "stdout" : "stderr";
  return {
    at: Number(match[1]),
    stream,
    offset: Number(match[3]),
    length: Number(match[4]),
    ...(match[5] === undefined ? {} : { container: match[5] }),
    ...(match[6] === undefined ? {} : { told: toldOf(match.slice(6)) }),
  };
}

function toldOf([until, gap, offset, time]: readonly (string | undefined)[]): ToldUntil {
  const last = time === undefined ? {} : { last: { time, offset: Number(offset) } };
  return { until: Number(until), gap: Number(gap), ...last };
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

/** Stands in a log where nobody knows whether something is missing, and how much. */
export function logMissingMark(why: string): string {
  return `\n[windlass: some may be missing here: ${why}]\n`;
}

/** What is known of a source from its lines. */
export interface IndexedSource extends LogSource {
  /** Where its last named byte ends. */
  readonly end: number;
  /** Null: its bytes come from this host, and are not told. */
  readonly told: ToldUntil | null;
  /** When its first bytes came; of what is told, those that were printed, and not a mark in their place. */
  readonly beganAt: number;
}

/** By `nameOfSource`. */
export function sourcesOfIndex(index: string): Map<string, IndexedSource> {
  const sources = new Map<string, IndexedSource>();
  for (const line of index.split("\n")) {
    const entry = decodeLogEntry(line);
    if (entry === null) continue;
    const name = nameOfSource(entry);
    const before = sources.get(name);
    const { stream, container } = entry;
    const hasBegun = before !== undefined && before.told?.until !== 0;
    sources.set(name, {
      stream,
      ...(container === undefined ? {} : { container }),
      end: Math.max(before?.end ?? 0, entry.offset + entry.length),
      told: entry.told ?? before?.told ?? null,
      beganAt: hasBegun ? before.beganAt : entry.at,
    });
  }
  return sources;
}

/**
 * What to append to an index after its writer was killed: an end for a torn line, and entries for bytes that no line
 * names. Empty when there is nothing to mend. Of sources that are told such bytes go instead (F4).
 */
export function mendLogIndex(index: string, sizes: Readonly<Record<Stream, number>>, at: number): string {
  const sources = sourcesOfIndex(index);
  let mend = index === "" || index.endsWith("\n") ? "" : "\n";
  for (const stream of STREAMS) {
    const known = sources.get(nameOfSource({ stream }));
    const offset = known?.end ?? 0;
    const length = sizes[stream] - offset;
    if (length > 0 && (known?.told ?? null) === null) mend += encodeLogEntry({ at, stream, offset, length });
  }
  return mend;
}
