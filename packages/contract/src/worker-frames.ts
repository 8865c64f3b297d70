/**
 * Frames of a worker's connection as text, for both ends: written with numbers, none much longer than a frame should be, and
 * read only in order (P1 of worker-messages.ts). Loads no schema.
 */
/** Both ends begin another frame when one has become longer than this: a slow line is not blocked for long by one frame. */
const WORKER_FRAME_LENGTH = 1_048_576;

/** What is no number is not told back in full. */
const SHOWN_LENGTH_MAX = 60;

/** Sends messages that are JSON already, in as few frames as their length allows. */
export function frameWriter(send: (text: string) => void): (messages: readonly string[]) => void {
  let seq = 0;
  return (messages) => {
    for (const group of inGroups(messages)) send(`{"seq":${++seq},"messages":[${group.join(",")}]}`);
  };
}

/** Messages with a list of things that are JSON already: one, or several when one would be too long. */
export function listMessages({ type, field }: { readonly type: string; readonly field: string }, items: readonly string[]): string[] {
  return inGroups(items).map((group) => `{"type":"${type}","${field}":[${group.join(",")}]}`);
}

/** Reads frames in order. Throws for what is no frame, or not the next one. */
export function frameReader(): (text: string) => readonly unknown[] {
  let last = 0;
  return (text) => {
    const frame = JSON.parse(text) as { readonly seq?: unknown; readonly messages?: unknown } | null;
    if (typeof frame !== "object" || frame === null || !Array.isArray(frame.messages))
      throw new Error("a frame must be an object with seq and messages");
    if (frame.seq !== last + 1)
      throw new Error(
        `a frame has the number ${JSON.stringify(frame.seq ?? null).slice(0, SHOWN_LENGTH_MAX)}; the next one must be ${last + 1}: one was lost, doubled or out of order`,
      );
    last++;
    return frame.messages;
  };
}

function inGroups(texts: readonly string[]): string[][] {
  const groups: string[][] = [];
  let length = Infinity;
  for (const text of texts) {
    if (length + text.length > WORKER_FRAME_LENGTH) {
      groups.push([]);
      length = 0;
    }
    groups.at(-1)?.push(text);
    length += text.length;
  }
  return groups;
}
