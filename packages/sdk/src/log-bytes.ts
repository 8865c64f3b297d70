/** The bytes of a piece of a log, as they were printed. */
import type { LogChunkJson } from "@windlass/contract";

export function logBytes(chunk: Pick<LogChunkJson, "text" | "base64">): Uint8Array {
  if (chunk.base64 !== undefined) return Uint8Array.from(atob(chunk.base64), (letter) => letter.codePointAt(0) ?? 0);
  return new TextEncoder().encode(chunk.text ?? "");
}
