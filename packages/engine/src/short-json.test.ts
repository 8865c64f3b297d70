import fc from "fast-check";
import { expect, test } from "vitest";
import { isShort } from "./short-json.ts";

test("what is short has a text of at most ten thousand characters", () => {
  const grown = fc
    .tuple(fc.jsonValue(), fc.integer({ min: 1, max: 400 }))
    .map(([value, times]) => Array.from({ length: times }, () => value));
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), grown), (value) => {
      if (isShort(value)) expect(JSON.stringify(value).length).toBeLessThanOrEqual(10_000);
    }),
  );
});

test.each<[string, unknown, boolean]>([
  ["a usual payload", { to: "somebody", subject: "a payload of a usual size", tags: ["a", 1, null, true] }, true],
  ["nothing", null, true],
  ["a long text", "x".repeat(10_001), false],
  ["a text that is escaped", "\u0000".repeat(1_700), false],
  ["a long key", { ["k".repeat(10_001)]: 1 }, false],
  ["many small things", Array.from({ length: 6_000 }, () => 1), false],
  ["what makes its own text", { toJSON: () => "x".repeat(10_001) }, false],
  ["what has no text", 1n, false],
])("%s", (_, value, expected) => {
  expect(isShort(value)).toBe(expected);
});

test("what holds itself is left to who makes a text of it", () => {
  const self: Record<string, unknown> = {};
  self["self"] = self;
  expect(isShort(self)).toBe(false);
});
