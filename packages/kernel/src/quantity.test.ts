import fc from "fast-check";
import { expect, test } from "vitest";
import { formatBytes, parseBytes } from "./quantity.ts";

test.each([
  ["64Mi", 67_108_864],
  ["1G", 1_000_000_000],
  ["1.5Gi", 1_610_612_736],
  [" 512 ", 512],
  [1_048_576, 1_048_576],
  ["1 Ki", 1_024],
])("%j is %d bytes", (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(["", "0", "Mi", "64mi", "-1Mi", "1Pi", "64 M i", 0, -5, Number.NaN])("%j is no amount of memory", (text) => {
  expect(parseBytes(text)).toBeUndefined();
});

test("what is shown is at most a twentieth of its unit beside what was meant", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (bytes) => {
      const read = parseBytes(formatBytes(bytes)) ?? Number.NaN;
      expect(Math.abs(read - bytes) / bytes).toBeLessThanOrEqual(0.05);
    }),
  );
});
