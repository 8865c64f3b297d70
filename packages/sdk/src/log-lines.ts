/** Puts the pieces of a log together to lines, per stream and attempt, however the bytes were cut. */
import type { LogChunkJson } from "@windlass/contract";
import { logBytes } from "./log-bytes.ts";

export interface LogLine {
  /** Number of the attempt that printed it, from 1. */
  readonly attempt: number;
  readonly stream: LogChunkJson["stream"];
  /** When its end came, ISO 8601 in UTC. */
  readonly at: string;
  /** Without its line end. */
  readonly text: string;
}

export interface LogLines {
  /** The lines that end in this piece. */
  push(chunk: LogChunkJson): readonly LogLine[];
  /** What is left without a line end. */
  rest(): readonly LogLine[];
  /** True when everything ended with a line end: nothing is begun, not even a character. */
  readonly isEmpty: boolean;
}

/** A longer line is cut into several: memory has a limit. */
const LINE_LENGTH_MAX = 65_536;

interface Open {
  readonly decoder: InstanceType<typeof TextDecoder>;
  readonly attempt: number;
  text: string;
  at: string;
}

/** Also in UTF-8, this byte is nothing else. */
const LINE_FEED = 0x0a;

export function logLines(): LogLines {
  // In the order in which they were begun, and only what was begun: who begins to read in between finds the same order.
  const open = new Map<LogChunkJson["stream"], Open>();
  const flush = (stream: LogChunkJson["stream"]): readonly LogLine[] => {
    const state = open.get(stream);
    open.delete(stream);
    if (state === undefined) return [];
    const text = state.text + state.decoder.decode();
    return text === "" ? [] : [{ attempt: state.attempt, stream, at: state.at, text }];
  };
  return {
    push(chunk) {
      const { attempt, stream, at } = chunk;
      const bytes = logBytes(chunk);
      if (bytes.length === 0) return [];
      const before = open.get(stream)?.attempt === attempt ? [] : flush(stream);
      let state = open.get(stream);
      if (state === undefined)
        open.set(stream, (state = { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), attempt, text: "", at }));
      const pieces = (state.text + state.decoder.decode(bytes, { stream: true })).split("\n");
      // Cut by length alone, never by where a piece happened to end: the same log has the same lines each time it is read.
      const begun = cut(pieces.pop() ?? "");
      const last = begun.pop() ?? "";
      const whole = [...pieces.flatMap((line) => cut(line.replace(/\r$/u, ""))), ...begun];
      [state.text, state.at] = [last, at];
      if (bytes.at(-1) === LINE_FEED) open.delete(stream);
      return [...before, ...whole.map((text) => ({ attempt, stream, at, text }))];
    },
    rest: () => [...open.keys()].flatMap(flush),
    get isEmpty() {
      return open.size === 0;
    },
  };
}

function cut(line: string): string[] {
  const parts: string[] = [];
  let rest = line;
  for (; rest.length > LINE_LENGTH_MAX; rest = rest.slice(LINE_LENGTH_MAX)) parts.push(rest.slice(0, LINE_LENGTH_MAX));
  return [...parts, rest];
}
