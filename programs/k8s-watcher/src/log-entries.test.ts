import fc from "fast-check";
import { expect, test } from "vitest";
import { LogEntries } from "./log-entries.ts";

const TIME = "2026-01-31T12:00:00.123456789Z";
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (parts: readonly Uint8Array[]): string => parts.map((part) => new TextDecoder("latin1").decode(part)).join("");

function taken(
  text: string,
  cuts: readonly number[] = [],
): { readonly text: string; readonly starts: number; readonly times: readonly string[] } {
  const whole = bytesOf(text);
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)).toSorted((a, b) => a - b), whole.length];
  const entries = new LogEntries();
  const found = places.slice(1).flatMap((end, index) => entries.take(whole.subarray(places[index], end)));
  return {
    text: textOf(found.map(({ bytes }) => bytes)),
    starts: found.filter(({ isStart }) => isStart).length,
    times: found.map(({ time }) => time),
  };
}

test("lines come without their times, with their ends", () => {
  expect(taken(`${TIME} one\n${TIME} \n${TIME} two`)).toEqual({ text: "one\n\ntwo", starts: 3, times: [TIME, TIME, TIME] });
});

test("what the cluster itself says in between is left out", () => {
  expect(taken(`${TIME} one\nunable to retrieve container logs\n${TIME} two\n`).text).toBe("one\ntwo\n");
  expect(taken("rpc error: code = NotFound").text).toBe("");
});

test("words of the cluster are known apart, until a line of the container follows them", () => {
  const wordsOf = (...chunks: readonly string[]): string | null => {
    const entries = new LogEntries();
    for (const chunk of chunks) entries.take(bytesOf(chunk));
    return entries.words;
  };
  expect(wordsOf(`${TIME} one\n`)).toBe(null);
  expect(wordsOf(`${TIME} one\nunable to ret`, "rieve", " container logs")).toBe("unable to retrieve container logs");
  expect(wordsOf("EO", "F")).toBe("EOF");
  expect(wordsOf("a word\nanother\n")).toBe("a word\nanother");
  expect(wordsOf("a word\n", TIME.slice(0, 7), `${TIME.slice(7)} one\n`)).toBe(null);
  expect(wordsOf("word ".repeat(1_000))).toBe("word ".repeat(200).trim());
});

test("wherever the stream is cut, the bytes are the same", () => {
  const line = fc.string({ maxLength: 60 }).map((text) => text.replaceAll("\n", " "));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, cuts) => {
      const sent = lines.map((text) => `${TIME} ${text}\n`).join("");
      expect(taken(sent, cuts).text).toBe(textOf([bytesOf(lines.map((text) => `${text}\n`).join(""))]));
      expect(taken(sent, cuts).starts).toBe(lines.length);
    }),
  );
});
