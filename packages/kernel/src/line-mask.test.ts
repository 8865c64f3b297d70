import fc from "fast-check";
import { expect, test } from "vitest";
import { lineMask } from "./line-mask.ts";
import { maskOf, type Mask } from "./mask.ts";

const PATTERNS = ["^a+", "b+$", "[^x]+", "\\s", "^", "$", "\\bab\\b", "a\\nb", "(?<=a)b", "x(?!a)", "^[^b]*$"];
const patterns = fc.subarray(PATTERNS, { minLength: 1, maxLength: 3 });
const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
/** Longer than what is held of a line, so that parts of many lengths are cut off it. */
const longCuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 5 });

function inPieces(mask: Mask, bytes: Buffer, sizes: readonly number[]): string {
  const stream = mask.stream();
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    out.push(stream.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...out, stream.end()]).toString("latin1");
}

/** As one who keeps nothing between two pieces: what has not settled comes again with what follows. */
function settledInPieces(mask: Mask, bytes: Buffer, sizes: readonly number[]): string {
  const out: Uint8Array[] = [];
  let from = 0;
  for (let to = 0, i = 0; to < bytes.length; i++) {
    to = Math.min(bytes.length, to + (sizes[i % sizes.length] ?? 1));
    const settled = mask.settled(bytes.subarray(from, to));
    out.push(mask.bytes(bytes.subarray(from, from + settled)));
    from += settled;
  }
  return Buffer.concat([...out, mask.bytes(bytes.subarray(from))]).toString("latin1");
}

/** Each line by itself, as it is meant. */
function lineByLine(rules: readonly string[], text: string): string {
  const parts = text.split(/(\r?\n)/u);
  const masked = (line: string): string =>
    rules.reduce((done, rule) => done.replace(new RegExp(rule, "gu"), (match) => (match === "" ? "" : "***")), line);
  return parts.map((part, i) => (i % 2 === 0 ? masked(part) : part)).join("");
}

test("an expression sees one line without its end, however the bytes were cut", () => {
  const text = fc.string({ maxLength: 60, unit: fc.constantFrom("a", "b", "x", " ", "\n", "\r", "\r\n") });
  fc.assert(
    fc.property(patterns, text, cuts, (rules, given, sizes) => {
      const mask = maskOf({ secrets: [], patterns: rules });
      const expected = lineByLine(rules, given);
      expect(inPieces(mask, Buffer.from(given), sizes)).toBe(expected);
      expect(mask.text(given)).toBe(expected);
      expect(settledInPieces(mask, Buffer.from(given), sizes)).toBe(expected);
    }),
    { numRuns: 200 },
  );
});

test("a line that is too long to be held becomes the same, however it was cut", () => {
  const run = fc.tuple(fc.constantFrom("a", "b", "x", " ", "ab ", "\n", "b\r\n", "ü"), fc.constantFrom(1, 3, 200, 4_000, 9_000));
  fc.assert(
    fc.property(patterns, fc.array(run, { minLength: 6, maxLength: 25 }), longCuts, (rules, runs, sizes) => {
      const bytes = Buffer.from(runs.map(([unit, times]) => unit.repeat(times)).join(""));
      const mask = maskOf({ secrets: [], patterns: rules });
      const whole = inPieces(mask, bytes, [bytes.length]);
      expect(inPieces(mask, bytes, sizes)).toBe(whole);
      expect(settledInPieces(mask, bytes, sizes)).toBe(whole);
    }),
    { numRuns: 25 },
  );
});

test.each([
  ["ghp_[a-z0-9]{8}", "ghp_abcd1234", "***"],
  ["(?<=token=)\\w+", "token=hunter22", "token=***"],
  ["\\w+(?=@here)", "hunter22@here", "***@here"],
  ["k=[^,]+", `k=${"v".repeat(4_094)}`, "***"],
])("%s is masked wherever it stands in a long line", (pattern, secret, masked) => {
  const mask = maskOf({ secrets: [], patterns: [pattern] });
  const places = [8_192, 12_288, 16_384, 20_480, 24_576].flatMap((place) => [-70, -64, -12, -6, -5, -1, 0, 1, 5].map((by) => place + by));
  for (const place of places) {
    for (const fill of [",", ", "]) {
      const [before, after] = [fill.repeat(20_000).slice(0, place), fill.repeat(10_000)];
      const bytes = Buffer.from(before + secret + after);
      for (const size of [place + 4, 4_096])
        expect(inPieces(mask, bytes, [size]) === before + masked + after, `${place} ${size}`).toBe(true);
    }
  }
});

test("of a match that is longer than what is kept whole the rest is looked at by itself, and what it does not hide is kept", () => {
  const mask = maskOf({ secrets: [], patterns: ["k=v+"] });
  expect(inPieces(mask, Buffer.from(`k=${"v".repeat(20_000)},`), [1_000])).toBe(`***${"v".repeat(20_002 - 12_288)},`);
  // Of two at one place the shorter is whole.
  const two = maskOf({ secrets: [], patterns: ["\\[.*", "ghp_\\w{8}"] });
  const line = `[${"-".repeat(12_280)}ghp_abcd1234,${"-".repeat(9_000)}`;
  expect(inPieces(two, Buffer.from(line), [1_000])).toBe(`******,${"-".repeat(9_000)}`);
});

test("matches that stand close to each other leave no room for what is beside them, and are whole", () => {
  const mask = maskOf({ secrets: [], patterns: ["ghp_\\w{8}"] });
  expect(inPieces(mask, Buffer.from("ghp_abcd1234,".repeat(5_000)), [4_096])).toBe("***,".repeat(5_000));
});

test("no part is so short that two would be taken for one by who sees no more than them", () => {
  const mask = maskOf({ secrets: [], patterns: ["k=[^,]+", "^,"] });
  const bytes = Buffer.from(`${",".repeat(3_000)}k=${"v".repeat(20_000)}${",".repeat(20_000)}`);
  expect(inPieces(mask, bytes, [20_000])).toBe(inPieces(mask, bytes, [bytes.length]));
  expect(settledInPieces(mask, bytes, [20_000])).toBe(inPieces(mask, bytes, [bytes.length]));
});

test("of a line that never ends nearly all has settled, so that whoever keeps nothing gets on with it", () => {
  const mask = maskOf({ secrets: ["hunter22hunter22"], patterns: ["\\w+"] });
  const line = Buffer.from(`${"some words that match ".repeat(5_000)}hunter22hunter22`);
  expect(mask.settled(line)).toBeGreaterThan(line.length - 17_000);
});

test.each([0, 1, 2, 3])("letters that are not ASCII stay as they are, wherever they lie in memory (%d)", (from) => {
  const mask = maskOf({ secrets: [], patterns: ["b+"] });
  for (let at = 0; at < 12; at++) {
    const line = `${"a".repeat(at)}ü${"a".repeat(11 - at)}b`;
    const bytes = Buffer.concat([Buffer.alloc(from), Buffer.from(line)]).subarray(from);
    expect(Buffer.from(mask.bytes(bytes)).toString()).toBe(line.replace("b", "***"));
  }
});

test.each(["$&", "$$", "$`", "$1"])("%s stands in for a match as it is written", (written) => {
  for (const pattern of ["(b+)", "b*"]) {
    const stream = lineMask({ patterns: [pattern], written: Buffer.from(written) }).stream();
    const shown = [stream.push(Buffer.from("abbc\n")), stream.end()];
    expect(Buffer.concat(shown).toString()).toBe(`a${written}c\n`);
  }
});
