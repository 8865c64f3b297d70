import { expect, test } from "vitest";
import { CHANGES_MAX, takeGroup, type Call } from "./group-writes.ts";

let id = 0;
const commitOf = (changes: number): Call => ({ id: ++id, name: "commit", values: [Array.from({ length: changes }, () => ({})), 0] });

test("calls share a transaction until it has 500 changes, in order, and none is split", () => {
  const calls = [commitOf(200), commitOf(300), commitOf(1), commitOf(900), commitOf(2)];
  const waiting = [...calls];
  const groups = Array.from({ length: 4 }, () => takeGroup(waiting, CHANGES_MAX));
  expect(groups).toEqual([[calls[0], calls[1]], [calls[2]], [calls[3]], [calls[4]]]);
  expect(takeGroup(waiting, CHANGES_MAX)).toEqual([]);
});

test("what comes later joins a transaction only as far as it fits; a large call waits for one of its own", () => {
  const waiting = [commitOf(3), commitOf(2), commitOf(900)];
  expect(takeGroup(waiting, 4)).toHaveLength(1);
  expect(takeGroup(waiting, 1)).toEqual([]);
  expect(takeGroup(waiting, 450)).toHaveLength(1);
  expect(takeGroup(waiting, 450)).toEqual([]);
  expect(takeGroup(waiting, CHANGES_MAX)).toHaveLength(1);
});

test("other writes count as one change, a claim as many as it may take", () => {
  const claim: Call = { id: ++id, name: "claim", values: [{ limit: 400 }] };
  const small: Call = { id: ++id, name: "lead", values: [{}] };
  const waiting = [small, claim, commitOf(99), small];
  expect(takeGroup(waiting, CHANGES_MAX)).toHaveLength(3);
  expect(takeGroup(waiting, CHANGES_MAX)).toEqual([small]);
});
