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
  expect(rows.take(ends("a", "d"))).toEqual([
    { live: live("a"), claim: "7" },
    { live: live("d"), claim: "8" },
  ]);
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
  expect(rows.take(ends("j1"))).toHaveLength(1);
});
