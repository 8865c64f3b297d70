import { jobRecord, T0 } from "@windlass/testkit";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { admit, heldUntil, queueState, roomOf, type Admission, type QueueState } from "./admission.ts";
import { applyChanges } from "./apply.ts";
import type { JobRecord, LiveJob } from "./job.ts";
import type { QueueSettings } from "./queue.ts";
import { DEFAULT_BACKOFF } from "./retry.ts";
import { inTurns } from "./turn.ts";
import { WorkingSet } from "./working-set.ts";

function submitted(...given: Partial<JobRecord>[]): LiveJob[] {
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [] }, T0);
  const records = given.map((one) => jobRecord(one));
  applyChanges(
    set,
    records.map((job) => ({ type: "submit", job })),
    T0,
  );
  return records.map(({ id }) => set.get(id)).filter((live) => live !== undefined);
}

/** Admits from these candidates; what became of them is read from the set. */
function admission(
  candidates: readonly LiveJob[],
  given: Partial<Admission> = {},
): { readonly admitted: string[]; readonly set: WorkingSet } {
  const set = new WorkingSet({ live: candidates, ended: [], children: [], idempotent: [] }, T0);
  const admitted = admit(set, {
    candidates,
    queues: new Map(),
    keys: new Map(),
    claim: { session: "ses_1", place: null },
    limit: 100,
    ahead: 0,
    now: T0,
    ...given,
  });
  return { admitted, set };
}

const idsOf = (jobs: readonly LiveJob[]): string[] => jobs.map(({ id }) => id);
const withKey = (limit = 1) => ({ concurrency: { key: "db", limit } });
const key = (limit: number, ...holders: string[]) => new Map([["db", { limit, holders: new Set(holders) }]]);

describe("queues", () => {
  test("admit in the order given, up to what was asked for", () => {
    const jobs = submitted({}, {}, {});
    expect(admission(jobs, { limit: 2 }).admitted).toEqual(idsOf(jobs).slice(0, 2));
  });

  test("that are paused let nothing start, and touch nothing", () => {
    const { admitted, set } = admission(submitted({}), { queues: new Map([["default", queueState({ paused: true })]]) });
    expect(admitted).toEqual([]);
    expect(set.writes.live.size).toBe(0);
  });

  test("have no more attempts alive than their limit, those that run counted; other queues go on", () => {
    const jobs = submitted({}, {}, { queue: "mail" });
    const { admitted } = admission(jobs, { queues: new Map([["default", queueState({ concurrencyLimit: 3 }, { running: 2 })]]) });
    expect(admitted).toEqual([jobs[0]?.id, jobs[2]?.id]);
  });

  test("do not hold back a resumed attempt, which was admitted before", () => {
    const jobs = submitted({}, {}).map((live) => ({ ...live, resumed: true, attempt: 1 }));
    const queues = new Map([["default", queueState({ paused: true, concurrencyLimit: 1 }, { running: 1 })]]);
    const { admitted, set } = admission(jobs, { queues });
    expect(admitted).toEqual(idsOf(jobs));
    expect(set.get(jobs[0]?.id ?? "")).toMatchObject({ attempt: 1, token: 1, state: "running" });
  });
});

