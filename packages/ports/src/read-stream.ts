/** What comes in pieces, as a whole or line by line. What throws in the stream comes through. */

/** Throws when there are more than `max` bytes. */
export async function allBytes(stream: AsyncIterable<Uint8Array>, max: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > max) throw new Error(`more than ${max} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** The lines of UTF-8 text, without their ends; what comes behind the last end is no line. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const part of stream) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
