import { expect, test } from "vitest";
import { didYouMean, nearest } from "./nearest.ts";

const words = ["default", "email", "uploads"];

test.each([
  ["defualt", "default"],
  ["Default", "default"],
  ["emial", "email"],
  ["mail", "email"],
  ["upload", "uploads"],
])("%s is near to %s", (typed, meant) => {
  expect(nearest(typed, words)).toBe(meant);
});

test("nothing is offered when nothing is near", () => {
  expect(nearest("zebra", words)).toBeUndefined();
  expect(nearest("", words)).toBeUndefined();
  expect(nearest("default", [])).toBeUndefined();
  expect(didYouMean("zebra", words)).toBe("");
});

test("the nearest one wins, and is put as a question", () => {
  expect(nearest("cart", ["chart", "cat", "cart"])).toBe("cart");
  expect(didYouMean("emial", words)).toBe('; did you mean "email"?');
});
