import fc from "fast-check";
import { expect, test } from "vitest";
import { frameReader } from "./log-frames.ts";

const frameOf = (stream: number, text: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(text.length, 4);
  return Buffer.concat([head, text]);
};

test("however the bytes are cut, frames come out whole, with their time and every byte", () => {
  const printed = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 50 })), { maxLength: 10 });
  fc.assert(
    fc.property(printed, fc.integer({ min: 1, max: 30 }), (pieces, size) => {
      const time = "2026-01-02T03:04:05.678901234Z ";
      const all = Buffer.concat(pieces.map(([stream, bytes]) => frameOf(stream, Buffer.concat([Buffer.from(time), bytes]))));
      const reader = frameReader();
      const frames = [];
      for (let at = 0; at < all.length; at += size) frames.push(...reader.push(all.subarray(at, at + size)));
      expect(frames.map(({ stream, at, bytes }) => [stream, at, [...bytes]])).toEqual(
        pieces.map(([stream, bytes]) => [stream === 1 ? "stdout" : "stderr", Date.parse("2026-01-02T03:04:05.678Z"), [...bytes]]),
      );
    }),
  );
});

test("a frame without a time is taken as it is, and what is no frame is refused", () => {
  expect(frameReader().push(frameOf(1, Buffer.from("no time")))).toEqual([{ stream: "stdout", at: null, bytes: Buffer.from("no time") }]);
  expect(() => frameReader().push(Buffer.from("HTTP/1.1 200"))).toThrow("not a frame");
});
