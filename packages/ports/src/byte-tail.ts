/** Keeps the last bytes of a stream without keeping the stream. */
export interface ByteTail {
  push(bytes: Uint8Array): void;
  /** At most `bytesMax` bytes. */
  read(): Buffer;
  /** True when there were more bytes than were kept. */
  readonly wasCut: boolean;
}

export function byteTail(bytesMax: number): ByteTail {
  let parts: Uint8Array[] = [];
  let size = 0;
  let wasCut = false;
  const compact = (): Buffer => {
    const all = Buffer.concat(parts);
    const kept = Buffer.from(all.subarray(Math.max(0, all.length - bytesMax)));
    wasCut ||= kept.length < all.length;
    parts = [kept];
    size = kept.length;
    return kept;
  };
  return {
    push: (bytes) => {
      // A copy: what comes from a socket belongs to a larger block that would stay in memory.
      parts.push(Uint8Array.prototype.slice.call(bytes, Math.max(0, bytes.length - bytesMax)));
      wasCut ||= bytes.length > bytesMax;
      size += Math.min(bytes.length, bytesMax);
      if (size > 2 * bytesMax || parts.length > 1000) compact();
    },
    read: compact,
    get wasCut() {
      return wasCut;
    },
  };
}

/** The last whole lines as text that is valid whatever the bytes were: at most so many lines and characters. */
export function lastLines(bytes: Uint8Array, linesMax: number, bytesMaxOfText: number): string {
  let start = Math.max(0, bytes.length - bytesMaxOfText);
  // Not in the middle of a character: UTF-8 continuation bytes are 10xxxxxx.
  while (start > 0 && start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  const lines = new TextDecoder().decode(bytes.subarray(start)).replaceAll("\0", "\uFFFD").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.slice(-linesMax).join("\n");
}
