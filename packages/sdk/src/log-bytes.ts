/** The bytes of a piece of a log, as they were printed. */
import type { LogChunkJson } from "@windlass/contract";

export function logBytes({ text, base64 }: Pick<LogChunkJson, "text" | "base64">): Uint8Array {
  if (base64 === undefined) return encoder.encode(text ?? "");
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

const encoder = new TextEncoder();
