import { expect, test } from "vitest";
import { alike, rowsOf } from "./alike-rows.ts";
import type { Row } from "./database.ts";

const back = (rows: readonly Row[]): Row[] =>
  Array.from(rowsOf(JSON.parse(JSON.stringify(alike(rows))) as ReturnType<typeof alike>), (row) => [...row]);

test.each([
  [[]],
  [[["a", 1, null]]],
  [
    [
      ["a", null, "a", 7, null],
      ["b", null, "b", 7, 3],
    ],
  ],
  [
    [
      ["a", "a", "x"],
      ["a", "a", "y"],
      ["a", "a", "x"],
    ],
  ],
  [
    [
      ["a", "a"],
      ["b", "c"],
    ],
  ],
] as const)("rows come back as they were: %j", (rows) => {
  expect(back(rows)).toEqual(rows);
});

test("what all rows have stands there once, and what is the same as in the first column not at all", () => {
  expect(
    alike([
      ["a", 1, "a", 2],
      ["b", 1, "b", 3],
    ]).columns,
  ).toEqual([["a", "b"], [1], [], [2, 3]]);
});
