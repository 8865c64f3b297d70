import { expect, test } from "vitest";
import { newKey } from "./pause.ts";

test("keys are legal, come in order, and have nothing in common by which the next one could be foreseen", () => {
  const keys = Array.from({ length: 500 }, newKey);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{16}$/u);
  expect(keys.toSorted()).toEqual(keys);
  for (const half of [18, 26]) expect(new Set(keys.map((key) => key.slice(half, half + 8))).size).toBe(keys.length);
});
