/** Masks what matches a pattern within a line. An open line is held back until it ends, or has become too long to wait for. Pure. */
import { joined } from "./joined-bytes.ts";
import type { MaskStream } from "./mask-stream.ts";

export interface Replace {
  readonly patterns: readonly string[];
  readonly written: Uint8Array;
}

/** What is longer is looked through in pieces of this size: memory and waiting have a limit. */
const LINE_BYTES_MAX = 16_384;
const LINE_FEED = 10;
/** What is not ASCII is read in pieces of this size: many arguments of one call are dear. */
const PIECE_BYTES = 2_048;
const ASCII_MAX = 127;
// Of ASCII, and so of nearly all that is printed, it makes the same text as a look at each byte, many times quicker.
const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** Throws SyntaxError for a pattern that is no regular expression. */
export function lineMask({ patterns, written }: Replace): MaskStream {
  const expressions = patterns.map((pattern) => new RegExp(textOf(encoder.encode(pattern)), "g"));
  const mask = textOf(written);
  let held: Uint8Array = new Uint8Array();
  const replaced = (bytes: Uint8Array): Uint8Array => {
    const text = textOf(bytes);
    let masked = text;
    for (const expression of expressions) masked = masked.replace(expression, (match) => (match === "" ? "" : mask));
    return masked === text ? bytes : bytesOf(masked);
  };
  return {
    push: (bytes) => {
      const data = held.length === 0 ? bytes : joined([held, bytes]);
      const until = settledLines(data, data.length);
      held = data.slice(until);
      return until === 0 ? new Uint8Array() : replaced(data.subarray(0, until));
    },
    end: () => {
      const rest = held;
      held = new Uint8Array();
      return rest.length === 0 ? rest : replaced(rest);
    },
  };
}

/** How much of the bytes before `end` is lines that have ended, or have become too long to wait for. */
export function settledLines(data: Uint8Array, end: number): number {
  const whole = end === 0 ? 0 : data.lastIndexOf(LINE_FEED, end - 1) + 1;
  return end - whole > LINE_BYTES_MAX ? end : whole;
}

/** One character for each byte, so that nothing is changed that does not match. */
function textOf(bytes: Uint8Array): string {
  if (isAscii(bytes)) return decoder.decode(bytes);
  let text = "";
  for (let first = 0; first < bytes.length; first += PIECE_BYTES) {
    const piece = bytes.subarray(first, first + PIECE_BYTES);
    text += isAscii(piece) ? decoder.decode(piece) : Reflect.apply(String.fromCharCode, null, piece);
  }
  return text;
}

function bytesOf(text: string): Uint8Array {
  const encoded = encoder.encode(text);
  // As many bytes as characters: each is one of ASCII.
  if (encoded.length === text.length) return encoded;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function isAscii(bytes: Uint8Array): boolean {
  let every = 0;
  for (let i = 0; i < bytes.length; i++) every |= bytes[i] ?? 0;
  return every <= ASCII_MAX;
}
