import { expect, test } from "vitest";
import { noTally, type Change } from "@windlass/kernel";
import { groupCommits, type CommitTogether } from "./group-commit.ts";

const due = (id: string): Change => ({ type: "due", id });
const noSignals = { ready: new Set<string>(), woken: false, stopping: new Set<string>(), timerAt: null, dispatchAt: null };

/** Answers each change with its own id; fails whatever holds the id `bad`. */
function recording(): { readonly groups: string[][]; readonly commit: CommitTogether } {
  const groups: string[][] = [];
  const commit: CommitTogether = async (changes) => {
    const ids = changes.map((change) => ("id" in change ? change.id : ""));
    groups.push(ids);
    await Promise.resolve();
    if (ids.includes("bad")) throw new Error("cannot be stored");
    return { results: ids.map((id) => ({ ok: true, id })), signals: noSignals, tally: noTally };
  };
  return { groups, commit };
}

test("commits that are asked for together share a transaction, and each has its own results", async () => {
  const { groups, commit } = recording();
  const grouped = groupCommits(commit);
  const answers = await Promise.all([grouped([due("a"), due("b")], 1), grouped([], 1), grouped([due("c")], 2)]);
  expect(groups).toEqual([["a", "b", "c"]]);
  expect(answers.map(({ results }) => results.map((result) => result.id))).toEqual([["a", "b"], [], ["c"]]);
});

test("a transaction has at most 500 changes unless one commit alone has more", async () => {
  const { groups, commit } = recording();
  const grouped = groupCommits(commit);
  const many = (count: number): Change[] => Array.from({ length: count }, (_, index) => due(`${index}`));
  await Promise.all([400, 100, 1, 700, 5].map((count) => grouped(many(count), 0)));
  expect(groups.map((group) => group.length)).toEqual([500, 1, 700, 5]);
});

test("a commit that fails fails alone", async () => {
  const { groups, commit } = recording();
  const grouped = groupCommits(commit);
  const answers = await Promise.allSettled([grouped([due("a")], 0), grouped([due("bad")], 0), grouped([due("c")], 0)]);
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(groups).toEqual([["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
  expect((await grouped([due("d")], 0)).results).toEqual([{ ok: true, id: "d" }]);
});
