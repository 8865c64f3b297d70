import { expect, test } from "vitest";
import type { Change, ChangeResult } from "@windlass/kernel";
import { fakeClock, quietLogger, seededRandom, settled } from "@windlass/testkit";
import type { EngineContext } from "./context.ts";
import { settling } from "./settling.ts";

interface Commit {
  readonly ids: readonly string[];
  readonly answer: PromiseWithResolvers<readonly ChangeResult[]>;
}

function settlingOn(inOrder: boolean) {
  const commits: Commit[] = [];
  const clock = fakeClock();
  const context = {
    store: { inOrder },
    clock,
    random: seededRandom(1),
    logger: quietLogger(),
    commit: (changes: readonly Change[]) => {
      const answer = Promise.withResolvers<readonly ChangeResult[]>();
      commits.push({ ids: changes.map((change) => (change as { id: string }).id), answer });
      return answer.promise;
    },
  } as unknown as EngineContext;
  const results = settling(context);
  const told: unknown[] = [];
  const settle = (id: string): void => void results.settle({ type: "release", id, token: 1 }).then((result) => told.push(result?.id));
  const accept = async ({ ids, answer }: Commit): Promise<void> => {
    answer.resolve(ids.map((id) => ({ ok: true, id })));
    await settled();
  };
  return { commits, clock, results, told, settle, accept };
}

test.each([
  [true, [["a"], ["b"], ["c"]], ["d", "e"]],
  [false, [["a"]], ["b", "c", "d", "e"]],
] as const)(
  "some commits are under way at once where the store keeps calls in order (%s), and what comes meanwhile goes together",
  async (inOrder, first, next) => {
    const { commits, told, settle, accept } = settlingOn(inOrder);
    for (const id of ["a", "b", "c", "d", "e"]) {
      settle(id);
      await settled();
    }
    expect(commits.map(({ ids }) => ids)).toEqual(first);
    await accept(commits[0] as Commit);
    expect(told).toEqual(["a"]);
    expect(commits.at(-1)?.ids).toEqual(next);
  },
);

test("while commits fail there is one, and everything is stored in the end", async () => {
  const { commits, clock, told, settle, accept } = settlingOn(true);
  for (const id of ["a", "b"]) {
    settle(id);
    settle(`${id}2`);
    await settled();
  }
  for (const { answer } of commits) answer.reject(new Error("the disk is full"));
  await settled();
  settle("c");
  await settled();
  expect(commits).toHaveLength(2);
  await clock.advance(10_000);
  for (let i = 2; i < commits.length; i++) await accept(commits[i] as Commit);
  expect(told).toHaveLength(5);
  expect(new Set(told)).toEqual(new Set(["a", "a2", "b", "b2", "c"]));
});

test("one that the store cannot take rests, longer each time, while all others are stored", async () => {
  const { commits, clock, told, settle } = settlingOn(true);
  let seen = 0;
  /** Answers all commits that are there; how many of them had `bad` in them. */
  const answerAll = async (): Promise<number> => {
    let refused = 0;
    for (; seen < commits.length; seen++) {
      const { ids, answer } = commits[seen] as Commit;
      if (ids.includes("bad")) refused++;
      if (ids.includes("bad")) answer.reject(new Error("it does not go into a row"));
      else answer.resolve(ids.map((id) => ({ ok: true, id })));
      await settled();
    }
    return refused;
  };
  settle("bad");
  await settled();
  const refusedIn: number[] = [];
  for (let second = 0; second < 4; second++) {
    let refused = 0;
    for (let i = 0; i < 100; i++) {
      settle(`${second}/${i}`);
      await settled();
      refused += await answerAll();
      await clock.advance(10);
      refused += await answerAll();
    }
    refusedIn.push(refused);
  }
  expect(new Set(told).size).toBe(400);
  // With rests of 50 ms, 100 ms, 200 ms, … of which a random part is left out.
  expect(refusedIn[0]).toBeLessThan(12);
  expect(refusedIn.at(-1)).toBeLessThan(3);
});

test("what is given up is answered, also what was under way", async () => {
  const { results, told, settle } = settlingOn(true);
  settle("a");
  await settled();
  settle("b");
  results.close();
  settle("c");
  await settled();
  expect(told).toEqual([undefined, undefined, undefined]);
});

test("one commit has no more characters than go to the store as one text, and what waits is counted", async () => {
  const { commits, results, accept } = settlingOn(false);
  const large = { outcome: "succeeded", reason: "ok", message: null, output: { text: ["x".repeat(7_000_000)] } } as const;
  for (const id of ["a", "b", "c", "d", "e"])
    void results.settle({ type: "settle", id, attempt: 1, by: { type: "holder", token: 1 }, result: large, stopped: false, random: 0 });
  expect(results.unstored.length).toBeGreaterThan(35_000_000);
  expect(results.unstored.length).toBeLessThan(35_001_000);
  await settled();
  for (let i = 0; i < 3; i++) await accept(commits[i] as Commit);
  expect(commits.map(({ ids }) => ids)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  expect(results.unstored.length).toBe(0);
});

test("it is full of what the store has not taken, until there is room, or it is closed", async () => {
  const { commits, results, accept } = settlingOn(false);
  const settle = (id: string): void => {
    const result = { outcome: "succeeded", reason: "ok", message: null, output: "x".repeat(8_000_000) } as const;
    void results.settle({ type: "settle", id, attempt: 1, by: { type: "holder", token: 1 }, result, stopped: false, random: 0 });
  };
  const told: string[] = [];
  const wait = (name: string): void => void results.unstored.room().then(() => told.push(name));
  for (let n = 0; n < 7; n++) settle(`job_${n}`);
  wait("not full");
  await settled();
  expect([results.unstored.isFull, told]).toEqual([false, ["not full"]]);
  settle("last");
  wait("full");
  await settled();
  expect([results.unstored.isFull, told]).toEqual([true, ["not full"]]);
  await accept(commits[0] as Commit);
  expect([results.unstored.isFull, told]).toEqual([false, ["not full", "full"]]);
  for (let n = 0; n < 3; n++) settle(`more_${n}`);
  wait("closed");
  expect(results.unstored.isFull).toBe(true);
  results.close();
  await settled();
  expect([results.unstored.isFull, told]).toEqual([false, ["not full", "full", "closed"]]);
});
