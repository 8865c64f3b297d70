import { queueState, type LiveJob, type QueueSettings } from "@windlass/kernel";
import { expect, test } from "vitest";
import { isUsedUp } from "./used-queues.ts";

/** Of a queue with so many attempts alive, also of each key; a claim for ten has found these keys, and taken all or so many. */
function used(
  settings: Partial<QueueSettings>,
  running: Readonly<Record<string, number>>,
  [found, taken = found.length]: readonly [string, number?],
) {
  const state = queueState(settings, { running: Object.values(running).reduce((sum, one) => sum + one, 0) });
  for (const [key, count] of Object.entries(running)) state.fairness.set(key === "-" ? "" : key, { running: count, spentUntil: 0 });
  const jobs = found.split("").map((key) => ({ fairnessKey: key === "-" ? "" : key }) as LiveJob);
  return isUsedUp(state, { found: jobs, taken, asked: 10 });
}

test("a queue is used up when all of its places are", () => {
  expect(used({ concurrencyLimit: 3 }, { "-": 3 }, ["--"])).toBe(true);
  expect(used({ concurrencyLimit: 3 }, { "-": 3 }, [""])).toBe(true);
  expect(used({ concurrencyLimit: 3 }, { "-": 2 }, ["--"])).toBe(false);
  expect(used({ concurrencyLimit: 3 }, { "-": 2 }, [""])).toBe(false);
  expect(used({}, { "-": 2 }, [""])).toBe(false);
});

test("or when those of all keys are, as far as everything was looked at and taken", () => {
  const settings = { keyConcurrencyLimit: 2 };
  expect(used(settings, { a: 2, b: 2 }, ["aabb"])).toBe(true);
  expect(used(settings, { a: 2, b: 2 }, [""])).toBe(true);
  expect(used(settings, { a: 2, b: 1 }, ["aab"])).toBe(false);
  expect(used(settings, { a: 2, b: 2 }, ["aabb", 3])).toBe(false);
  expect(used(settings, { a: 2, "-": 2 }, ["aa--"])).toBe(false);
  expect(used(settings, { a: 1, "-": 2 }, [""])).toBe(false);
  expect(used(settings, { a: 2, b: 2, c: 2, d: 2, e: 2 }, ["aabbccddee"])).toBe(false);
});

test("but not where other limits of it decide how much is looked at", () => {
  for (const more of [{ concurrencyLimit: 9 }, { rateLimit: { limit: 5, perSeconds: 1 } }])
    expect(used({ keyConcurrencyLimit: 2, ...more }, { a: 2, b: 2 }, ["aabb"])).toBe(false);
});
