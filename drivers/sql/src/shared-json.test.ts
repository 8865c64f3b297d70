import fc from "fast-check";
import { expect, test } from "vitest";
import { sharedJson } from "./shared-json.ts";

test("the same text is one value, which says what the text says", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(sharedJson(text)).toStrictEqual(JSON.parse(text));
      if (text.length <= 1_024) expect(sharedJson(text)).toBe(sharedJson(text));
    }),
  );
});

test("nobody can change it for others, at any depth", () => {
  const shared = sharedJson('{"list":[{"a":1}],"__proto__":{"b":2}}') as { list: { a: number }[] };
  expect(() => (shared.list[0] as { a: number }).a++).toThrow(TypeError);
  expect(() => shared.list.push({ a: 2 })).toThrow(TypeError);
  expect(sharedJson('{"list":[{"a":1}],"__proto__":{"b":2}}')).toBe(shared);
});

test("more texts than are kept are read all the same, and so are long ones", () => {
  for (let i = 0; i < 20_001; i++) expect(sharedJson(`{"i":${i}}`)).toEqual({ i });
  const long = JSON.stringify({ text: "x".repeat(2_000) });
  expect(sharedJson(long)).toEqual(JSON.parse(long));
  expect(sharedJson(long)).not.toBe(sharedJson(long));
});
