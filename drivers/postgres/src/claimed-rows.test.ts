import type { LiveJob } from "@windlass/kernel";
import { failed, jobRecord, settleOf } from "@windlass/testkit";
import { expect, test } from "vitest";
import { ClaimedRows } from "./claimed-rows.ts";

const live = (id: string, parentId: string | null = null): LiveJob => ({ id, parentId, executor: "handler", token: 1 }) as LiveJob;
const ends = (...ids: readonly string[]): Parameters<ClaimedRows["take"]>[0] => ids.map((id) => settleOf(live(id)));

const idsOf = (claimed: ReturnType<ClaimedRows["take"]>): string[] => claimed.lives.map(({ id }) => id);

test("rows are given out once, and only for ends", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b"), live("c", "p")], "7");
  rows.put([live("d")], "8");
  expect(idsOf(rows.take([{ type: "submit", job: jobRecord() }])), "needs none").toEqual([]);
  expect(rows.take(ends("a", "d"))).toMatchObject({
    lives: [live("a"), live("d")],
    rows: [
      { id: "a", claim: "7" },
      { id: "d", claim: "8" },
    ],
    groups: [],
  });
  expect(idsOf(rows.take(ends("a"))), "who tries again reads").toEqual([]);
  expect(idsOf(rows.take(ends("c"))), "its parent is not here").toEqual([]);
  expect(idsOf(rows.take(ends("b", "x"))), "what is not here is read beside it").toEqual(["b"]);
});

test("a row that is asked for otherwise, or twice, is read", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b"), live("c")], "7");
  expect(idsOf(rows.take([{ type: "release", id: "a", token: 1 }, ...ends("c")]))).toEqual(["c"]);
  expect(idsOf(rows.take(ends("b", "b")))).toEqual([]);
});

test("a row that this process has changed since, and one of a job that runs elsewhere, is not known any more", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b"), live("c"), { ...live("d"), executor: "process" }], "7");
  expect(idsOf(rows.take([{ type: "progress", id: "a", token: 1, progress: { fraction: 0.5, text: null } }]))).toEqual([]);
  expect(idsOf(rows.take([{ type: "submit", job: jobRecord({ parentId: "b" }) }]))).toEqual([]);
  for (const id of ["a", "b", "d"]) expect(idsOf(rows.take(ends(id))), id).toEqual([]);
  expect(idsOf(rows.take([settleOf(live("c"), failed)])), "may be tried again").toEqual([]);
});

test("no more are kept than there is room for, and the oldest go", () => {
  const rows = new ClaimedRows();
  const ids = Array.from({ length: 20_001 }, (_, i) => `j${i}`);
  rows.put(
    ids.map((id) => live(id)),
    "7",
  );
  expect(idsOf(rows.take(ends("j0")))).toEqual([]);
  expect(idsOf(rows.take(ends("j1")))).toEqual(["j1"]);
});

const grouped = (): ClaimedRows => {
  const rows = new ClaimedRows();
  const lives = ["a", "b", "c", "d"].map((id) => live(id));
  rows.put([...lives, live("e")], "7", [{ id: "g", lives }]);
  return rows;
};

test("of a group is told how it was and what is left, as long as all that went before is stored", () => {
  const rows = grouped();
  const first = rows.take(ends("b", "e"));
  expect(first).toMatchObject({
    rows: [{ id: "e", claim: "7" }],
    groups: [{ id: "g", before: 4, version: 0, rest: ["a", "c", "d"].map((id) => live(id)) }],
  });
  first.stored();
  const second = rows.take(ends("c"));
  expect(second).toMatchObject({ groups: [{ before: 3, version: 0, rest: ["a", "d"].map((id) => live(id)) }] });
  const third = rows.take(ends("a"));
  expect(third, "it is not known what came of the second").toMatchObject({ lives: [], groups: [] });
  third.stored();
  expect(rows.take(ends("d")), "nor is it when a later one is stored").toMatchObject({ lives: [], groups: [] });
});

test("what is changed beside ends of its group makes a version of it that these expect", () => {
  const rows = grouped();
  const first = rows.take([settleOf(live("a"), failed), ...ends("c")]);
  expect(first).toMatchObject({ lives: [live("c")], groups: [{ before: 3, version: 1, rest: ["b", "d"].map((id) => live(id)) }] });
  first.stored();
  const second = rows.take([{ type: "release", id: "b", token: 1 }]);
  expect(second.groups).toEqual([]);
  second.stored();
  expect(rows.take(ends("d"))).toMatchObject({ groups: [{ before: 1, version: 2, rest: [] }] });
});
