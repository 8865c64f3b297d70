/** Reads the index of a log in blocks, forwards or backwards, so that a long log costs no more memory than a short one. */
import type { FileHandle } from "node:fs/promises";
import { decodeLogEntry } from "@windlass/ports";
import type { LogEntry } from "@windlass/ports";

/** A line of an index: where it begins, where the next one does, and what it says (null when it is torn). */
export interface IndexLine {
  readonly start: number;
  readonly end: number;
  readonly entry: LogEntry | null;
}

const BLOCK_BYTES = 65_536;
const LINE_FEED = 10;

/** Whole lines from `from` on, in order. A last line without its line feed is still being written: it is left out. */
export async function* linesForward(index: FileHandle, from: number): AsyncGenerator<IndexLine> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let rest = Buffer.alloc(0);
  let start = from;
  for (;;) {
    const { bytesRead } = await index.read(block, 0, BLOCK_BYTES, start + rest.length);
    if (bytesRead === 0) return;
    const bytes = Buffer.concat([rest, block.subarray(0, bytesRead)]);
    let begin = 0;
    for (let feed = bytes.indexOf(LINE_FEED); feed !== -1; feed = bytes.indexOf(LINE_FEED, begin)) {
      const end = start + (feed + 1 - begin);
      yield { start, end, entry: decodeLogEntry(bytes.toString("latin1", begin, feed)) };
      start = end;
      begin = feed + 1;
    }
    rest = bytes.subarray(begin);
  }
}

/** Whole lines from the end to the beginning. */
export async function* linesBackward(index: FileHandle): AsyncGenerator<IndexLine> {
  const { size } = await index.stat();
  let head = size;
  let bytes = Buffer.alloc(0);
  while (head > 0) {
    const length = Math.min(BLOCK_BYTES, head);
    const block = Buffer.alloc(length);
    await index.read(block, 0, length, head - length);
    head -= length;
    bytes = Buffer.concat([block, bytes]);
    // What stands before the first line feed of the block may begin in the block before it.
    let end = bytes.lastIndexOf(LINE_FEED) + 1;
    while (end > 0) {
      const begin = end === 1 ? 0 : bytes.lastIndexOf(LINE_FEED, end - 2) + 1;
      if (begin === 0 && head > 0) break;
      yield { start: head + begin, end: head + end, entry: decodeLogEntry(bytes.toString("latin1", begin, end - 1)) };
      end = begin;
    }
    bytes = bytes.subarray(0, end);
  }
}

/**
 * Where to begin to read for what was written at `since` or later: no line before it is so young, as times in an index
 * grow (where a clock was set back, what was written before that is taken as old).
 */
export async function findSince(index: FileHandle, since: number): Promise<number> {
  const block = Buffer.allocUnsafe(LINES_BYTES);
  let low = 0;
  let high = (await index.stat()).size;
  while (high - low > BLOCK_BYTES) {
    const middle = Math.floor((low + high) / 2);
    const { bytesRead } = await index.read(block, 0, LINES_BYTES, middle);
    const found = firstEntry(block.subarray(0, bytesRead));
    if (found !== null && found.entry.at < since) low = middle + found.start;
    else high = middle;
  }
  return low;
}

/** Holds a few lines, the first of which is cut. */
const LINES_BYTES = 4_096;

function firstEntry(bytes: Buffer): { readonly start: number; readonly entry: LogEntry } | null {
  let start = bytes.indexOf(LINE_FEED) + 1;
  for (let feed = bytes.indexOf(LINE_FEED, start); start > 0 && feed !== -1; feed = bytes.indexOf(LINE_FEED, start)) {
    const entry = decodeLogEntry(bytes.toString("latin1", start, feed));
    if (entry !== null) return { start, entry };
    start = feed + 1;
  }
  return null;
}
