import { expect, test } from "vitest";
import { didYouMean, nearest, nearestFew, SUGGESTIONS_MAX } from "./nearest.ts";

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

test.each([
  ["green", ["queue", "greet-all"]],
  ["stats", ["start", "tasks"]],
  ["ab", ["ac", "abc"]],
  ["wait", ["name"]],
])("%s is no slip of any of %j", (typed, candidates) => {
  expect(nearest(typed, candidates)).toBeUndefined();
});

test("the beginning of a word is taken for it when nothing is nearer", () => {
  expect(nearest("work", ["workflows", "words"])).toBe("workflows");
  expect(nearest("conc", ["concurrency"])).toBe("concurrency");
});

test("words that are equally near are offered together, a few of them", () => {
  expect(nearestFew("lst", ["list", "last", "delete"])).toEqual(["list", "last"]);
  expect(didYouMean("lst", ["list", "last"])).toBe('; did you mean "list" or "last"?');
  expect(nearestFew("caa", ["cab", "cac", "cad", "cae"])).toHaveLength(SUGGESTIONS_MAX);
});
