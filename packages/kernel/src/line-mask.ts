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
const WORD_BYTES = 4;
/** Of each byte of a word, the bit that no letter of ASCII has. */
const NOT_ASCII = 0x80_80_80_80;
// Of ASCII, and so of nearly all that is printed, it makes the same text as a look at each byte, many times quicker.
const decoder = new TextDecoder("latin1");
const encoder = new TextEncoder();

/** Throws SyntaxError for a pattern that is no regular expression. */
export function lineMask({ patterns, written }: Replace): LineMask {
  const expressions = patterns.map((pattern) => new RegExp(textOf(encoder.encode(pattern)), "g"));
  const mask = textOf(written);
  // What stands in for a match may have a meaning of its own there: `$&` would be the match.
  const literal = mask.replaceAll("$", "$$$$");
  const replaced = (line: string): string => {
    let masked = line;
    for (const expression of expressions) {
      const matches = masked.match(expression);
      if (matches === null) continue;
      // A text is put in several times quicker than what a function says of each match.
      masked = matches.includes("")
        ? masked.replace(expression, (match) => (match === "" ? "" : mask))
        : masked.replace(expression, literal);
    }
    return masked;
  };
  /** `cuts`: how long the parts are, where they are known already, of a last line that has not ended. */
  const masked = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array => {
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
      for (let part = 0; end - from > LINE_BYTES_MAX; part++) {
        const known = feed === -1 ? cuts[part] : undefined;
        const to = from + (known ?? partLength(expressions, text.slice(from, from + LINE_BYTES_MAX)));
        take(from, to);
        from = to;
      }
      take(from, feed > from && text[feed - 1] === "\r" ? feed - 1 : end);
      from = end + 1;
    }
    return taken === 0 ? bytes : bytesOf(out + text.slice(taken));
  };
  const settled = (data: Uint8Array, end: number): Settled => {
    let until = end === 0 ? 0 : data.lastIndexOf(LINE_FEED, end - 1) + 1;
    const cuts: number[] = [];
    while (end - until > LINE_BYTES_MAX) {
      const length = partLength(expressions, textOf(data.subarray(until, until + LINE_BYTES_MAX)));
      cuts.push(length);
      until += length;
    }
    return { until, cuts };
  };
  const stream = (): MaskStream => {
    let held: Uint8Array = new Uint8Array();
    return {
      push: (bytes) => {
        const data = held.length === 0 ? bytes : joined([held, bytes]);
        const { until, cuts } = settled(data, data.length);
        held = data.slice(until);
        return until === 0 ? new Uint8Array() : masked(data.subarray(0, until), cuts);
      },
      end: () => {
        const rest = held;
        held = new Uint8Array();
        return rest.length === 0 ? rest : masked(rest, []);
      },
    };
  };
  return { stream, settled: (data, end) => settled(data, end).until };
}

interface Settled {
  readonly until: number;
  /** How long the parts are of the line that has not ended. */
  readonly cuts: readonly number[];
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** How much of a line that goes on behind `seen` is looked at by itself. See L2. */
function partLength(expressions: readonly RegExp[], seen: string): number {
  const spans = expressions.flatMap((expression) => spansOf(expression, seen)).toSorted((a, b) => b.to - a.to);
  const free = freePlace(spans, BESIDE_BYTES);
  if (free !== null) return free;
  const short = spans.filter(({ from, to }) => to - from <= MATCH_BYTES_MAX);
  return freePlace(short, 0) ?? PART_BYTES_MAX;
}

/**
 * The last place for an end at which no match stands, nor nearer than this; null when there is none. `spans`: the last end first, so
 * that none that was passed stands at a place before it.
 */
function freePlace(spans: readonly Span[], beside: number): number | null {
  let place = PART_BYTES_MAX;
  for (const { from, to } of spans) {
    if (to + beside <= place) break;
    if (from - beside < place) place = from - beside;
  }
  return place < PART_BYTES_MIN ? null : place;
}

/** Of what may stand at a place for an end. Their texts and their ends, each asked for alone, are told in half the time of `matchAll`. */
function spansOf(expression: RegExp, text: string): Span[] {
  const spans: Span[] = [];
  for (const { length } of text.match(expression) ?? []) {
    expression.test(text);
    const to = expression.lastIndex;
    if (length === 0) expression.lastIndex++;
    else if (to + BESIDE_BYTES > PART_BYTES_MIN) spans.push({ from: to - length, to });
  }
  expression.lastIndex = 0;
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
  let at = 0;
  while (at < bytes.length && (bytes.byteOffset + at) % WORD_BYTES !== 0) every |= bytes[at++] ?? 0;
  const words = Math.floor((bytes.length - at) / WORD_BYTES);
  if (words > 0) every |= joinedBits(new Uint32Array(bytes.buffer, bytes.byteOffset + at, words));
  for (at += words * WORD_BYTES; at < bytes.length; at++) every |= bytes[at] ?? 0;
  return (every & NOT_ASCII) === 0;
}

/** Four bytes at once are looked at in a third of the time. */
function joinedBits(words: Uint32Array): number {
  let every = 0;
  for (let i = 0; i < words.length; i++) every |= words[i] ?? 0;
  return every;
}
