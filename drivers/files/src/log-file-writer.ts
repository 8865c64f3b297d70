/** Appends to one log: bytes first, then the lines that name them (F1 of log-format.ts), cut at the limit. */
import { mkdir, open, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "@windlass/kernel";
import {
  admitToLog,
  encodeLogEntry,
  logCutMark,
  logFileOf,
  LOG_CONTAINERS_MAX,
  mendLogIndex,
  nameOfSource,
  sourcesOfIndex,
  type LogChunk,
  type LogFiles,
  type LogSource,
  type ToldSource,
} from "@windlass/ports";

export interface LogPlace {
  readonly root: string;
  readonly files: LogFiles;
}

interface OpenSource {
  readonly path: string;
  readonly parts: Uint8Array[];
  size: number;
}

export async function appendToLog(place: LogPlace, chunks: readonly LogChunk[], bytesMax: number): Promise<void> {
  await mkdir(join(place.root, place.files.folder), { recursive: true, mode: 0o700 });
  const sources = await openSources(place, chunks);
  let lines = "";
  let begins = "";
  for (const chunk of chunks) {
    const { stream, container, at, data, told } = chunk;
    const source = sources.get(nameOfSource(chunk));
    assert(source !== undefined, "every source of the chunks is open");
    const { keep, cut } = admitToLog(source.size, data.length, bytesMax);
    const bytes = cut ? Buffer.concat([data.subarray(0, keep), Buffer.from(logCutMark(bytesMax))]) : data.subarray(0, keep);
    if (bytes.length === 0 && told === undefined) continue;
    const entry = { at, stream, container, offset: source.size };
    if (told !== undefined && source.size === 0) begins += encodeLogEntry({ ...entry, length: 0, told: { until: 0, gap: 0 } });
    lines += encodeLogEntry({ ...entry, length: bytes.length, ...(told === undefined ? {} : { told }) });
    source.parts.push(bytes);
    source.size += bytes.length;
  }
  // See F4.
  if (begins !== "") await appendTo(join(place.root, place.files.index), [Buffer.from(begins)]);
  for (const { path, parts } of sources.values()) await appendTo(path, parts);
  if (lines !== "") await appendTo(join(place.root, place.files.index), [Buffer.from(lines)]);
}

/** Puts right what a killed writer left: see `mendLogIndex` and F4. Only for who may write to this log. */
export async function mendLog(place: LogPlace, at: number): Promise<void> {
  const { root, files } = place;
  const index = await readFile(join(root, files.index), "latin1").catch(absentIs(""));
  const sizes = { stdout: await sizeOf(join(root, files.stdout)), stderr: await sizeOf(join(root, files.stderr)) };
  for (const source of sourcesOfIndex(index).values()) {
    const path = join(root, logFileOf(files, source));
    if (source.told !== null && (await sizeOf(path)) > source.end) await truncate(path, source.end);
  }
  const mend = mendLogIndex(index, sizes, at);
  if (mend !== "") await appendTo(join(root, files.index), [Buffer.from(mend)]);
}

/** How far what is told from outside is stored. */
export async function toldOf({ root, files }: LogPlace, bytesMax: number): Promise<readonly ToldSource[]> {
  const index = await readFile(join(root, files.index), "latin1").catch(absentIs(""));
  return [...sourcesOfIndex(index).values()].flatMap(({ stream, container, end, told, beganAt }): ToldSource[] =>
    told === null ? [] : [{ stream, container, ...told, beganAt, isCut: end > bytesMax }],
  );
}

async function openSources({ root, files }: LogPlace, chunks: readonly LogSource[]): Promise<Map<string, OpenSource>> {
  const sources = new Map<string, OpenSource>();
  for (const source of chunks) {
    const name = nameOfSource(source);
    if (sources.has(name)) continue;
    const path = join(root, logFileOf(files, source));
    sources.set(name, { path, parts: [], size: await sizeOf(path) });
  }
  assert(sources.size <= 2 * LOG_CONTAINERS_MAX, "an attempt has more containers than a log has room for");
  return sources;
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(absentIs({ size: 0 }))).size;
}

async function appendTo(path: string, parts: readonly Uint8Array[]): Promise<void> {
  if (parts.every((part) => part.length === 0)) return;
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
