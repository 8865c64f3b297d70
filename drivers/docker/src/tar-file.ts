/** Just enough of tar (POSIX ustar) to lay an empty file into a container and to take one out of it. Pure. */

const BLOCK = 512;
const REGULAR = ["0", "\0"];

export interface TarEntry {
  readonly path: string;
  readonly type: "file" | "folder";
  readonly mode: number;
}

/** An archive of empty files and folders. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.map(({ path, type, mode }) => {
    const head = Buffer.alloc(BLOCK);
    head.write(path, 0, 100, "latin1");
    for (const [value, at, length] of [
      [mode, 100, 8],
      [0, 108, 8],
      [0, 116, 8],
      [0, 124, 12],
      [0, 136, 12],
    ] as const)
      head.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, length, "latin1");
    head.write(type === "file" ? "0" : "5", 156, 1, "latin1");
    head.write("ustar\x0000", 257, 8, "latin1");
    head.write(`${sumOf(head).toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
    return head;
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

export type FirstFile = { readonly bytes: Buffer } | "not a file" | "too large" | "incomplete";

/** The first entry of an archive, unless it says that it is larger than so many bytes. */
export function firstFileOf(tar: Buffer, bytesMax: number): FirstFile {
  for (let at = 0; tar.length - at >= BLOCK;) {
    const head = tar.subarray(at, at + BLOCK);
    const type = String.fromCharCode(head[156] ?? 0);
    const size = Number.parseInt(head.toString("latin1", 124, 136).replaceAll("\0", " ").trim() || "0", 8);
    if (!Number.isSafeInteger(size) || size < 0) return "not a file";
    // What says more of the next entry (PAX and GNU).
    if (["x", "g", "L", "K"].includes(type)) at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    else {
      if (!REGULAR.includes(type)) return "not a file";
      if (size > bytesMax) return "too large";
      const bytes = tar.subarray(at + BLOCK, at + BLOCK + size);
      return bytes.length < size ? "incomplete" : { bytes };
    }
  }
  return "incomplete";
}

/** The check sum is made with spaces in its own place. */
function sumOf(head: Buffer): number {
  let sum = 0;
  for (const [index, byte] of head.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}