describe("rates and fairness keys", () => {
  const started = (set: WorkingSet): string[] =>
    [...set.writes.live.values()].flatMap(({ state, id }) => (state === "running" ? [id] : []));

  test("a rate lets as many start as its bucket holds, and tells when the next may", () => {
    const queue = queueState({ rateLimit: { limit: 2, perSeconds: 1 } });
    const jobs = submitted({}, {}, {});
    const { admitted, set } = admission(jobs, { queues: new Map([["default", queue]]) });
    expect(admitted).toEqual(idsOf(jobs).slice(0, 2));
    expect([...set.writes.spent.values()]).toEqual([{ queue: "default", fairnessKey: "", spentUntil: (T0 + 1_000) * 1_000 }]);
    expect(heldUntil(queue, T0)).toBe(T0 + 500);
  });

  test("a key that may start nothing holds back no other (D6), and a job without a key is not counted", () => {
    const jobs = submitted({ fairnessKey: "a" }, { fairnessKey: "a" }, { fairnessKey: "b" }, {}, {});
    const limited = queueState({ keyConcurrencyLimit: 1, keyRateLimit: { limit: 1, perSeconds: 60 } });
    const { admitted } = admission(jobs, { queues: new Map([["default", limited]]) });
    expect(admitted).toEqual([jobs[0]?.id, jobs[2]?.id, jobs[3]?.id, jobs[4]?.id]);
    expect(heldUntil(limited, T0)).toBe(T0 + 60_000);
  });

  test("a resumed attempt and a job without executor spend nothing", () => {
    const queues = new Map([["default", queueState({ rateLimit: { limit: 1, perSeconds: 1 } })]]);
    const [resumed, composite] = submitted({}, { executor: "none", kind: "workflow" }) as [LiveJob, LiveJob];
    const { admitted, set } = admission([{ ...resumed, resumed: true, attempt: 1 }, composite], { queues });
    expect(admitted).toHaveLength(2);
    expect(set.writes.spent.size).toBe(0);
  });

  test("every job starts in the end, and no limit or rate is ever exceeded, whatever they are and however often somebody claims", () => {
    const limits = fc.record({
      concurrencyLimit: fc.constantFrom(null, 1, 3, 6),
      keyConcurrencyLimit: fc.constantFrom(null, 1, 2, 4),
      rateLimit: fc.constantFrom(null, { limit: 2, perSeconds: 1 }),
      keyRateLimit: fc.constantFrom(null, { limit: 1, perSeconds: 2 }),
    });
    fc.assert(
      fc.property(
        limits,
        fc.array(fc.constantFrom("", "a", "b", "c"), { minLength: 1, maxLength: 20 }),
        fc.record({ limit: fc.integer({ min: 1, max: 8 }), ahead: fc.nat(8) }),
        (settings, keys, { limit, ahead }) => {
          let waiting: readonly LiveJob[] = submitted(...keys.map((fairnessKey) => ({ fairnessKey })));
          const queue = queueState(settings);
          let running: LiveJob[] = [];
          for (let now = T0; waiting.length > 0 && now < T0 + 100_000;) {
            const set = new WorkingSet({ live: waiting, ended: [], children: [], idempotent: [] }, now);
            admit(set, {
              candidates: inTurns(waiting, undefined),
              queues: new Map([["default", queue]]),
              keys: new Map(),
              claim: { session: "s", place: null },
              ahead,
              limit,
              now,
            });
            const ids = new Set(started(set));
            running.push(...waiting.filter(({ id }) => ids.has(id)));
            waiting = waiting.filter(({ id }) => !ids.has(id));
            expect(running.length).toBeLessThanOrEqual(settings.concurrencyLimit ?? Infinity);
            for (const key of ["a", "b", "c"])
              expect(running.filter(({ fairnessKey }) => fairnessKey === key).length).toBeLessThanOrEqual(
                settings.keyConcurrencyLimit ?? Infinity,
              );
            const next = heldUntil(queue, now);
            // Either something runs, or a rate says until when nothing does.
            if (ids.size === 0 && running.length === 0) expect(next).not.toBeNull();
            for (const { fairnessKey } of running) {
              queue.running--;
              const used = queue.fairness.get(fairnessKey);
              if (used !== undefined) used.running--;
            }
            running = [];
            now = ids.size === 0 ? (next ?? now + 1) : now + 1;
          }
          expect(waiting).toEqual([]);
        },
      ),
    );
  });
});

describe("concurrency keys", () => {
  test("are held by no more jobs than their limit; the others leave the ready index and say who holds it", () => {
    const jobs = submitted(withKey(2), withKey(2), withKey(2));
    const { admitted, set } = admission(jobs, { keys: key(2, "job_other") });
    expect(admitted).toEqual([jobs[0]?.id]);
    expect(set.writes.keysTaken).toEqual([{ key: "db", jobId: jobs[0]?.id }]);
    for (const live of jobs.slice(1)) expect(set.get(live.id)).toMatchObject({ blocked: true, state: "queued", attempt: 0 });
    expect(set.writes.events.filter((event) => event.type === "job.blocked")).toMatchObject([
      { data: { key: "db", holders: ["job_other", jobs[0]?.id] } },
      {},
    ]);
  });

  test("that a job holds already are not taken again: a resumed attempt, and a descendant of a holder", () => {
    const [first] = submitted(withKey());
    const resumed = { ...(first as LiveJob), resumed: true, attempt: 1 };
    expect(admission([resumed], { keys: key(1, resumed.id) })).toMatchObject({
      admitted: [resumed.id],
      set: { writes: { keysTaken: [] } },
    });
    const below = { ...(first as LiveJob), path: "job_root/job_parent" };
    expect(admission([below], { keys: key(1, "job_root") })).toMatchObject({ admitted: [below.id], set: { writes: { keysTaken: [] } } });
    expect(admission([{ ...below, path: "job_root2/job_parent" }], { keys: key(1, "job_root") }).admitted).toEqual([]);
  });

  test("with room let as many in as there is room", () => {
    expect(roomOf({ limit: 3, holders: new Set(["a"]) })).toBe(2);
    expect(roomOf({ limit: 1, holders: new Set(["a", "b"]) })).toBe(0);
  });

  test("a job that its queue holds back takes no key", () => {
    const jobs = submitted(withKey(), { ...withKey(), queue: "mail" });
    const keys = key(1);
    const { admitted } = admission(jobs, { keys, queues: new Map([["default", queueState({ paused: true })]]) });
    expect(admitted).toEqual([jobs[1]?.id]);
  });
});

