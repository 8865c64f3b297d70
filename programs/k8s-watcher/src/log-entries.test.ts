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
