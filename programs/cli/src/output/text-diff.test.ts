import fc from "fast-check";
import { expect, test } from "vitest";
import { textDiff } from "./text-diff.ts";

const shown = (before: string, after: string): string =>
  textDiff(before, after)
    .map((line) => (line === "…" ? line : `${line.sign}${line.text}`))
    .join("\n");

test("lines that went and came are shown with a few lines around, and nothing for equal texts", () => {
  expect(shown("a\nb\nc\n", "a\nb\nc\n")).toBe("");
  expect(shown("1\n2\n3\n4\n5\nold\n6\n7\n8\n9\n10", "1\n2\n3\n4\n5\nnew\n6\n7\n8\n9\n10")).toBe(
    "…\n 3\n 4\n 5\n-old\n+new\n 6\n 7\n 8\n…",
  );
  expect(shown("", "a")).toBe("+a");
});

test("without the lines that came it is the old text, without those that went the new one", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 12 }).map((lines) => lines.join("\n"));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const kept = (without: string): string[] =>
        textDiff(before, after).flatMap((line) => (line === "…" || line.sign === without ? [] : [line.text]));
      const left = (of: string): readonly string[] => (of === "" ? [] : of.replace(/\n$/u, "").split("\n"));
      // Lines far from a change are left out, so each is a part of its text, in order.
      for (const [part, whole] of [
        [kept("+"), left(before)],
        [kept("-"), left(after)],
      ] as const) {
        let at = 0;
        for (const line of whole) if (part[at] === line) at++;
        expect(at).toBe(part.length);
      }
    }),
  );
});
