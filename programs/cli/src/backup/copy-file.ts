/** Copies and reads files with their checksum on the way. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

const BLOCK_BYTES = 1_048_576;

export interface CopiedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** As much as the file has now, though it may grow meanwhile. Null when it is gone. `to`: null only reads. */
export async function copyFile(from: string, to: string | null, signal?: AbortSignal): Promise<CopiedFile | null> {
  const source = await openIfThere(from);
  if (source === null) return null;
  let target: FileHandle | null = null;
  try {
    if (to !== null) {
      mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
      target = await open(to, "wx", 0o600);
    }
    return await pump({ source, target, signal });
  } finally {
    await source.close();
    await target?.close();
  }
}

async function pump({
  source,
  target,
  signal,
}: {
  source: FileHandle;
  target: FileHandle | null;
  signal: AbortSignal | undefined;
}): Promise<CopiedFile> {
  const { size } = await source.stat();
  const hash = createHash("sha256");
  const block = Buffer.allocUnsafe(Math.max(1, Math.min(BLOCK_BYTES, size)));
  let bytes = 0;
  while (bytes < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await source.read(block, 0, Math.min(block.length, size - bytes), bytes);
    if (bytesRead === 0) break;
    const read = block.subarray(0, bytesRead);
    hash.update(read);
    await target?.writeFile(read);
    bytes += bytesRead;
  }
  return { bytes, sha256: hash.digest("hex") };
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
