/** Contract: who is started, in which order, and what holds a job back. */
import { expect, test } from "vitest";
import { ms, type Change, type RetryPolicy } from "@windlass/kernel";
import type { ClaimRequest, Store } from "@windlass/ports";
import { childRecord, failed, jobRecord, nextJobId, settleOf, T0 } from "./factories.ts";
import { commitOne } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const request: ClaimRequest = { executor: "handler", session: "ses_1", place: null, limit: 100, now: T0 + 1 };

async function submit(store: Store, ...given: Parameters<typeof jobRecord>[0][]): Promise<string[]> {
  const jobs = given.map((one) => jobRecord(one));
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  return jobs.map((job) => job.id);
}

async function claimIds(store: Store, given: Partial<ClaimRequest> = {}): Promise<string[]> {
  const { jobs } = await store.jobs.claim({ ...request, ...given });
  return jobs.map((job) => job.record.id);
}

export function describeClaims(subject: Subject): void {
  test("claims highest priority first, then oldest, across queues", async () => {
    const { store } = subject;
    const [a, b, c, d] = await submit(store, { priority: 1 }, { priority: 5, queue: "mail" }, { priority: 5 }, { priority: -1 });
    expect(await claimIds(store, { limit: 2 })).toEqual([b, c]);
    expect(await claimIds(store)).toEqual([a, d]);
    expect(await claimIds(store)).toEqual([]);
  });

  test("jobs are read ahead of the slots as far as they lose nothing by it, in order", async () => {
    const { store } = subject;
    const [a, b, c, d, e] = await submit(store, {}, {}, {}, { timeoutMs: 1_000 }, {});
    expect(await claimIds(store, { limit: 1, ahead: 1 })).toEqual([a, b]);
    expect(await claimIds(store, { limit: 0, ahead: 5 })).toEqual([c]);
    expect(await claimIds(store, { limit: 0, ahead: 5 })).toEqual([]);
    expect(await claimIds(store, { limit: 1, ahead: 5 })).toEqual([d, e]);
  });

  test("claims that are asked for at once share out what is ready, in the order in which they are asked for", async () => {
    const { store } = subject;
    const ids = await submit(store, ...Array.from({ length: 40 }, () => ({})));
    const claimed = await Promise.all([10, 5, 20].map((limit) => claimIds(store, { limit })));
    expect(claimed).toEqual([ids.slice(0, 10), ids.slice(10, 15), ids.slice(15, 35)]);
    expect(await claimIds(store, { limit: 10 })).toEqual(ids.slice(35));
  });

  test("a claim gives only so many bytes at once, in order, and says that there is more; one job that is larger goes alone", async () => {
    const { store } = subject;
    const claim = async (limit: number, ahead = 0): Promise<readonly [readonly string[], readonly string[]]> => {
      const { jobs, signals } = await store.jobs.claim({ ...request, limit, ahead });
      return [jobs.map(({ record }) => record.id), [...signals.ready]];
    };
    const large = { input: "x".repeat(17_000_000) };
    const [a, b, small, larger, last] = await submit(store, large, large, {}, { input: "x".repeat(33_000_000) }, {});
    const more = ["handler/default"];
    expect(await claim(1, 10)).toEqual([[a], more]);
    expect(await claim(10)).toEqual([[b, small], more]);
    expect(await claim(10)).toEqual([[larger], more]);
    expect(await claim(10)).toEqual([[last], []]);
  });

  test("what is blocked by its key takes no room from what may be claimed behind it", async () => {
    const { store } = subject;
    const concurrency = { key: "one", limit: 1 };
    const large = { input: "x".repeat(17_000_000), concurrency };
    const [holder, , , behind] = await submit(store, { concurrency }, large, large, {});
    expect(await claimIds(store, { limit: 1 })).toEqual([holder]);
    expect(await claimIds(store, { limit: 10 })).toEqual([behind]);
  });

  test("each attempt has its input and labels for itself: what is done with them does not reach the next one", async () => {
    const { store } = subject;
    const given = { input: Object.freeze({ list: Object.freeze([3, 1, 2]) }), labels: Object.freeze({ team: "web" }) };
    const retry: RetryPolicy = { limit: 1, on: ["failed"], backoff: { initial: ms(1_000), factor: 1, max: ms(1_000), jitter: 0 } };
    const [a, b] = (await submit(store, { ...given, retry }, { ...given, retry })) as [string, string];
    for (const attempt of [1, 2]) {
      if (attempt === 2) for (const id of [a, b]) await commitOne(store, { type: "due", id }, T0 + 2_000);
      const { jobs } = await store.jobs.claim({ ...request, now: T0 + 2_001 * (attempt - 1) + 1 });
      expect(jobs.map(({ record, live }) => [record.id, live.attempt, record.input, record.labels])).toEqual(
        [a, b].map((id) => [id, attempt, { list: [3, 1, 2] }, { team: "web" }]),
      );
      for (const { record, live } of jobs) {
        (record.input as { list: number[] }).list.sort((one, other) => one - other);
        (record.labels as Record<string, string>)["team"] = "none";
        await commitOne(store, settleOf(live, failed), T0 + 10);
      }
    }
  });

  test("a session that was closed claims nothing, so that nothing is held by nobody", async () => {
    const { store } = subject;
    const [id] = await submit(store, {});
    await store.sessions.close("ses_1");
    expect(await claimIds(store)).toEqual([]);
    expect(await claimIds(store, { session: "ses_2" })).toEqual([id]);
  });

  test("claims only the executor and the queues that were asked for", async () => {
    const { store } = subject;
    const [, mail, process] = await submit(store, {}, { queue: "mail" }, { executor: "process", name: "build" });
    expect(await claimIds(store, { queues: ["mail", "none"] })).toEqual([mail]);
    const { jobs } = await store.jobs.claim({ ...request, executor: "process", place: "host-1" });
    expect(jobs).toMatchObject([
      { record: { id: process }, live: { state: "running", phase: "launching", place: "host-1", attempt: 1, token: 1 } },
    ]);
    expect(jobs[0]?.live.externalName).toMatch(/^windlass-build-/u);
    expect((await store.reads.get(process as string))?.live).toEqual(jobs[0]?.live);
  });

  test("a paused queue starts nothing, but lets a resumed attempt go on", async () => {
    const { store } = subject;
    const [parked] = await submit(store, {});
    const { jobs } = await store.jobs.claim(request);
    await commitOne(store, {
      type: "wait",
      id: parked as string,
      token: jobs[0]?.live.token as number,
      wait: { for: "completion", tokenHash: "h" },
      until: null,
    });
    const [fresh] = await submit(store, { priority: 9 });
    await store.queues.put("default", { paused: true, by: "test" }, T0);
    expect(await claimIds(store)).toEqual([]);
    await commitOne(store, { type: "resume", id: parked as string });
    // One that may not start stands before it, and the claim is for one.
    expect(await claimIds(store, { limit: 1 })).toEqual([parked]);
    await store.queues.put("default", { paused: false }, T0);
    expect(await claimIds(store)).toEqual([fresh]);
  });

  test("a queue never has more attempts alive than its limit", async () => {
    const { store } = subject;
    await store.queues.put("default", { concurrencyLimit: 2 }, T0);
    const [a, b, c] = await submit(store, {}, {}, {});
    const { jobs } = await store.jobs.claim(request);
    expect(jobs.map((job) => job.record.id)).toEqual([a, b]);
    expect(await claimIds(store)).toEqual([]);
    await commitOne(store, settleOf(jobs[0]?.live as never));
    expect(await claimIds(store)).toEqual([c]);
  });

  test("a full queue holds back attempts, not jobs that nobody executes", async () => {
    const { store } = subject;
    const [running, waiting, execution] = await submit(store, {}, {}, { executor: "none", kind: "workflow" });
    await store.queues.put("default", { concurrencyLimit: 1 }, T0);
    expect(await claimIds(store)).toEqual([running]);
    expect(await claimIds(store)).toEqual([]);
    expect(await claimIds(store, { executor: "none" })).toEqual([execution]);
    await store.queues.put("default", { concurrencyLimit: null }, T0);
    expect(await claimIds(store)).toEqual([waiting]);
  });

  test("a key is held by no more jobs than its limit; others wait and follow in order", async () => {
    const { store } = subject;
    const concurrency = { key: "db", limit: 1 };
    const [a, b, c, d] = await submit(store, { concurrency }, { concurrency }, { concurrency, priority: 3 }, {});
    expect(await claimIds(store, { limit: 2 })).toEqual([c, d]);
    expect(await store.reads.keyHolders("db")).toEqual({ limit: 1, holders: [c] });
    expect((await store.reads.get(a as string))?.live?.blocked).toBe(true);
    const live = (await store.reads.get(c as string))?.live;
    const { signals } = await store.jobs.commit([settleOf(live as never)], T0 + 5);
    expect([...signals.ready]).toEqual(["handler/default"]);
    expect((await store.reads.get(a as string))?.live?.blocked).toBe(false);
    expect((await store.reads.get(b as string))?.live?.blocked).toBe(true);
    expect(await claimIds(store)).toEqual([a]);
  });

  test("jobs with a full key do not hide what is behind them", async () => {
    const { store } = subject;
    const concurrency = { key: "db", limit: 1 };
    await submit(store, ...Array.from({ length: 12 }, () => ({ concurrency, priority: 5 })));
    const [last] = await submit(store, {});
    expect(await claimIds(store, { limit: 2 })).toContain(last);
  });

  test("a key whose limit grew lets blocked jobs in", async () => {
    const { store } = subject;
    const ids = await submit(store, { concurrency: { key: "db", limit: 1 } }, { concurrency: { key: "db", limit: 1 } });
    expect(await claimIds(store)).toEqual([ids[0]]);
    await submit(store, { concurrency: { key: "db", limit: 3 }, priority: -1 });
    expect(await claimIds(store, { limit: 1 })).toEqual([ids[1]]);
  });

  test("a descendant of a holder is let in without a place of its own", async () => {
    const { store } = subject;
    const concurrency = { key: "deploy", limit: 1 };
    const root = jobRecord({ kind: "workflow", executor: "none", concurrency });
    await commitOne(store, { type: "submit", job: root });
    expect(await claimIds(store, { executor: "none" })).toEqual([root.id]);
    const child = childRecord(root, "a", { id: nextJobId(), concurrency });
    await commitOne(store, { type: "submit", job: child });
    const [stranger] = await submit(store, { concurrency });
    expect(await claimIds(store)).toEqual([child.id]);
    expect((await store.reads.get(stranger as string))?.live?.blocked).toBe(true);
    expect(await store.reads.keyHolders("deploy")).toEqual({ limit: 1, holders: [root.id] });
  });

  test("what is held back by its key and is not to wait is found, and may be skipped only then", async () => {
    const { store } = subject;
    const concurrency = { key: "default/day", limit: 1, onConflict: "skip" } as const;
    const [first, second, third] = [
      jobRecord({ concurrency }),
      jobRecord({ concurrency }),
      jobRecord({ concurrency: { key: "default/day", limit: 1 } }),
    ];
    for (const job of [first, second, third]) await commitOne(store, { type: "submit", job });
    await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 10, now: T0 });
    expect((await store.jobs.live({ contending: true }, 10)).map(({ id, onConflict }) => [id, onConflict])).toEqual([[second.id, "skip"]]);
    const skip = (id: string): Change => ({ type: "skip", id, message: "held" });
    expect(await commitOne(store, skip(first.id))).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    expect(await commitOne(store, skip(second.id))).toMatchObject({ ok: true });
    expect((await store.reads.get(second.id))?.final).toMatchObject({ state: "skipped", reason: "key_held", message: "held" });
    expect(await store.jobs.live({ contending: true }, 10)).toEqual([]);
  });
}
