/** Puts the pieces of a log together to lines, per stream of each container and attempt, however the bytes were cut. */
import type { LogChunkJson } from "@windlass/contract";
import { logBytes } from "./log-bytes.ts";

export interface LogLine {
  /** Number of the attempt that printed it, from 1. */
  readonly attempt: number;
  readonly stream: LogChunkJson["stream"];
  /** Of a container beside the main one; left out for the main one. */
  readonly container?: string | undefined;
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
  readonly stream: LogChunkJson["stream"];
  readonly container?: string | undefined;
  text: string;
  at: string;
}

/** Also in UTF-8, this byte is nothing else. */
const LINE_FEED = 0x0a;

export function logLines(): LogLines {
  // In the order in which they were begun, and only what was begun: who begins to read in between finds the same order.
  const open = new Map<string, Open>();
  const flush = (source: string): readonly LogLine[] => {
    const state = open.get(source);
    open.delete(source);
    if (state === undefined) return [];
    const text = state.text + state.decoder.decode();
    return text === "" ? [] : [{ ...whoseLine(state), at: state.at, text }];
  };
  return {
    push(chunk) {
      const { attempt, at } = chunk;
      const source = `${chunk.container ?? ""}/${chunk.stream}`;
      const bytes = logBytes(chunk);
      if (bytes.length === 0) return [];
      const before = open.get(source)?.attempt === attempt ? [] : flush(source);
      let state = open.get(source);
      if (state === undefined)
        open.set(source, (state = { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), ...whoseLine(chunk), text: "", at }));
      const pieces = (state.text + state.decoder.decode(bytes, { stream: true })).split("\n");
      // Cut by length alone, never by where a piece happened to end: the same log has the same lines each time it is read.
      const begun = cut(pieces.pop() ?? "");
      const last = begun.pop() ?? "";
      const whole = [...pieces.flatMap((line) => cut(line.replace(/\r$/u, ""))), ...begun];
      [state.text, state.at] = [last, at];
      if (bytes.at(-1) === LINE_FEED) open.delete(source);
      return [...before, ...whole.map((text) => ({ ...whoseLine(chunk), at, text }))];
    },
    rest: () => [...open.keys()].flatMap(flush),
    get isEmpty() {
      return open.size === 0;
    },
  };
}

function whoseLine({ attempt, stream, container }: Pick<LogLine, "attempt" | "stream" | "container">) {
  return container === undefined ? { attempt, stream } : { attempt, stream, container };
}

function cut(line: string): string[] {
  const parts: string[] = [];
  let rest = line;
  for (; rest.length > LINE_LENGTH_MAX; rest = rest.slice(LINE_LENGTH_MAX)) parts.push(rest.slice(0, LINE_LENGTH_MAX));
  return [...parts, rest];
}
