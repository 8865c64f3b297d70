import { expect, test, vi } from "vitest";
import { noTally, WindlassError, type Change, type JobRecord } from "@windlass/kernel";
import { groupCommits, type CommitTogether } from "./group-commit.ts";
import { Unheard } from "./unheard.ts";

const never = (): (() => void) => () => {};
const due = (id: string): Change => ({ type: "due", id });
const noSignals = { ready: new Set<string>(), woken: false, stopping: new Set<string>(), timerAt: null, dispatchAt: null };

/** Answers each change with its own id; fails whatever holds the id `bad`. */
function recording(): { readonly groups: string[][]; readonly commit: CommitTogether } {
  const groups: string[][] = [];
  const commit: CommitTogether = async (take) => {
    await Promise.resolve();
    const ids = take().changes.map((change) => ("id" in change ? change.id : ""));
    groups.push(ids);
    if (ids.includes("bad")) throw new Error("cannot be stored");
    return { results: ids.map((id) => ({ ok: true, id })), signals: noSignals, tally: noTally };
  };
  return { groups, commit };
}

test("commits that are asked for together share a transaction, and each has its own results", async () => {
  const { groups, commit } = recording();
  const { commit: grouped } = groupCommits(commit, never);
  const answers = await Promise.all([grouped([due("a"), due("b")], 1), grouped([], 1), grouped([due("c")], 2)]);
  expect(groups).toEqual([["a", "b", "c"]]);
  expect(answers.map(({ results }) => results.map((result) => result.id))).toEqual([["a", "b"], [], ["c"]]);
});

test("a transaction has at most 500 changes unless one commit alone has more", async () => {
  const { groups, commit } = recording();
  const { commit: grouped } = groupCommits(commit, never);
  const many = (count: number): Change[] => Array.from({ length: count }, (_, index) => due(`${index}`));
  await Promise.all([400, 100, 1, 700, 5].map((count) => grouped(many(count), 0)));
  expect(groups.map((group) => group.length)).toEqual([500, 1, 700, 5]);
});

test("a commit that fails fails alone", async () => {
  const { groups, commit } = recording();
  const { commit: grouped } = groupCommits(commit, never);
  const answers = await Promise.allSettled([grouped([due("a")], 0), grouped([due("bad")], 0), grouped([due("c")], 0)]);
  expect(answers.map((answer) => answer.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(groups).toEqual([["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
  expect((await grouped([due("d")], 0)).results).toEqual([{ ok: true, id: "d" }]);
});

test("commits that may have been stored all fail, and none is tried again", async () => {
  const commit = vi.fn<CommitTogether>(async (take) => {
    await Promise.resolve();
    take();
    throw new WindlassError("unavailable", "cut off", { cause: new Unheard([], new Error("cut off")) });
  });
  const { commit: grouped } = groupCommits(commit, never);
  const answers = await Promise.allSettled([grouped([due("a")], 0), grouped([due("b")], 0)]);
  expect(answers.map((answer) => answer.status)).toEqual(["rejected", "rejected"]);
  expect(commit).toHaveBeenCalledOnce();
});

const job: Change = { type: "submit", job: { executor: "handler", queue: "default", notBefore: null } as JobRecord };
const request = { executor: "handler", queues: ["default"], session: "ses_1", place: null, limit: 1, now: 1 } as const;

test("a claim shares the commit of a submit that it is for, until that has begun", async () => {
  const claims: number[] = [];
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const { commit, share } = groupCommits(async (take) => {
    await Promise.resolve();
    const group = take();
    claims.push(group.claims.length);
    begun.resolve();
    await end.promise;
    for (const asked of group.claims) asked.answer(null);
    return { results: group.changes.map(() => ({ ok: true, id: "" })), signals: noSignals, tally: noTally };
  }, never);
  expect(share(request)).toBeNull();
  const first = commit([due("a"), job], 1);
  expect(share({ ...request, queues: ["other"] })).toBeNull();
  const sharing = share(request);
  await begun.promise;
  expect(share(request), "its transaction is under way").toBeNull();
  const second = commit([job, job], 2);
  expect([share(request), share(request)]).not.toContain(null);
  expect(share(request), "others may take all that it makes").toBeNull();
  end.resolve();
  await Promise.all([first, second]);
  expect(await sharing).toBeNull();
  expect(claims).toEqual([1, 2]);
});

test.each([
  ["goes its own way when that fails", new Error("cannot be stored"), null],
  [
    "fails when nobody knows whether it was stored",
    new WindlassError("unavailable", "cut off"),
    expect.objectContaining({ code: "unavailable" }),
  ],
])("a claim that shares a commit %s, and takes no part in what is tried again", async (_, error, expected) => {
  const claims: number[] = [];
  const { commit, share } = groupCommits(async (take) => {
    await Promise.resolve();
    claims.push(take().claims.filter(({ isOpen }) => isOpen).length);
    throw error;
  }, never);
  const commits = Promise.allSettled([commit([job], 1), commit([job], 1)]);
  expect(await share(request)?.catch((failure: unknown) => failure)).toEqual(expected);
  await commits;
  expect(claims).toEqual([1, 0, 0]);
});

test("a claim goes its own way when the transaction that it is to share does not begin soon", async () => {
  const timers: (() => void)[] = [];
  const claims: number[] = [];
  const free = Promise.withResolvers<void>();
  const { commit, share } = groupCommits(
    async (take) => {
      if (claims.length > 0) await free.promise;
      const group = take();
      claims.push(group.claims.length);
      await free.promise;
      for (const asked of group.claims) asked.answer({ jobs: [] } as never);
      return { results: group.changes.map(() => ({ ok: true, id: "" })), signals: noSignals, tally: noTally };
    },
    (_, callback) => {
      timers.push(callback);
      return () => void timers.splice(timers.indexOf(callback), 1);
    },
  );
  const first = commit([due("a")], 1);
  const second = commit([job], 2);
  const sharing = share(request);
  expect(sharing).not.toBeNull();
  expect(timers).toHaveLength(1);
  for (const fire of timers.splice(0)) fire();
  expect(await sharing).toBeNull();
  free.resolve();
  await Promise.all([first, second]);
  expect(claims.reduce((sum, count) => sum + count, 0)).toBe(0);
  expect(timers).toEqual([]);
});
