/** Operations on queues, and on jobs of them, that come while these are submitted, claimed, failed and tried again: on SQLite, and at two servers on one PostgreSQL. */
import { setImmediate as turnOver } from "node:timers/promises";
import { client, worker, type Client, type Worker } from "@windlass/sdk";
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const LANES = 4;
const TURNS = 2;
const postgres = testPostgres();
const queueOf = (lane: number): string => `lane-${lane}`;
const asideOf = (lane: number): string => `aside-${lane}`;
const QUEUES = Array.from({ length: LANES }, (_, lane) => [queueOf(lane), asideOf(lane)]).flat();
/** Each wait is a stream, of which a server lets one token have 250. */
const WAITS_MAX = 200 / LANES;
const AT_ONCE = { limit: 2, on: ["failed"], backoff: { initialSeconds: 0, jitter: 0 } } as const;
const FAR = "2999-01-01T00:00:00Z";

interface Input {
  readonly lane: number;
  /** Turns of the event loop that it takes. */
  readonly turns?: number;
  /** Attempts that fail. */
  readonly fails?: number;
}

/** What the handlers of a test saw. */
class Seen {
  /** Attempts that began, by job. */
  readonly begun = new Map<string, number[]>();
  readonly running = new Map<number, number>();
  readonly most = new Map<number, number>();
  /** Lanes in which nothing fails any more. */
  readonly mended = new Set<number>();

  async handle(jobId: string, attempt: number, { lane, turns = 0, fails = 0 }: Input): Promise<number> {
    this.begun.set(jobId, [...(this.begun.get(jobId) ?? []), attempt]);
    this.#run(lane, 1);
    for (let turn = 0; turn < turns; turn++) await turnOver();
    this.#run(lane, -1);
    if (attempt <= fails && !this.mended.has(lane)) throw new Error("as it was told");
    return attempt;
  }

  #run(lane: number, more: number): void {
    const now = (this.running.get(lane) ?? 0) + more;
    this.running.set(lane, now);
    this.most.set(lane, Math.max(now, this.most.get(lane) ?? 0));
  }
}

