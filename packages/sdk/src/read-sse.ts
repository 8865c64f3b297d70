/** Reads server-sent events from bytes as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface SseMessage {
  /** The last id seen; it outlives messages without one. */
  readonly id: string;
  /** Empty where nothing was said but a new id. */
  readonly event: string;
  readonly data: string;
}

/** A line longer than this is not from a server of ours. */
const LINE_LENGTH_MAX = 16_777_216;

export async function* readSse(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<SseMessage> {
  let [id, told, event, data] = ["", "", "", [] as string[]];
  for await (const line of linesOf(bytes)) {
    if (line === "") {
      if (data.length > 0) yield { id, event: event === "" ? "message" : event, data: data.join("\n") };
      else if (id !== told) yield { id, event: "", data: "" };
      [told, event, data] = [id, "", []];
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  }
}

/** What has no line end yet is kept in pieces and looked through once: a long line costs no more than many short ones. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let open: string[] = [];
  let length = 0;
  // A carriage return at the very end may be half of a line end: it waits for what follows.
  let carried = "";
  for await (const piece of bytes) {
    const text = carried + decoder.decode(piece, { stream: true });
    carried = text.endsWith("\r") ? "\r" : "";
    const [first = "", ...others] = text.slice(0, text.length - carried.length).split(/\r\n|\n|\r/u);
    open.push(first);
    length += first.length;
    if (length > LINE_LENGTH_MAX) throw new Error("a line of the stream is too long");
    if (others.length === 0) continue;
    yield open.join("");
    const last = others.pop() ?? "";
    yield* others;
    open = [last];
    length = last.length;
  }
}
