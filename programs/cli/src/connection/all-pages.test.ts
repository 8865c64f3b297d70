import { expect, test } from "vitest";
import { allPages } from "./all-pages.ts";

test("the first page is asked for as servers know it whose lists have no pages", async () => {
  const asked: object[] = [];
  const list = async (input: object) => {
    asked.push(input);
    return { items: ["a"], nextCursor: null };
  };
  expect(await allPages(list)).toEqual({ items: ["a"] });
  expect(asked).toEqual([{}]);
});

test("pages are asked for to the last one, in their order", async () => {
  const pages: Readonly<Record<string, { readonly items: readonly number[]; readonly nextCursor: string | null }>> = {
    first: { items: [1, 2], nextCursor: "second" },
    second: { items: [3], nextCursor: "third" },
    third: { items: [4], nextCursor: null },
  };
  const list = async ({ cursor = "first" }: { readonly cursor?: string }) => pages[cursor] ?? { items: [], nextCursor: null };
  expect(await allPages(list)).toEqual({ items: [1, 2, 3, 4] });
});