describe.each(["SQLite", "two servers on PostgreSQL"])("on %s", (store) => {
  const isPostgres = store !== "SQLite";
  const here: Stranger[] = [];
  const apis: Client[] = [];
  const workers: Worker[] = [];
  let seen = new Seen();

  describe.skipIf(isPostgres && postgres.missing)("of many jobs each", () => {
    beforeAll(async () => {
      if (isPostgres) await postgres.start();
      const url = isPostgres ? ["--store", await postgres.schema()] : [];
      for (let servers = isPostgres ? 2 : 1; servers > 0; servers--) {
        const one = stranger();
        here.push(one);
        const server = await one.server(...url);
        apis.push(client({ url: server.url, token: one.read(".windlass/token").trim() }));
        for (let count = isPostgres ? 1 : 2; count > 0; count--)
          workers.push(
            worker({
              url: server.url,
              token: one.read(".windlass/token").trim(),
              queue: QUEUES,
              concurrency: 4,
              handlers: { work: ({ jobId, attempt, input }) => seen.handle(jobId, attempt, input) },
            }),
          );
      }
      for (const one of workers) await one.start();
    });
    beforeEach(() => {
      seen = new Seen();
    });
    afterAll(async () => {
      for (const one of workers) await one.stop();
      for (const one of here) await one.leave();
      if (isPostgres) await postgres.stop();
    });

    interface Lane {
      readonly lane: number;
      readonly queue: string;
      readonly turn: number;
      readonly api: () => Client;
      /** Submits as many, and returns their ids. */
      readonly submit: (count: number, input?: Omit<Input, "lane">, more?: object) => Promise<string[]>;
      /** Each turn comes a little later. */
      readonly later: () => Promise<void>;
      readonly ends: (ids: readonly string[]) => Promise<string[]>;
    }

    /** Many lanes at once, each with calls to one server and the other in turn. */
    const many = async (act: (lane: Lane) => Promise<void>): Promise<void> => {
      const lanes = Array.from({ length: LANES }, async (_, lane) => {
        let calls = lane;
        const queue = queueOf(lane);
        const api = (): Client => apis[calls++ % apis.length] as Client;
        for (let turn = 0; turn < TURNS; turn++)
          await act({
            ...{ lane, queue, turn, api },
            async submit(count, input = {}, more = {}) {
              const job = {
                name: "work",
                executor: "handler",
                spec: { handler: "work" },
                input: { lane, ...input },
                queue,
                ...more,
              } as const;
              const { results } = await api().jobs.submitMany({ jobs: Array.from({ length: count }, () => job) });
              return results.map((result) => ("id" in result ? result.id : result.problem.code));
            },
            async later() {
              for (let looks = (lane + turn) % 8; looks > 0; looks--) await api().queues.get({ name: queue });
            },
            async ends(ids) {
              const states: string[] = [];
              for (let from = 0; from < ids.length; from += WAITS_MAX)
                states.push(...(await Promise.all(ids.slice(from, from + WAITS_MAX).map(async (id) => (await api().wait(id)).state))));
              return states;
            },
          });
      });
      await Promise.all(lanes);
    };

    const alive = async ({ api, queue }: Lane): Promise<number> => (await api().queues.get({ name: queue })).attemptsAlive;
    const once = (ids: readonly string[]): void => expect(ids.map((id) => seen.begun.get(id))).toEqual(ids.map(() => [1]));
    const all = (ids: readonly string[], state: string): string[] => ids.map(() => state);

    test("starts nothing once it is drained, and everything once when it goes on", async () => {
      await many(async (lane) => {
        const { api, queue, submit, later, ends } = lane;
        const ids = await submit(60);
        await later();
        await api().queues.put({ name: queue, paused: true });
        await expect.poll(() => alive(lane)).toBe(0);
        const begun = ids.filter((id) => seen.begun.has(id)).length;
        ids.push(...(await submit(5)), ...(await submit(1)));
        await later();
        expect([await alive(lane), ids.filter((id) => seen.begun.has(id)).length]).toEqual([0, begun]);
        await api().queues.put({ name: queue, paused: false });
        expect(await ends(ids)).toEqual(all(ids, "succeeded"));
        once(ids);
      });
    });

    test("never runs more than its limit, once no more run than that", async () => {
      await many(async (lane) => {
        const { api, queue, submit, later, ends } = lane;
        const ids = await submit(40, { turns: 3 });
        await later();
        await api().queues.put({ name: queue, concurrencyLimit: 2 });
        await expect.poll(() => alive(lane)).toBeLessThanOrEqual(2);
        seen.most.set(lane.lane, 0);
        ids.push(...(await submit(20, { turns: 3 })), ...(await submit(1, { turns: 3 })));
        expect(await ends(ids)).toEqual(all(ids, "succeeded"));
        expect(seen.most.get(lane.lane)).toBeLessThanOrEqual(2);
        once(ids);
        await api().queues.put({ name: queue, concurrencyLimit: null });
      });
    });

    test("has no more alive than its limit, also of quick jobs that are read ahead, and lets go of these when the limit is lowered", async () => {
      await many(async (lane) => {
        const { api, queue, submit, later, ends } = lane;
        await api().queues.put({ name: queue, concurrencyLimit: 8, keyConcurrencyLimit: 4 });
        const submitting = [submit(150), submit(100, { turns: 1 }, { fairnessKey: "a" }), submit(50, {}, { fairnessKey: "b" })];
        await later();
        for (let looks = 0; looks < 10; looks++) expect(await alive(lane)).toBeLessThanOrEqual(8);
        await api().queues.put({ name: queue, concurrencyLimit: 2 });
        await expect.poll(() => alive(lane)).toBeLessThanOrEqual(2);
        seen.most.set(lane.lane, 0);
        const ids = [...(await Promise.all(submitting)).flat(), ...(await submit(50, { turns: 1 }))];
        expect(await ends(ids)).toEqual(all(ids, "succeeded"));
        expect(seen.most.get(lane.lane)).toBeLessThanOrEqual(2);
        once(ids);
        await api().queues.put({ name: queue, concurrencyLimit: null, keyConcurrencyLimit: null });
      });
    });

    test("loses nothing that is moved to and fro while it is claimed", async () => {
      await many(async ({ api, lane, queue, submit, later, ends }) => {
        const submitting = [submit(40), submit(1), submit(10, { fails: 1 }, { retry: AT_ONCE })];
        await later();
        const move = (name: string, to: string) => api().queues.move({ name, to }).catch(ignoreAbsent);
        for (let moves = 0; moves < 3; moves++) await Promise.all([move(queue, asideOf(lane)), move(asideOf(lane), queue)]);
        const [many = [], single = [], failing = []] = await Promise.all(submitting);
        expect(await ends([...many, ...single, ...failing])).toEqual(all([...many, ...single, ...failing], "succeeded"));
        once([...many, ...single]);
        expect(failing.map((id) => seen.begun.get(id))).toEqual(failing.map(() => [1, 2]));
      });
    });

    test("ends each job that is purged without a start, and counts it once", async () => {
      await many(async ({ api, queue, turn, submit, later, ends }) => {
        const ids = [
          ...(await submit(5, {}, { notBefore: FAR })),
          ...(await submit(30, { turns: 1 })),
          ...(await submit(5, { fails: 9 }, { retry: AT_ONCE, deadLetter: false })),
        ];
        await later();
        const purge = () =>
          api()
            .queues.purge({ name: queue, dryRun: false, remove: turn % 2 === 1 })
            .catch(ignoreAbsent);
        const purged = [...(await Promise.all([purge(), purge()])), await purge()].reduce((sum, one) => sum + (one?.done ?? 0), 0);
        // What was tried again meanwhile, or was given back.
        const left = (await purge())?.done ?? 0;
        const states = await Promise.all(
          ids.map(async (id) => (await ends([id]).catch((error: { readonly code: string }) => [error.code]))[0]),
        );
        const cancelled = ids.filter((_, i) => states[i] === "cancelled" || states[i] === "not_found");
        expect(purged + left).toBe(cancelled.length);
        expect(ids.filter((id, i) => states[i] === "succeeded" && seen.begun.get(id)?.join("") !== "1")).toEqual([]);
        expect(ids.filter((id, i) => states[i] === "not_found" && seen.begun.has(id))).toEqual([]);
        expect(states.filter((state) => !["succeeded", "failed", "cancelled", "not_found"].includes(state ?? ""))).toEqual([]);
      });
    });

    test("redrives each dead letter once, whoever asks at once, and strikes it off once", async () => {
      await many(async ({ api, queue, submit, ends, lane }) => {
        const ids = await submit(20, { fails: 9 }, { retry: { limit: 1, on: ["failed"], backoff: { initialSeconds: 0, jitter: 0 } } });
        expect(await ends(ids)).toEqual(all(ids, "failed"));
        const { items } = await api().deadLetters.list({ queue, redriven: false, limit: 500 });
        expect(items.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
        seen.mended.add(lane);
        const redriven = (await Promise.all([1, 2, 3].map(() => api().deadLetters.redrive({ queue })))).flatMap((one) => one.items);
        expect(
          redriven
            .filter(({ created }) => created)
            .map(({ id }) => id)
            .toSorted(),
        ).toEqual(ids.toSorted());
        const jobs = [...new Set(redriven.map(({ job }) => job ?? ""))];
        expect(await ends(jobs)).toEqual(all(ids, "succeeded"));
        once(jobs);
        const struck = await Promise.all([1, 2].map(() => api().deadLetters.purge({ queue, dryRun: false })));
        expect(struck.reduce((sum, { removed }) => sum + removed, 0)).toBe(ids.length);
        seen.mended.delete(lane);
      });
    });

    test("makes one job under a key, and ends each in one way, whatever is asked of it at once", async () => {
      await many(async ({ api, queue, turn, lane, submit, later, ends }) => {
        const keyed = { idempotencyKey: `key-${lane}-${turn}` };
        const under = await Promise.all([1, 2, 3].map(() => submit(2, {}, keyed)));
        expect(new Set(under.flat()).size).toBe(1);
        const ids = await submit(10, { turns: 1 });
        const labelled = await submit(10, {}, { labels: { turn: `${lane}-${turn}` } });
        await later();
        const ignore = (): null => null;
        await Promise.all([
          ...ids.flatMap((id) => [api().jobs.cancel({ id }).catch(ignore), api().jobs.delete({ id }).catch(ignore)]),
          ...[1, 2].map(() => api().jobs.cancelMany({ queue, label: `turn=${lane}-${turn}` })),
        ]);
        const states = await Promise.all(
          [...ids, ...labelled].map(async (id) => (await ends([id]).catch((error: { readonly code: string }) => [error.code]))[0]),
        );
        expect(states.filter((state) => !["succeeded", "cancelled", "not_found"].includes(state ?? ""))).toEqual([]);
        const begun = [...ids, ...labelled].filter((id, i) => states[i] === "succeeded" && seen.begun.get(id)?.length !== 1);
        expect(begun).toEqual([]);
        const again = await api().jobs.retryMany({ label: `turn=${lane}-${turn}` });
        expect(again.done).toBe(states.slice(10).filter((state) => state === "cancelled").length);
        expect(await ends([...new Set(under.flat())])).toEqual(["succeeded"]);
      });
    });

    test("lets one run under a key of which the newest replaces the others", async () => {
      await many(async ({ lane, turn, submit, ends }) => {
        seen.most.set(lane, 0);
        const key = { concurrency: { key: `one-${lane}-${turn}`, limit: 1, onConflict: "replace" } };
        const ids = (await Promise.all([1, 2, 3].map(() => submit(4, { turns: 2 }, key)))).flat();
        const states = await ends(ids);
        expect(states.filter((state) => state !== "succeeded" && state !== "cancelled")).toEqual([]);
        expect(seen.most.get(lane)).toBeLessThanOrEqual(1);
        const newest = ids.toSorted().at(-1) ?? "";
        expect(states[ids.indexOf(newest)]).toBe("succeeded");
      });
    });

    test("holds nothing when all has ended", async () => {
      for (const api of apis) {
        const held = async (): Promise<number> =>
          (await api.queues.list({})).items.reduce(
            (sum, one) => sum + one.scheduled + one.queued + one.running + one.waiting + one.attemptsAlive,
            0,
          );
        await expect.poll(held).toBe(0);
        expect((await api.jobs.list({ state: ["scheduled", "queued", "running", "waiting", "stopping"] })).items).toEqual([]);
      }
    });
  });
});

function ignoreAbsent(error: Error & { readonly code: string }): null {
  if (error.code === "not_found") return null;
  throw error;
}
