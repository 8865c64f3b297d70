/**
 * Masks what matches a pattern within a line. Pure.
 *
 * L1. An expression sees one line at a time, without its line feed or CR LF: `^` and `$` are its ends, and nothing matches
 *     over lines. What comes out depends on the lines alone, never on how their bytes were cut (M1): an open line is held back.
 * L2. A line too long to be held is cut where no match stands, and each part is looked at as a line of its own. Where it is
 *     cut depends on the line alone, and is the same when only what lies before a later cut is seen (M4): a part is longer
 *     than half of what is looked through to find its end, so two parts are never taken for one.
 */
import { joined } from "./joined-bytes.ts";
import type { MaskStream } from "./mask-stream.ts";

export interface Replace {
  readonly patterns: readonly string[];
  readonly written: Uint8Array;
}

export interface LineMask {
  stream(): MaskStream;
  /** How much of the bytes before `end` is lines that have ended, and parts of one that became too long to wait for. */
  settled(data: Uint8Array, end: number): number;
}

/** A longer line is cut: memory and waiting have a limit. */
const LINE_BYTES_MAX = 16_384;
/** A match that is no longer is never cut in two. */
const MATCH_BYTES_MAX = 4_096;
const PART_BYTES_MAX = LINE_BYTES_MAX - MATCH_BYTES_MAX;
/** See L2. */
const PART_BYTES_MIN = LINE_BYTES_MAX / 2 + 1;
/** What stands so near to a match stays with it, where there is room: an expression may look back, or ahead. */
const BESIDE_BYTES = 64;
const LINE_FEED = 10;
/** What is not ASCII is read in pieces of this size: many arguments of one call are dear. */
const PIECE_BYTES = 2_048;
const ASCII_MAX = 127;
// Of ASCII, and so of nearly all that is printed, it makes the same text as a look at each byte, many times quicker.
const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** Throws SyntaxError for a pattern that is no regular expression. */
export function lineMask({ patterns, written }: Replace): LineMask {
  const expressions = patterns.map((pattern) => new RegExp(textOf(encoder.encode(pattern)), "g"));
  const mask = textOf(written);
  const replaced = (line: string): string => {
    let masked = line;
    for (const expression of expressions) masked = masked.replace(expression, (match) => (match === "" ? "" : mask));
    return masked;
  };
  const masked = (bytes: Uint8Array): Uint8Array => {
    const text = textOf(bytes);
    let out = "";
    // Up to where `text` is in `out`; what did not change is taken over in one.
    let taken = 0;
    const take = (from: number, to: number): void => {
      if (from === to) return;
      const line = text.slice(from, to);
      const shown = replaced(line);
      if (shown === line) return;
      out += text.slice(taken, from) + shown;
      taken = to;
    };
    for (let from = 0; from < text.length;) {
      const feed = text.indexOf("\n", from);
      const end = feed === -1 ? text.length : feed;
      for (; end - from > LINE_BYTES_MAX;) {
        const to = from + partLength(expressions, text.slice(from, from + LINE_BYTES_MAX));
        take(from, to);
        from = to;
      }
      take(from, feed > from && text[feed - 1] === "\r" ? feed - 1 : end);
      from = end + 1;
    }
    return taken === 0 ? bytes : bytesOf(out + text.slice(taken));
  };
  const settled = (data: Uint8Array, end: number): number => {
    let until = end === 0 ? 0 : data.lastIndexOf(LINE_FEED, end - 1) + 1;
    while (end - until > LINE_BYTES_MAX) until += partLength(expressions, textOf(data.subarray(until, until + LINE_BYTES_MAX)));
    return until;
  };
  const stream = (): MaskStream => {
    let held: Uint8Array = new Uint8Array();
    return {
      push: (bytes) => {
        const data = held.length === 0 ? bytes : joined([held, bytes]);
        const until = settled(data, data.length);
        held = data.slice(until);
        return until === 0 ? new Uint8Array() : masked(data.subarray(0, until));
      },
      end: () => {
        const rest = held;
        held = new Uint8Array();
        return rest.length === 0 ? rest : masked(rest);
      },
    };
  };
  return { stream, settled };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** How much of a line that goes on behind `seen` is looked at by itself. See L2. */
function partLength(expressions: readonly RegExp[], seen: string): number {
  const spans = expressions.flatMap((expression) => spansOf(expression, seen));
  const short = spans.filter(({ from, to }) => to - from <= MATCH_BYTES_MAX);
  return freePlace(spans, BESIDE_BYTES) ?? freePlace(short, 0) ?? PART_BYTES_MAX;
}

/** The last place for an end at which no match stands, nor nearer than this; null when there is none. */
function freePlace(spans: readonly Span[], beside: number): number | null {
  let place = PART_BYTES_MAX;
  for (let before = -1; before !== place && place >= PART_BYTES_MIN;) {
    before = place;
    for (const { from, to } of spans) if (from - beside < place && place < to + beside) place = from - beside;
  }
  return place < PART_BYTES_MIN ? null : place;
}

function spansOf(expression: RegExp, text: string): Span[] {
  const spans: Span[] = [];
  for (const { index, 0: match } of text.matchAll(expression)) {
    const to = index + match.length;
    if (match !== "" && to + BESIDE_BYTES > PART_BYTES_MIN) spans.push({ from: index, to });
  }
  return spans;
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
