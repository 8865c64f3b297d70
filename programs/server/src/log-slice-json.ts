/** A piece of a log between two servers. */
import type { LogRange, LogSlice, Stream } from "@windlass/ports";

export interface LogSliceJson {
  readonly chunks: readonly { readonly stream: Stream; readonly container?: string; readonly at: number; readonly base64: string }[];
  readonly position: string;
  readonly more: boolean;
}

/** The most that one answer holds. */
const SLICE_BYTES_MAX = 4_194_304;

export function jsonOfSlice({ chunks, position, more }: LogSlice): LogSliceJson {
  return {
    chunks: chunks.map(({ stream, container, at, data }) => ({
      stream,
      ...(container === undefined ? {} : { container }),
      at,
      base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64"),
    })),
    position,
    more,
  };
}

export function sliceOfJson({ chunks, position, more }: LogSliceJson): LogSlice {
  return { chunks: chunks.map(({ base64, ...chunk }) => ({ ...chunk, data: Buffer.from(base64, "base64") })), position, more };
}

/** What another server asks for. It is one of ours, but it may be of another version: what is not understood is left out. */
export function rangeOfText(text: string): LogRange {
  const given = JSON.parse(text) as Record<string, unknown>;
  const number = (name: "since" | "tailLines" | "tailBytes") => (typeof given[name] === "number" ? { [name]: given[name] } : {});
  return {
    ...(given["stream"] === "stdout" || given["stream"] === "stderr" ? { stream: given["stream"] } : {}),
    ...(typeof given["container"] === "string" ? { container: given["container"] } : {}),
    ...(typeof given["after"] === "string" ? { after: given["after"] } : {}),
    ...number("since"),
    ...number("tailLines"),
    ...number("tailBytes"),
    bytesMax: Math.min(SLICE_BYTES_MAX, Math.max(1, Number(given["bytesMax"]) || 1)),
  };
}
