/** Puts the pieces of a log together to lines, per stream, however the bytes were cut. */
import type { LogChunkJson } from "@windlass/contract";
import { logBytes } from "@windlass/sdk";

export interface LogLine {
  readonly at: string;
  readonly stream: LogChunkJson["stream"];
  readonly text: string;
}

export interface LogLines {
  push(chunk: LogChunkJson): readonly LogLine[];
  /** What is left without a line feed. */
  rest(): readonly LogLine[];
}

/** A longer line is cut into several: memory has a limit. */
const LINE_LENGTH_MAX = 65_536;

export function logLines(): LogLines {
  const open = new Map<LogChunkJson["stream"], { readonly decoder: InstanceType<typeof TextDecoder>; text: string; at: string }>();
  return {
    push(chunk) {
      let state = open.get(chunk.stream);
      if (state === undefined)
        open.set(chunk.stream, (state = { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), text: "", at: chunk.at }));
      const pieces = (state.text + state.decoder.decode(logBytes(chunk), { stream: true })).split("\n");
      const last = pieces.pop() ?? "";
      const whole = last.length > LINE_LENGTH_MAX ? [...pieces, last] : pieces;
      state.text = last.length > LINE_LENGTH_MAX ? "" : last;
      return whole.map((text) => ({ at: chunk.at, stream: chunk.stream, text: text.replace(/\r$/u, "") }));
    },
    rest() {
      const lines = [...open]
        .filter(([, state]) => state.text !== "")
        .map(([stream, state]) => ({ at: state.at, stream, text: state.text }));
      open.clear();
      return lines;
    },
  };
}
