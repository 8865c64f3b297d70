/**
 * Takes the frames of an engine's log apart: a head of 8 bytes (stream, length), then the time, a space, and bytes as they
 * were printed (https://docs.docker.com/reference/api/engine/, "attach": stream format). Pure.
 */
import type { Stream } from "@windlass/ports";

export interface LogFrame {
  readonly stream: Stream;
  /** Milliseconds since 1970; null when the engine tells none. */
  readonly at: number | null;
  readonly bytes: Uint8Array;
}

export interface FrameReader {
  /** The frames that are whole with these bytes. Throws for what is no log of an engine. */
  push(bytes: Uint8Array): readonly LogFrame[];
}

const HEAD_BYTES = 8;
/** Engines cut lines of this length into several frames; a much longer one is no frame. */
const FRAME_BYTES_MAX = 64 * 1_048_576;
/** `2026-01-02T03:04:05.123456789+00:00` and the space. */
const TIME_BYTES_MAX = 40;
const STREAMS: Readonly<Record<number, Stream>> = { 0: "stdout", 1: "stdout", 2: "stderr" };

export function frameReader(): FrameReader {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(bytes) {
      const all = rest.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([rest, bytes]);
      const frames: LogFrame[] = [];
      let at = 0;
      while (all.length - at >= HEAD_BYTES) {
        const length = all.readUInt32BE(at + 4);
        const stream = STREAMS[all[at] ?? -1];
        if (stream === undefined || length > FRAME_BYTES_MAX) throw new Error("the engine sent something that is not a frame of a log");
        if (all.length - at - HEAD_BYTES < length) break;
        frames.push({ stream, ...timed(all.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length)) });
        at += HEAD_BYTES + length;
      }
      rest = Buffer.from(all.subarray(at));
      return frames;
    },
  };
}

function timed(payload: Buffer): Pick<LogFrame, "at" | "bytes"> {
  const space = payload.subarray(0, TIME_BYTES_MAX).indexOf(0x20);
  const at = space < 0 ? Number.NaN : Date.parse(payload.toString("latin1", 0, space));
  return Number.isNaN(at) ? { at: null, bytes: payload } : { at, bytes: payload.subarray(space + 1) };
}
