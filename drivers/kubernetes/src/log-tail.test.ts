import fc from "fast-check";
import { expect, test } from "vitest";
import { LogTail } from "./log-tail.ts";

test("the last bytes are kept, whatever the pieces that they come in", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 40_000 }),
      fc.array(fc.uint8Array({ maxLength: 9_000, size: "max" }), { maxLength: 30 }),
      (bytesMax, pieces) => {
        const tail = new LogTail(bytesMax);
        for (const piece of pieces) tail.put(piece);
        const all = Buffer.concat(pieces);
        expect(tail.printed).toBe(all.length);
        expect(Buffer.from(tail.bytes()).equals(all.subarray(Math.max(0, all.length - bytesMax)))).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});
