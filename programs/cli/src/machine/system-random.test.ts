import { expect, test } from "vitest";
import { systemRandom } from "./system-random.ts";

test("bytes are never given twice, whatever lengths are asked for, also when they are drawn anew", () => {
  const seen = new Set<string>();
  let drawn = 0;
  for (const length of [10, 16, 33, 4_096, 5_000, 10]) {
    for (let n = 0; n < 500; n++, drawn++) {
      const bytes = systemRandom.bytes(length);
      expect(bytes).toHaveLength(length);
      expect(bytes.some((byte) => byte !== 0)).toBe(true);
      seen.add(Buffer.from(bytes).toString("hex"));
    }
  }
  expect(seen.size).toBe(drawn);
});

test("what was given is the caller's own", () => {
  const first = systemRandom.bytes(10);
  const before = [...first];
  systemRandom.bytes(10).fill(0);
  expect([...first]).toEqual(before);
});