test("a job whose start deadline has passed is not started and takes no key; once an attempt began it counts no more", () => {
  const [late, now, soon] = submitted({ ...withKey(), startDeadline: T0 - 1 }, { startDeadline: T0 }, { startDeadline: T0 + 1 });
  if (late === undefined || now === undefined || soon === undefined) throw new Error("there are three");
  const { admitted, set } = admission([late, now, soon, { ...now, id: "job_again", attempt: 1 }], { keys: key(1) });
  expect(admitted).toEqual([soon.id, "job_again"]);
  expect(set.writes.keysTaken).toEqual([]);
});

test("a candidate that was claimed, blocked or ended meanwhile is passed over", () => {
  const [a, b] = submitted({}, {}) as [LiveJob, LiveJob];
  expect(
    admission([
      { ...a, state: "running" },
      { ...b, blocked: true },
    ]).admitted,
  ).toEqual([]);
});

describe("reading ahead (D7)", () => {
  const retry = { limit: 1, on: ["failed_node_lost"], backoff: DEFAULT_BACKOFF } as const;

  test("takes what loses nothing by waiting, beyond the slots and no further", () => {
    const jobs = submitted({}, {}, { retry }, {}, {});
    expect(admission(jobs, { limit: 1, ahead: 3 }).admitted).toEqual(idsOf(jobs).slice(0, 4));
    expect(admission(jobs, { limit: 0, ahead: 2 }).admitted).toEqual(idsOf(jobs).slice(0, 2));
  });

  test.each([
    ["whose time limit would run", { timeoutMs: 1_000 }],
    ["that no attempt would follow", { retry: { ...retry, limit: 0 } }],
    ["that is not repeated when its worker is lost", { retry: { ...retry, on: ["failed"] } }],
    ["with a concurrency key", withKey()],
  ] as const)("stops before one %s; a slot takes it", (_which, given) => {
    const jobs = submitted({}, given, {});
    expect(admission(jobs, { limit: 1, ahead: 5, keys: key(1) }).admitted).toEqual([jobs[0]?.id]);
    expect(admission(jobs, { limit: 2, ahead: 5, keys: key(1) }).admitted).toEqual(idsOf(jobs));
  });

  test("goes on in turn over fairness keys, up to one of a key that has a rate, or of whose limit half is used (D8)", () => {
    const jobs = submitted({ fairnessKey: "a" }, { fairnessKey: "b" }, { fairnessKey: "a" }, {});
    const count = (settings: Partial<QueueSettings>, limit = 1): number =>
      admission(jobs, { limit, ahead: 5, queues: new Map([["default", queueState(settings)]]) }).admitted.length;
    expect(count({})).toBe(4);
    expect(count({ keyConcurrencyLimit: 4 })).toBe(4);
    expect(count({ keyConcurrencyLimit: 3 })).toBe(2);
    expect(count({ keyConcurrencyLimit: 3 }, 3)).toBe(4);
    expect(count({ keyConcurrencyLimit: 5, keyRateLimit: { limit: 5, perSeconds: 1 } })).toBe(1);
    const queues = new Map([["default", queueState({ keyRateLimit: { limit: 5, perSeconds: 1 } })]]);
    expect(admission(jobs.toReversed(), { limit: 0, ahead: 5, queues }).admitted).toEqual([jobs[3]?.id]);
  });

  test("takes of a queue with a limit what fits into half of its places, of one with a rate or under a limit of several nothing (D8)", () => {
    const jobs = submitted(...Array.from({ length: 9 }, () => ({})));
    const count = (queue: QueueState, limit = 1): number =>
      admission(jobs, { limit, ahead: 9, queues: new Map([["default", queue]]) }).admitted.length;
    expect(count(queueState({ concurrencyLimit: 7 }))).toBe(3);
    expect(count(queueState({ concurrencyLimit: 7 }), 5)).toBe(5);
    expect(count(queueState({ concurrencyLimit: 7 }, { running: 1 }), 0)).toBe(2);
    expect(count(queueState({ concurrencyLimit: 7 }, { running: 3 }))).toBe(1);
    expect(count(queueState({ concurrencyLimit: 7 }, { running: 3 }), 0)).toBe(0);
    expect(count(queueState({ concurrencyLimit: 1 }), 0)).toBe(0);
    expect(count(queueState({ rateLimit: { limit: 5, perSeconds: 1 } }))).toBe(1);
    expect(count({ ...queueState(), overall: { limit: 50, running: 0 } })).toBe(1);
  });

  test("passes what may not start at all, and takes no attempt that was resumed", () => {
    const jobs = submitted({ queue: "full" }, {}, {});
    const queues = new Map([["full", queueState({ concurrencyLimit: 2 }, { running: 2 })]]);
    expect(admission(jobs, { limit: 0, ahead: 5, queues }).admitted).toEqual(idsOf(jobs).slice(1));
    const resumed = jobs.map((live) => ({ ...live, resumed: true, attempt: 1 }));
    expect(admission(resumed, { limit: 1, ahead: 5 }).admitted).toEqual([jobs[0]?.id]);
  });
});
