/**
 * Reads a part of one log: finds where to begin (position or tail), then walks the index to as many bytes as wanted.
 * Bytes come out as they were written, in the order in which they came.
 */
import type { FileHandle } from "node:fs/promises";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { logFileOf, MAIN_CONTAINER, nameOfSource } from "@windlass/ports";
import type { LogChunk, LogEntry, LogFiles, LogRange, LogSlice, LogSource } from "@windlass/ports";
import { findSince, linesBackward, linesForward } from "./log-index.ts";
import { decodeLogPosition, encodeLogPosition, LOG_START } from "./log-position.ts";
import type { LogPosition } from "./log-position.ts";

/** Bytes of one source that one slice is to hold. */
interface Piece extends LogSource {
  readonly at: number;
  readonly offset: number;
  readonly length: number;
}

interface Plan {
  readonly pieces: readonly Piece[];
  readonly position: LogPosition;
  readonly more: boolean;
}

const LINE_FEED = 10;

/** Null when there is no such log. */
export async function readLog(root: string, files: LogFiles, range: LogRange): Promise<LogSlice | null> {
  const after = range.after === undefined ? LOG_START : decodeLogPosition(range.after);
  const index = await openIfThere(join(root, files.index));
  if (index === null) return null;
  const sources = openedOnce((source) => openIfThere(join(root, logFileOf(files, source))));
  try {
    const isTail = range.tailLines !== undefined || range.tailBytes !== undefined;
    const young =
      range.since === undefined || range.after !== undefined ? LOG_START : { line: await findSince(index, range.since), within: 0 };
    const from = isTail ? later(after, await findTail(index, sources, range)) : later(after, young);
    const plan = await planSlice(index, from, range);
    return { chunks: await readPieces(sources, plan.pieces), position: encodeLogPosition(plan.position), more: plan.more };
  } finally {
    await Promise.all([index.close(), sources.close()]);
  }
}

/** The files of a log, each opened when it is first needed. */
interface Sources {
  of(source: LogSource): Promise<FileHandle | null>;
  close(): Promise<void>;
}

function openedOnce(openSource: (source: LogSource) => Promise<FileHandle | null>): Sources {
  const files = new Map<string, Promise<FileHandle | null>>();
  return {
    of(source) {
      const name = nameOfSource(source);
      const file = files.get(name) ?? openSource(source);
      files.set(name, file);
      return file;
    },
    async close() {
      await Promise.all([...files.values()].map(async (file) => (await file.catch(() => null))?.close()));
    },
  };
}

async function planSlice(index: FileHandle, from: LogPosition, range: LogRange): Promise<Plan> {
  const pieces: Piece[] = [];
  let room = range.bytesMax;
  let position = from;
  for await (const { start, end, entry } of linesForward(index, from.line)) {
    const skip = start === from.line ? from.within : 0;
    const length = entry !== null && isWanted(entry, range) ? Math.max(0, entry.length - skip) : 0;
    if (entry !== null && length > 0) {
      if (room === 0) return { pieces, position, more: true };
      const take = Math.min(length, room);
      const { at, stream, container } = entry;
      addPiece(pieces, { at, stream, container, offset: entry.offset + skip, length: take });
      room -= take;
      if (take < length) return { pieces, position: { line: start, within: skip + take }, more: true };
    }
    position = { line: end, within: 0 };
  }
  return { pieces, position, more: false };
}

/** What was written at the same time in one stream is one piece: many short lines cost what a long one does. */
function addPiece(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last?.at === piece.at && nameOfSource(last) === nameOfSource(piece) && endOf(last) === piece.offset)
    pieces[pieces.length - 1] = { ...last, length: last.length + piece.length };
  else pieces.push(piece);
}

/** Walks back until the tail is long enough. What is before `since` is not part of it. */
async function findTail(index: FileHandle, sources: Sources, range: LogRange): Promise<LogPosition> {
  let bytesLeft = range.tailBytes ?? Number.POSITIVE_INFINITY;
  let lineFeedsLeft = range.tailLines ?? Number.POSITIVE_INFINITY;
  let isLast = true;
  for await (const { start, end, entry } of linesBackward(index)) {
    if (entry === null || entry.length === 0 || !isWanted(entry, range)) continue;
    if (bytesLeft <= 0 || lineFeedsLeft <= 0) return { line: end, within: 0 };
    let within = 0;
    if (Number.isFinite(lineFeedsLeft)) {
      const bytes = await readBytes(await sources.of(entry), entry.offset, entry.length);
      for (let at = feedBefore(bytes, bytes.length - (isLast ? 1 : 0)); at >= 0; at = feedBefore(bytes, at)) {
        if (--lineFeedsLeft === 0) {
          within = at + 1;
          break;
        }
      }
    }
    isLast = false;
    if (entry.length - within >= bytesLeft) return { line: start, within: entry.length - bytesLeft };
    bytesLeft -= entry.length - within;
    if (lineFeedsLeft <= 0) return { line: start, within };
  }
  return LOG_START;
}

/** Where the last line feed before `end` is; -1 for none. */
function feedBefore(bytes: Uint8Array, end: number): number {
  return end <= 0 ? -1 : bytes.lastIndexOf(LINE_FEED, end - 1);
}

/** Neighbouring pieces of a source are read at once. */
async function readPieces(sources: Sources, pieces: readonly Piece[]): Promise<LogChunk[]> {
  const data = new Map<Piece, Uint8Array>();
  for (const own of Map.groupBy(pieces, nameOfSource).values()) {
    for (let first = 0; first < own.length;) {
      let next = first + 1;
      while (next < own.length && endOf(own[next - 1]) === own[next]?.offset) next++;
      const run = own.slice(first, next);
      const [begun] = run;
      if (begun === undefined) break;
      const bytes = await readBytes(await sources.of(begun), begun.offset, endOf(run.at(-1)) - begun.offset);
      for (const piece of run) data.set(piece, bytes.subarray(piece.offset - begun.offset, piece.offset - begun.offset + piece.length));
      first = next;
    }
  }
  return pieces.map((piece) => ({
    stream: piece.stream,
    ...(piece.container === undefined ? {} : { container: piece.container }),
    at: piece.at,
    data: data.get(piece) ?? new Uint8Array(),
  }));
}

async function readBytes(file: FileHandle | null, offset: number, length: number): Promise<Uint8Array> {
  if (file === null) return new Uint8Array();
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function isWanted({ stream, container = MAIN_CONTAINER, at }: LogEntry, range: LogRange): boolean {
  return (
    (range.stream === undefined || stream === range.stream) &&
    (range.container === undefined || container === range.container) &&
    (range.since === undefined || at >= range.since)
  );
}

function later(one: LogPosition, other: LogPosition): LogPosition {
  return one.line > other.line || (one.line === other.line && one.within > other.within) ? one : other;
}

function endOf(piece: Piece | undefined): number {
  return piece === undefined ? 0 : piece.offset + piece.length;
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
