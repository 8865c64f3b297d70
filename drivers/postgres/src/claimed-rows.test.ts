import type { LiveJob } from "@windlass/kernel";
import { failed, jobRecord, settleOf } from "@windlass/testkit";
import { expect, test } from "vitest";
import { ClaimedRows } from "./claimed-rows.ts";

const live = (id: string, parentId: string | null = null): LiveJob => ({ id, parentId, executor: "handler", token: 1 }) as LiveJob;
const ends = (...ids: readonly string[]): Parameters<ClaimedRows["take"]>[0] => ids.map((id) => settleOf(live(id)));

test("rows are given out once, and only when all are here that are needed", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b"), live("c", "p")], "7");
  rows.put([live("d")], "8");
  expect(rows.take([{ type: "submit", job: jobRecord() }]), "needs none").toBeNull();
  expect(rows.take(ends("a", "d"))).toMatchObject({
    lives: [live("a"), live("d")],
    rows: [
      { id: "a", claim: "7" },
      { id: "d", claim: "8" },
    ],
    groups: [],
  });
  expect(rows.take(ends("a"))).toBeNull();
  expect(rows.take(ends("c")), "its parent is not here").toBeNull();
  expect(rows.take(ends("b", "x"))).toBeNull();
  expect(rows.take(ends("b")), "who tries again reads").toBeNull();
});

test("a row that is asked for otherwise, or twice, is read", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b")], "7");
  expect(rows.take([{ type: "release", id: "a", token: 1 }])).toBeNull();
  expect(rows.take(ends("b", "b"))).toBeNull();
});

test("a row that this process has changed since, and one of a job that runs elsewhere, is not known any more", () => {
  const rows = new ClaimedRows();
  rows.put([live("a"), live("b"), live("c"), { ...live("d"), executor: "process" }], "7");
  expect(rows.take([{ type: "progress", id: "a", token: 1, progress: { fraction: 0.5, text: null } }])).toBeNull();
  expect(rows.take([{ type: "submit", job: jobRecord({ parentId: "b" }) }])).toBeNull();
  for (const id of ["a", "b", "d"]) expect(rows.take(ends(id)), id).toBeNull();
  expect(rows.take([settleOf(live("c"), failed)]), "may be tried again").toBeNull();
});

test("no more are kept than there is room for, and the oldest go", () => {
  const rows = new ClaimedRows();
  const ids = Array.from({ length: 20_001 }, (_, i) => `j${i}`);
  rows.put(
    ids.map((id) => live(id)),
    "7",
  );
  expect(rows.take(ends("j0"))).toBeNull();
  expect(rows.take(ends("j1"))?.lives).toHaveLength(1);
});

test("of a group is told how long it was and what is left, as long as all that went before is stored", () => {
  const rows = new ClaimedRows();
  const lives = ["a", "b", "c", "d"].map((id) => live(id));
  rows.put([...lives, live("e")], "7", [{ id: "g", lives }]);
  const first = rows.take(ends("b", "e"));
  expect(first).toMatchObject({
    rows: [{ id: "e", claim: "7" }],
    groups: [{ id: "g", before: 4, rest: ["a", "c", "d"].map((id) => live(id)) }],
  });
  expect(rows.take(ends("a")), "it is not known what came of the first").toBeNull();
  first?.stored();
  expect(rows.take(ends("c")), "somebody has read the group meanwhile").toMatchObject({ groups: [{ before: 2, rest: [live("d")] }] });
});
