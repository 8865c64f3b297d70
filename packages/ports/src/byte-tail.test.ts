import fc from "fast-check";
import { expect, test } from "vitest";
import { byteTail, lastLines } from "./byte-tail.ts";

test("the tail is the end of what was pushed, however it came", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), fc.integer({ min: 0, max: 20 }), (pieces, bytesMax) => {
      const tail = byteTail(bytesMax);
      for (const piece of pieces) tail.push(piece);
      const all = Buffer.concat(pieces);
      expect(tail.read()).toEqual(all.subarray(Math.max(0, all.length - bytesMax)));
      expect(tail.wasCut).toBe(all.length > bytesMax);
    }),
  );
});

test("the last lines are valid text within their limits, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (bytes, linesMax) => {
      const text = lastLines(bytes, linesMax, 50);
      expect(text.split("\n").length).toBeLessThanOrEqual(linesMax);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toContain("\0");
    }),
  );
  expect(lastLines(Buffer.from("äöü\nß\n"), 9, 6)).toBe("ü\nß");
});
