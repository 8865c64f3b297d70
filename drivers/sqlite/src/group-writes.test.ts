import { expect, test } from "vitest";
import { groupWrites, type Call } from "./group-writes.ts";

let id = 0;
const commitOf = (changes: number): Call => ({ id: ++id, name: "commit", values: [Array.from({ length: changes }, () => ({})), 0] });

test("calls share a transaction until it has 500 changes, in order, and none is split", () => {
  const calls = [commitOf(200), commitOf(300), commitOf(1), commitOf(900), commitOf(2)];
  expect(groupWrites(calls)).toEqual([[calls[0], calls[1]], [calls[2]], [calls[3]], [calls[4]]]);
  expect(groupWrites([])).toEqual([]);
});

test("other writes count as one change, a claim as many as it may take", () => {
  const claim: Call = { id: ++id, name: "claim", values: [{ limit: 400 }] };
  const small: Call = { id: ++id, name: "lead", values: [{}] };
  expect(groupWrites([small, claim, commitOf(99), small]).map((group) => group.length)).toEqual([3, 1]);
});
