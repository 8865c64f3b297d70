import { expect, test } from "vitest";
import { membersOf } from "./memory-watch.ts";
import type { ProcessEntry } from "./process-table.ts";

const entry = (pid: number, parent: number, session: number): ProcessEntry => ({
  pid,
  parent,
  session,
  group: session,
  state: "S",
  startTicks: 1,
});

test("a process belongs to a leader by its session, or by any ancestor that does", () => {
  const table = [
    entry(1, 0, 1),
    entry(10, 1, 10),
    entry(11, 10, 10),
    entry(12, 11, 12),
    entry(13, 12, 12),
    entry(14, 1, 10),
    entry(20, 1, 20),
    entry(30, 1, 30),
  ];
  const members = membersOf(new Set([10, 20]), table);
  expect(members.get(10)?.toSorted()).toEqual([10, 11, 12, 13, 14]);
  expect(members.get(20)).toEqual([20]);
  expect(members.has(30)).toBe(false);
});

test("a table that was read while it changed cannot hang the search", () => {
  const members = membersOf(new Set([10]), [entry(5, 6, 5), entry(6, 5, 5), entry(7, 99, 7)]);
  expect(members.size).toBe(0);
});
