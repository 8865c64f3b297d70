/** Contract: what is read ahead of the slots where queues and fairness keys have limits (kernel, D8). */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LiveJob, QueueSettings } from "@windlass/kernel";
import type { ClaimRequest, Store } from "@windlass/ports";
import { settleOf, T0 } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import { submit } from "./store-contract-fairness.ts";
import type { Subject } from "./store-subject.ts";

const request: ClaimRequest = { executor: "handler", session: "ses_1", place: null, limit: 0, now: T0 };

const claim = async (store: Store, given: Partial<ClaimRequest>): Promise<readonly LiveJob[]> =>
  (await store.jobs.claim({ ...request, ...given })).jobs.map(({ live }) => live);

const keysOf = (jobs: readonly LiveJob[]): string => jobs.map(({ name }) => name).join("");

export function describeReadingAhead(subject: Subject): void {
  test("of a queue with a limit as much is read ahead as fits into half of its places, and who has slots finds the other half", async () => {
    const { store } = subject;
    await store.queues.put("default", { concurrencyLimit: 9 }, T0);
    await submit(store, "-".repeat(20));
    const first = await claim(store, { limit: 1, ahead: 10 });
    expect(first).toHaveLength(4);
    expect(await claim(store, { ahead: 10 })).toEqual([]);
    expect(await claim(store, { session: "ses_2", limit: 3, ahead: 10 })).toHaveLength(3);
    expect(await claim(store, { session: "ses_2", limit: 3 })).toHaveLength(2);
    expect(await claim(store, { limit: 3, ahead: 10 })).toEqual([]);
    for (const live of first) await commitOne(store, settleOf(live));
    expect(await claim(store, { ahead: 10 })).toEqual([]);
    expect(await claim(store, { limit: 1, ahead: 10 })).toHaveLength(1);
  });

  test("claims that are asked for at once never read more ahead than that together", async () => {
    const { store } = subject;
    await store.queues.put("default", { concurrencyLimit: 20 }, T0);
    await submit(store, "-".repeat(40));
    const ahead = await Promise.all([4, 4, 4, 4].map((more) => claim(store, { ahead: more })));
    expect(ahead.map((jobs) => jobs.length).reduce((sum, count) => sum + count)).toBe(10);
    const slots = await Promise.all([4, 4, 4, 4].map((limit) => claim(store, { session: "ses_2", limit, ahead: 4 })));
    expect(slots.flat()).toHaveLength(10);
  });

  test("the same of each key that has a limit; in turn, and no further than to one that only a slot may take", async () => {
    const { store } = subject;
    await store.queues.put("default", { keyConcurrencyLimit: 2 }, T0);
    await submit(store, "aaabbc----");
    expect(keysOf(await claim(store, { ahead: 20 }))).toBe("-abc-");
    expect(keysOf(await claim(store, { ahead: 20 }))).toBe("");
    expect(keysOf(await claim(store, { limit: 2, ahead: 20 }))).toBe("ab--");
    expect(keysOf(await claim(store, { limit: 9, ahead: 20 }))).toBe("");
  });

  test("nothing is read ahead where only one may run, or of a rate; nor is it passed by, also when it is of another queue", async () => {
    const { store } = subject;
    const settings: Partial<QueueSettings>[] = [
      { concurrencyLimit: 1 },
      { keyConcurrencyLimit: 1 },
      { rateLimit: { limit: 9, perSeconds: 1 } },
      { keyRateLimit: { limit: 9, perSeconds: 1 } },
    ];
    for (const [i, setting] of settings.entries()) {
      const [tight, free] = [`tight-${i}`, `free-${i}`];
      await store.queues.put(tight, setting, T0);
      await submit(store, "a", { queue: tight });
      await submit(store, "bb", { queue: free });
      const queues = [free, tight];
      expect(keysOf(await claim(store, { queues, ahead: 9 }))).toBe("");
      expect(keysOf(await claim(store, { queues, limit: 1, ahead: 9 }))).toBe("abb");
    }
  });

  test("what may not start at all holds up nothing that is read ahead behind it", async () => {
    const { store } = subject;
    await store.queues.put("tight", { concurrencyLimit: 1 }, T0);
    await store.queues.put("default", { keyConcurrencyLimit: 1 }, T0);
    await submit(store, "aa", { queue: "tight" });
    await submit(store, "bb-");
    expect(keysOf(await claim(store, { limit: 1, ahead: 9 }))).toBe("a-");
    expect(keysOf(await claim(store, { limit: 1 }))).toBe("b");
    await submit(store, "--");
    expect(keysOf(await claim(store, { ahead: 9 }))).toBe("--");
  });

  test("whatever the limits, and however somebody claims and ends: none is exceeded, half of each is left to slots, and all starts", async () => {
    const { store } = subject;
    const limit = fc.constantFrom(null, 1, 2, 3, 5, 8);
    const step = fc.oneof(
      fc.record({ claim: fc.record({ limit: fc.nat(4), ahead: fc.nat(9) }) }),
      fc.record({ submit: fc.array(fc.constantFrom("a", "b", "c", "-"), { minLength: 1, maxLength: 8 }) }),
      fc.record({ end: fc.nat(5) }),
    );
    await fc.assert(
      fc.asyncProperty(
        limit,
        limit,
        fc.array(step, { minLength: 3, maxLength: 14 }),
        async (concurrencyLimit, keyConcurrencyLimit, steps) => {
          const queue = `ahead-${++queues}`;
          await store.queues.put(queue, { concurrencyLimit, keyConcurrencyLimit }, T0);
          const alive: LiveJob[] = [];
          let waiting = 0;
          /** Places that are used of the limits that hold for jobs with this key, each as a part of its limit. */
          const used = (key: string): number =>
            Math.max(
              concurrencyLimit === null ? 0 : alive.length / concurrencyLimit,
              key === "" || keyConcurrencyLimit === null
                ? 0
                : alive.filter(({ fairnessKey }) => fairnessKey === key).length / keyConcurrencyLimit,
            );
          const claimed = async (given: { readonly limit: number; readonly ahead: number }): Promise<number> => {
            const jobs = await claim(store, { queues: [queue], ...given });
            for (const [i, live] of jobs.entries()) {
              alive.push(live);
              expect(used(live.fairnessKey)).toBeLessThanOrEqual(i < given.limit ? 1 : 0.5);
            }
            waiting -= jobs.length;
            return jobs.length;
          };
          const ended = async (count: number): Promise<void> => {
            const ending = alive.splice(0, count);
            if (ending.length > 0)
              await store.jobs.commit(
                ending.map((live) => settleOf(live)),
                T0,
              );
          };
          for (const one of steps) {
            if ("claim" in one) await claimed(one.claim);
            else if ("end" in one) await ended(one.end);
            else {
              await submit(store, one.submit.join(""), { queue });
              waiting += one.submit.length;
            }
          }
          await ended(alive.length);
          // With nothing alive a slot finds its job, or nothing waits.
          while (waiting > 0) {
            expect(await claimed({ limit: 1, ahead: 9 })).toBeGreaterThan(0);
            await ended(alive.length);
          }
        },
      ),
      { numRuns: 40 },
    );
  }, 60_000);
}

let queues = 0;
