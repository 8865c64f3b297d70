import { expect, test } from "vitest";
import { lineSplitter } from "./protocol.ts";

test("lines come out whole however their bytes arrive", () => {
  const text = '{"a":"ü€😀"}\n{}\n{"b":1}\n';
  for (let size = 1; size < 12; size++) {
    const lines: string[] = [];
    const split = lineSplitter((line) => lines.push(line));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) split(bytes.subarray(at, at + size));
    expect(lines).toEqual(['{"a":"ü€😀"}', "{}", '{"b":1}']);
  }
});
