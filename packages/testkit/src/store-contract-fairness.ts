/** Contract: turns over fairness keys, and rates. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Change, JobRecord } from "@windlass/kernel";
import type { Claimed, ClaimRequest, Store } from "@windlass/ports";
import { jobRecord, settleOf, T0 } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const request: ClaimRequest = { executor: "handler", session: "ses_1", place: null, limit: 100, now: T0 };

/** One job of each letter, which is its fairness key; of `-` it has none. */
export async function submit(store: Store, keys: string, given: Partial<JobRecord> = {}): Promise<void> {
  const jobs = keys.split("").map((key) => jobRecord({ fairnessKey: key === "-" ? "" : key, name: key, ...given }));
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
}

/** The keys of what a claim started, in order. */
const keysOf = ({ jobs }: Claimed): string => jobs.map(({ record }) => record.name).join("");

async function claimKeys(store: Store, given: Partial<ClaimRequest> = {}): Promise<string> {
  return keysOf(await store.jobs.claim({ ...request, ...given }));
}

export function describeFairness(subject: Subject): void {
  test("jobs of a queue are started one of each key in turn, oldest first within a key; those without one are a key of their own", async () => {
    const { store } = subject;
    await submit(store, "aaaaaabbc--");
    expect(await claimKeys(store, { limit: 7 })).toBe("-abc-ab");
    expect(await claimKeys(store, { limit: 3 })).toBe("aaa");
    const rest = await store.jobs.claim(request);
    expect(rest.jobs.map(({ live }) => live.fairnessKey)).toEqual(["a"]);
  });

  test("a key among many jobs of another waits for one round, also when jobs are claimed one by one", async () => {
    const { store } = subject;
    await submit(store, "a".repeat(40));
    await submit(store, "bc");
    const started: string[] = [];
    for (let i = 0; i < 6; i++) started.push(await claimKeys(store, { limit: 1 }));
    expect(started.join("")).toBe("abcaaa");
    await submit(store, "b");
    expect(await claimKeys(store, { limit: 2 })).toBe("ba");
  });

  test("jobs are read ahead in turn over keys, and a key that comes later has its turn in the next claim", async () => {
    const { store } = subject;
    await submit(store, "aaaaaaaabbb");
    expect(await claimKeys(store, { limit: 1, ahead: 4 })).toBe("ababa");
    await submit(store, "c");
    expect(await claimKeys(store, { limit: 0, ahead: 3 })).toBe("bca");
    expect(await claimKeys(store, { limit: 0, ahead: 10 })).toBe("aaaa");
  });

  test("claims that are asked for at once serve keys in turn as one would", async () => {
    const { store } = subject;
    await submit(store, "abcdefgh".repeat(4));
    const claimed = await Promise.all([5, 6, 7].map((ahead) => claimKeys(store, { limit: 0, ahead })));
    expect(claimed).toEqual(["abcde", "fghabc", "defghab"]);
    expect(await claimKeys(store)).toBe("cdefghabcdefgh");
  });

  test("whoever claims how much, a job of a key waits for no more than one of each other key in front of each older one of its own", async () => {
    const { store } = subject;
    const step = fc.oneof(
      fc.record({
        submit: fc.array(fc.constantFrom("a", "a", "a", "b", "c", "d", "-"), { minLength: 1, maxLength: 12 }),
        // Such jobs are not read ahead: a claim looks at them and takes none.
        timeoutMs: fc.constantFrom(null, null, 60_000),
      }),
      fc.record({ limit: fc.nat(3), ahead: fc.nat(9) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const queue = `q${++queues}`;
        /** What waits, oldest first: its key, and the keys that may still come before it, each so often. */
        let waiting: { readonly key: string; readonly before: Map<string, number> }[] = [];
        const serve = (keys: string): void => {
          for (const key of keys) {
            const served = waiting.find((one) => one.key === key);
            waiting = waiting.filter((one) => one !== served);
            for (const one of waiting) {
              if (one.key === key) continue;
              const left = (one.before.get(key) ?? olderOf(one)) - 1;
              expect(left, `${key} before ${one.key}`).toBeGreaterThanOrEqual(0);
              one.before.set(key, left);
            }
          }
        };
        const olderOf = (one: (typeof waiting)[number]): number => waiting.filter((other) => other.key === one.key).indexOf(one) + 1;
        for (const given of steps) {
          if ("submit" in given) {
            await submit(store, given.submit.join(""), { queue, timeoutMs: given.timeoutMs });
            for (const key of given.submit) waiting.push({ key, before: new Map() });
          } else serve(await claimKeys(store, { queues: [queue], ...given }));
        }
        serve(await claimKeys(store, { queues: [queue] }));
        expect(waiting).toEqual([]);
      }),
      { numRuns: 25 },
    );
  }, 60_000);

  test("priority comes before turns, and queues keep their own", async () => {
    const { store } = subject;
    await submit(store, "aab");
    await submit(store, "ab", { priority: 5 });
    await submit(store, "x", { queue: "mail" });
    expect(await claimKeys(store, { limit: 3 })).toBe("aba");
    expect(await claimKeys(store)).toBe("bax");
  });

  test("a key runs no more attempts of a queue than its limit, and holds back neither other keys nor lower priorities", async () => {
    const { store } = subject;
    await store.queues.put("default", { keyConcurrencyLimit: 1 }, T0);
    await submit(store, "aaaab", { priority: 1 });
    await submit(store, "ac--");
    const first = await store.jobs.claim({ ...request, limit: 5 });
    expect(keysOf(first)).toBe("ab-c-");
    expect(await claimKeys(store)).toBe("");
    await commitOne(store, settleOf(first.jobs[0]?.live as never));
    expect(await claimKeys(store)).toBe("a");
  });

  test("a queue starts as many attempts as its rate allows, and says when it goes on; attempts that ended count all the same", async () => {
    const { store } = subject;
    await store.queues.put("default", { rateLimit: { limit: 2, perSeconds: 1 } }, T0);
    await submit(store, "-----");
    await submit(store, "m", { queue: "mail" });
    const first = await store.jobs.claim({ ...request, limit: 4 });
    expect([keysOf(first), first.heldUntil]).toEqual(["--m", T0 + 500]);
    await store.jobs.commit(
      first.jobs.map(({ live }) => settleOf(live)),
      T0 + 1,
    );
    const early = await store.jobs.claim({ ...request, now: T0 + 499 });
    expect([keysOf(early), early.heldUntil]).toEqual(["", T0 + 500]);
    const next = await store.jobs.claim({ ...request, now: T0 + 500 });
    expect([keysOf(next), next.heldUntil]).toEqual(["-", T0 + 1_000]);
    await store.queues.put("default", { rateLimit: null }, T0);
    expect(await store.jobs.claim({ ...request, now: T0 + 501 })).toMatchObject({ jobs: [{}, {}], heldUntil: null });
  });

  test("a rate of each key holds back that key only, and not the jobs without one", async () => {
    const { store } = subject;
    await store.queues.put("default", { keyRateLimit: { limit: 1, perSeconds: 10 } }, T0);
    await submit(store, "aaabb--");
    const first = await store.jobs.claim(request);
    expect([keysOf(first), first.heldUntil]).toEqual(["-ab-", T0 + 10_000]);
    const next = await store.jobs.claim({ ...request, now: T0 + 10_000 });
    expect([keysOf(next), next.heldUntil]).toEqual(["ab", T0 + 20_000]);
  });

  test("a rate holds back neither a resumed attempt nor a job that nobody executes", async () => {
    const { store } = subject;
    await store.queues.put("default", { rateLimit: { limit: 1, perSeconds: 60 }, keyRateLimit: { limit: 1, perSeconds: 60 } }, T0);
    await submit(store, "a");
    const [parked] = (await store.jobs.claim(request)).jobs;
    const { id, token } = parked?.live ?? { id: "", token: 0 };
    await commitOne(store, { type: "wait", id, token, wait: { for: "completion", tokenHash: "h" }, until: null });
    await submit(store, "bb");
    await submit(store, "c", { executor: "none", kind: "workflow" });
    expect(await claimKeys(store)).toBe("");
    await commitOne(store, { type: "resume", id });
    expect(await claimKeys(store)).toBe("a");
    expect(await claimKeys(store, { executor: "none" })).toBe("c");
  });

  test("many keys that may start nothing hide none that may", async () => {
    const { store } = subject;
    await store.queues.put("default", { keyConcurrencyLimit: 1 }, T0);
    const keys = Array.from({ length: 130 }, (_, i) => `k${String(i).padStart(3, "0")}`);
    const jobs = keys.flatMap((fairnessKey) => [jobRecord({ fairnessKey }), jobRecord({ fairnessKey })]);
    await store.jobs.commit(
      jobs.map((job) => ({ type: "submit", job })),
      T0,
    );
    expect((await store.jobs.claim({ ...request, limit: 125 })).jobs).toHaveLength(125);
    const { jobs: last } = await store.jobs.claim({ ...request, limit: 50 });
    expect(last.map(({ live }) => live.fairnessKey)).toEqual(keys.slice(125));
  });

  test("more keys that may start nothing than one claim starts from hide not the one that may", async () => {
    const { store } = subject;
    await store.queues.put("default", { keyConcurrencyLimit: 1 }, T0);
    const keys = Array.from({ length: KEYS_HELD }, (_, i) => `k${String(i).padStart(5, "0")}`);
    const submitAll = async (): Promise<void> => {
      for (let from = 0; from < keys.length; from += 500) {
        const page = keys.slice(from, from + 500).map((fairnessKey): Change => ({ type: "submit", job: jobRecord({ fairnessKey }) }));
        await store.jobs.commit(page, T0);
      }
    };
    await submitAll();
    for (let started = 0; started < keys.length;) started += (await store.jobs.claim({ ...request, limit: 500 })).jobs.length;
    await submitAll();
    await submit(store, "z", { fairnessKey: `${keys.at(-9)}z` });
    expect(await claimKeys(store, { limit: 10 })).toBe("z");
    expect(await claimKeys(store, { limit: 10 })).toBe("");
  }, 60_000);
}

const KEYS_HELD = 2_500;
let queues = 0;
