/** Appends to one log: bytes first, then the lines that name them (F1 of log-format.ts), cut at the limit. */
import { mkdir, open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { admitToLog, encodeLogEntry, logCutMark, mendLogIndex, STREAMS } from "@windlass/ports";
import type { LogChunk, LogFiles, Stream } from "@windlass/ports";

export interface LogPlace {
  readonly root: string;
  readonly files: LogFiles;
}

export async function appendToLog(place: LogPlace, chunks: readonly LogChunk[], bytesMax: number): Promise<void> {
  await mkdir(join(place.root, place.files.folder), { recursive: true, mode: 0o700 });
  const sizes = await sizesOf(place);
  const parts: Record<Stream, Uint8Array[]> = { stdout: [], stderr: [] };
  let lines = "";
  for (const { stream, at, data } of chunks) {
    const { keep, cut } = admitToLog(sizes[stream], data.length, bytesMax);
    const bytes = cut ? Buffer.concat([data.subarray(0, keep), Buffer.from(logCutMark(bytesMax))]) : data.subarray(0, keep);
    if (bytes.length === 0) continue;
    lines += encodeLogEntry({ at, stream, offset: sizes[stream], length: bytes.length });
    parts[stream].push(bytes);
    sizes[stream] += bytes.length;
  }
  for (const stream of STREAMS) await appendTo(join(place.root, place.files[stream]), parts[stream]);
  if (lines !== "") await appendTo(join(place.root, place.files.index), [Buffer.from(lines)]);
}

/** Puts right what a killed writer left: see `mendLogIndex`. Only for who may write to this log. */
export async function mendLog(place: LogPlace, at: number): Promise<void> {
  const index = await readFile(join(place.root, place.files.index), "latin1").catch(absentIs(""));
  const mend = mendLogIndex(index, await sizesOf(place), at);
  if (mend !== "") await appendTo(join(place.root, place.files.index), [Buffer.from(mend)]);
}

async function sizesOf({ root, files }: LogPlace): Promise<Record<Stream, number>> {
  const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(absentIs({ size: 0 }))).size;
  return { stdout: await sizeOf(join(root, files.stdout)), stderr: await sizeOf(join(root, files.stderr)) };
}

async function appendTo(path: string, parts: readonly Uint8Array[]): Promise<void> {
  if (parts.length === 0) return;
  const file = await open(path, "a", 0o600);
  try {
    await file.appendFile(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
  } finally {
    await file.close();
  }
}

function absentIs<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return value;
    throw error;
  };
}
