import { expect, test } from "vitest";
import { feedStart } from "./feed-start.ts";

const SQLITE = "0000000000000042";
const POSTGRES = "0000000000000000777-0000000000000000042";

test("without a position a watch begins now", () => {
  expect(feedStart(undefined, SQLITE)).toEqual({ from: SQLITE, reset: false });
  expect(feedStart(undefined, "")).toEqual({ from: "", reset: false });
});

test.each(["", "0", "0-0", "0000000000000000"])("%j is the beginning", (after) => {
  expect(feedStart(after, SQLITE)).toEqual({ from: "", reset: false });
});

test.each([
  ["0000000000000041", SQLITE],
  [SQLITE, SQLITE],
  ["0000000000000000777-0000000000000000001", POSTGRES],
])("%s continues a feed that has come to %s", (after, end) => {
  expect(feedStart(after, end)).toEqual({ from: after, reset: false });
});

test.each([
  ["41", SQLITE],
  ["0000000000000043", SQLITE],
  [SQLITE, POSTGRES],
  [POSTGRES, SQLITE],
  ["0000000000000000778-0000000000000000001", POSTGRES],
  ["5", ""],
])("%s is not from a feed that has come to %j", (after, end) => {
  expect(feedStart(after, end)).toEqual({ from: end, reset: true });
});
