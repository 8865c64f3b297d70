import * as fc from "fast-check";
import { expect, test } from "vitest";
import { boundedLetters } from "./bounded-letters.ts";
import { LOOK_BYTES_MAX, type DeadNotice } from "./notices.ts";

const compare = (a: string, b: string): number => Number(a) - Number(b);
const letter = (n: number, bytes = 10): DeadNotice => ({
  letterId: String(n),
  id: `n-${n}`,
  body: "x".repeat(bytes),
  attributes: {},
  reason: "schema",
  message: "",
  attempts: 1,
  firstAt: 0,
  diedAt: 0,
  redrives: 0,
});

test("the first ones are held, in whatever order they come, and whoever goes on behind the last misses none", () => {
  const big = LOOK_BYTES_MAX / 3;
  const given = fc.uniqueArray(fc.record({ n: fc.nat(99), isBig: fc.boolean() }), { selector: ({ n }) => n, maxLength: 30 });
  fc.assert(
    fc.property(given, fc.integer({ min: 1, max: 12 }), (all, limit) => {
      const seen: string[] = [];
      let after = -1;
      for (;;) {
        const held = boundedLetters(limit, compare);
        for (const { n, isBig } of all) if (n > after) held.add(letter(n, isBig ? big : 10));
        expect(held.letters.length).toBeLessThanOrEqual(limit);
        expect(held.letters.filter(({ body }) => body.length === big).length).toBeLessThan(3);
        seen.push(...held.letters.map(({ letterId }) => letterId));
        if (!held.isCut) break;
        after = Number(held.letters.at(-1)?.letterId);
      }
      expect(seen).toEqual(all.map(({ n }) => String(n)).toSorted(compare));
    }),
    { numRuns: 25 },
  );
});

test("one that is larger than all may be is held alone", () => {
  const held = boundedLetters(5, compare);
  held.add(letter(1, LOOK_BYTES_MAX + 1));
  held.add(letter(2));
  expect([held.letters.map(({ letterId }) => letterId), held.isCut]).toEqual([["1"], true]);
});
