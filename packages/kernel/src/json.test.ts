import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, canonicalJsonOf, isJson, isJsonObject, type Json } from "./json.ts";

const json = fc.jsonValue() as fc.Arbitrary<Json>;

describe("canonical JSON", () => {
  test("is the same whatever the order of the keys", () => {
    fc.assert(
      fc.property(json, fc.infiniteStream(fc.nat()), (value, choices) => {
        expect(canonicalJson(shuffled(value, choices))).toBe(canonicalJson(value));
      }),
    );
  });

  test("is JSON of the same value, and differs for different values", () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
        if (canonicalJson(a) === canonicalJson(b)) expect(JSON.parse(JSON.stringify(a))).toEqual(JSON.parse(JSON.stringify(b)));
      }),
    );
  });

  test("has one text that never changes, because hashes depend on it", () => {
    expect(canonicalJson({ b: [1, { d: null, c: "ü" }], a: true })).toBe('{"a":true,"b":[1,{"c":"ü","d":null}]}');
  });
});

describe("canonical JSON of what is no JSON yet", () => {
  const viaText = (value: unknown): string | undefined => {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? undefined : canonicalJson(JSON.parse(text) as Json);
  };

  test("is that of what JSON makes of it", () => {
    const anything = fc.anything({ withBoxedValues: true, withDate: true, withNullPrototype: true, withMap: true, withSparseArray: true });
    fc.assert(
      fc.property(anything, (value) => {
        expect(canonicalJsonOf(value)).toBe(viaText(value));
      }),
    );
  });

  test("also of texts and keys that need escapes, and whatever the number and the order of the keys", () => {
    const texts = ["", "a b", "a\n", "\n", '"', "a\\b", "ü", "\u2028", "\ud800", "10", "9", "B", "a", "A"];
    const few = Object.fromEntries(texts.map((text, i) => [text, texts.at(-i)]));
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`k${(i * 7) % 50}`, i]));
    for (const value of [few, many, { few, many }, texts]) {
      expect(canonicalJsonOf(value)).toBe(viaText(value));
      expect(JSON.parse(canonicalJsonOf(value) ?? "")).toEqual(value);
    }
  });

  test("also when what came before had as many keys, others or in another order", () => {
    const alike = [
      { b: 1, a: 2 },
      { b: 3, a: 4 },
      { a: 5, b: 6 },
      { a: 7, c: 8 },
      { c: 9, a: 10 },
      { "\n": 1, c: { b: 1, a: 2 } },
      {},
      { a: 1 },
    ];
    for (const value of [...alike, ...alike]) expect(canonicalJsonOf(value)).toBe(viaText(value));
  });

  test("also of what tells by itself what it is in JSON, and of what is nothing there", () => {
    class Point {
      readonly y = 2;
      readonly x = 1;
    }
    const own = { toJSON: () => ({ b: 1, a: [undefined] }) };
    const nothing = { toJSON: () => undefined };
    for (const value of [
      new Point(),
      own,
      nothing,
      { own, nothing, list: [nothing] },
      () => 1,
      { f: () => 1 },
      new Map([[1, 2]]),
      Object("text"),
    ])
      expect(canonicalJsonOf(value)).toBe(viaText(value));
  });
});

describe("what counts as JSON", () => {
  test("everything that JSON carries", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(isJson(value)).toBe(true);
      }),
    );
  });

  test("nothing that it does not carry, however deep it lies", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = { again: cycle };
    for (const value of [
      undefined,
      Number.NaN,
      Infinity,
      1n,
      Symbol("x"),
      () => 1,
      new Map(),
      new Set(),
      new URL("http://localhost"),
      cycle,
    ]) {
      expect(isJson(value)).toBe(false);
      if (value !== undefined) expect(isJson({ list: [{ value }] })).toBe(false);
      expect(isJson([value])).toBe(false);
    }
  });

  test("the same object twice is no cycle", () => {
    const shared = { a: 1 };
    expect(isJson({ x: shared, y: [shared, shared] })).toBe(true);
  });

  test("an object is neither a list nor null", () => {
    expect([{}, [], null, "x"].map(isJsonObject)).toEqual([true, false, false, false]);
  });
});

function shuffled(value: Json, choices: Iterator<number>): Json {
  if (Array.isArray(value)) return value.map((item: Json) => shuffled(item, choices));
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value)
    .map((key) => ({ key, at: Number(choices.next().value) }))
    .toSorted((a, b) => a.at - b.at);
  return Object.fromEntries(keys.map(({ key }) => [key, shuffled(value[key] ?? null, choices)]));
}
