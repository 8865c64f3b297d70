/**
 * Keeps secret values out of what is stored and shown: each is replaced wherever it stands, as it is and in the forms in
 * which programs print values. Pure; works on bytes as they come.
 *
 * M1. However the bytes were cut into pieces, the result is the same: an end of a piece that may be the beginning of a
 *     secret is held back, at most as long as the longest form.
 * M2. What is not part of a secret comes out byte for byte.
 * M3. The mask has a character that no secret has, so none comes together from what stands around it.
 * M4. What `settled` counts can be masked by itself: whoever masks the bytes before it and those behind it, each for
 *     itself, gets what the whole would have become. With secrets as well as patterns, a line that is too long to be held
 *     may be cut at another place, where no match stands either.
 */
import { joined } from "./joined-bytes.ts";
import { lineMask } from "./line-mask.ts";
import type { MaskStream } from "./mask-stream.ts";
import { secretForms } from "./secret-forms.ts";

export type { MaskStream } from "./mask-stream.ts";

export interface MaskRule {
  /** Values of one job. Those with fewer than `SECRET_BYTES_MIN` bytes are left: every log would be full of masks. */
  readonly secrets: readonly string[];
  /** Regular expressions for the bytes of one line without its end; for what nobody has registered. */
  readonly patterns: readonly string[];
}

export interface Mask {
  stream(): MaskStream;
  text(text: string): string;
  /** All of these bytes, with nothing behind them. */
  bytes(bytes: Uint8Array): Uint8Array;
  /** How many of these bytes, from the first, need no knowledge of those that come behind them. See M4. */
  settled(bytes: Uint8Array): number;
}

export const NO_SECRETS: MaskRule = { secrets: [], patterns: [] };

const MASKS = ["***", "###", "~~~", "^^^", "|||"] as const;
const PAIRS = 65_536;

/** Throws SyntaxError for a pattern that is no regular expression. */
export function maskOf(rule: MaskRule): Mask {
  const forms = rule.secrets.flatMap((secret) => secretForms(secret));
  if (forms.length === 0 && rule.patterns.length === 0) return UNMASKED;
  const written = encoder.encode(MASKS.find((mask) => !forms.some((form) => form.includes(mask.charCodeAt(0)))) ?? MASKS[0]);
  const byPair = groupedByPair(forms);
  const lines = rule.patterns.length === 0 ? null : lineMask({ patterns: rule.patterns, written });
  const known: Forms = { byPair, written, lengthMax: Math.max(1, ...forms.map((form) => form.length)) };
  const stream = (): MaskStream => {
    if (lines === null) return secretMask(known);
    return forms.length === 0 ? lines.stream() : chained(secretMask(known), lines.stream());
  };
  const whole = (bytes: Uint8Array): Uint8Array => {
    const one = stream();
    return joined([one.push(bytes), one.end()]);
  };
  return {
    stream,
    text: (text) => decoder.decode(whole(encoder.encode(text))),
    bytes: whole,
    settled: (bytes) => {
      let end = openFrom(known, bytes);
      for (;;) {
        // Asked of its own answer, `lines` would hold back one part more each time: of one long line nothing would ever be settled.
        const until = lines === null ? end : lines.settled(bytes, end);
        end = beforeOverlaps(known, bytes, until);
        // What stands across it moves it back.
        if (end === until) return until;
      }
    },
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NOTHING = new Uint8Array();
const UNMASKED: Mask = {
  stream: () => ({ push: (bytes) => bytes, end: () => NOTHING }),
  text: (text) => text,
  bytes: (bytes) => bytes,
  settled: (bytes) => bytes.length,
};

interface Forms {
  /** Longest first, by their first two bytes. */
  readonly byPair: readonly (readonly Uint8Array[] | undefined)[];
  readonly written: Uint8Array;
  readonly lengthMax: number;
}

/** See M1. `masked`: up to where what is held was masked already, for the next secret may overlap it; -1 when it was not. */
function secretMask(forms: Forms): MaskStream {
  let held: Uint8Array = NOTHING;
  let masked = -1;
  const take = (data: Uint8Array, until: number): Uint8Array => {
    const out: Uint8Array[] = [];
    for (let at = 0; at < until; at++) {
      const length = formLengthAt(forms, data, at);
      if (length === 0) continue;
      if (at > masked) out.push(data.subarray(Math.max(0, masked), at), forms.written);
      masked = Math.max(masked, at + length);
    }
    if (masked < until) out.push(data.subarray(Math.max(0, masked), until));
    held = data.slice(until);
    masked = masked < until ? -1 : masked - until;
    return joined(out);
  };
  return {
    push: (bytes) => {
      const data = held.length === 0 ? bytes : joined([held, bytes]);
      return take(data, openFrom(forms, data));
    },
    end: () => take(held, held.length),
  };
}

/** Length of the longest secret that stands here; 0 for none. */
function formLengthAt({ byPair }: Forms, data: Uint8Array, at: number): number {
  const candidates = byPair[((data[at] ?? 0) << 8) | (data[at + 1] ?? 0)];
  if (candidates === undefined) return 0;
  return candidates.find((form) => at + form.length <= data.length && agrees(form, { data, at, length: form.length }))?.length ?? 0;
}

/** Where the first end of `data` begins that could be the beginning of a secret. */
function openFrom({ byPair, lengthMax }: Forms, data: Uint8Array): number {
  for (let at = Math.max(0, data.length - lengthMax + 1); at < data.length; at++) {
    const length = data.length - at;
    const candidates = length > 1 ? [byPair[((data[at] ?? 0) << 8) | (data[at + 1] ?? 0)]] : pairsOf(byPair, data[at] ?? 0);
    if (candidates.some((group) => group?.some((form) => form.length > length && agrees(form, { data, at, length })))) return at;
  }
  return data.length;
}

/** The last place at or before `until` at which no secret ends (its neighbour would share its mask) or goes on. */
function beforeOverlaps(forms: Forms, data: Uint8Array, until: number): number {
  let end = until;
  for (let at = end - 1; at >= Math.max(0, end - forms.lengthMax); at--) {
    const length = formLengthAt(forms, data, at);
    if (length > 0 && at + length >= end) end = at;
  }
  return end;
}

function pairsOf(byPair: Forms["byPair"], first: number): Forms["byPair"] {
  return byPair.slice(first << 8, (first + 1) << 8);
}

function agrees(form: Uint8Array, { data, at, length }: { readonly data: Uint8Array; readonly at: number; readonly length: number }) {
  for (let i = 0; i < length; i++) if (form[i] !== data[at + i]) return false;
  return true;
}

function groupedByPair(forms: readonly Uint8Array[]): Forms["byPair"] {
  const groups = Array.from<Uint8Array[] | undefined>({ length: PAIRS });
  for (const form of forms.toSorted((a, b) => b.length - a.length)) (groups[((form[0] ?? 0) << 8) | (form[1] ?? 0)] ??= []).push(form);
  return groups;
}

function chained(first: MaskStream, second: MaskStream): MaskStream {
  return {
    push: (bytes) => second.push(first.push(bytes)),
    end: () => joined([second.push(first.end()), second.end()]),
  };
}
