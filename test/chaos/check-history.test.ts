/** The history checker itself: a good history passes, and each way in which one can be bad is seen. */
import { describe, expect, test } from "vitest";
import type { Attempt, EventType, JobEvent, JobView } from "@windlass/kernel";
import { jobRecord } from "@windlass/testkit";
import { violationsOf } from "./check-history.ts";
import type { Effect } from "./effects.ts";
import type { History } from "./history.ts";

const KEY = { key: "default/gate", limit: 1 };

function succeeded(id: string, more: Partial<JobView["record"]> = {}): JobView {
  const record = { ...jobRecord({ id, executor: "process" }), idempotencyKey: `key of ${id}`, ...more };
  const final = {
    state: "succeeded",
    outcome: "succeeded",
    reason: "ok",
    message: null,
    exitCode: 0,
    output: null,
    attempts: 1,
    progress: null,
    startedAt: 0,
    finishedAt: 1,
  } as const;
  return { record, state: "succeeded", live: null, final };
}

function attempt(jobId: string, more: Partial<Attempt> = {}): Attempt {
  const none = {
    token: 1,
    phase: "settled",
    session: null,
    place: null,
    externalName: null,
    externalRef: null,
    message: null,
    exitCode: null,
    signal: null,
    evidence: null,
  } as const;
  return { ...none, jobId, number: 1, executor: "process", startedAt: 0, endedAt: 1, outcome: "succeeded", reason: "ok", ...more };
}

const event = (jobId: string, seq: number, type: EventType): JobEvent => ({ jobId, seq, at: 0, type, attempt: null, data: null });
const life = (jobId: string): JobEvent[] => [
  event(jobId, 1, "job.submitted"),
  event(jobId, 2, "job.started"),
  event(jobId, 3, "job.finished"),
];
const start = (jobId: string, number = 1): Effect => ({ what: "start", jobId, attempt: number, pid: 7 });
const end = (jobId: string, number = 1): Effect => ({ what: "end", jobId, attempt: number, pid: 7 });

/** Two jobs that did what they were to do. */
function history(more: Partial<History> = {}): History {
  const ids = ["job_a", "job_b"];
  return {
    meant: new Map(),
    acknowledged: ids.map((id) => ({ key: `key of ${id}`, id })),
    jobs: ids.map((id) => succeeded(id, { concurrency: KEY })),
    attempts: new Map(ids.map((id) => [id, [attempt(id)]])),
    events: new Map(ids.map((id) => [id, life(id)])),
    feed: ids.flatMap(life),
    effects: ids.flatMap((id) => [start(id), end(id)]),
    heard: ids.flatMap(life),
    leftovers: [],
    left: null,
    ...more,
  };
}

const rulesBroken = (more: Partial<History>): string[] => [
  ...new Set(violationsOf(history(more)).map(({ rule }) => rule.split(" ")[0] ?? "")),
];

const overlapping = [start("job_a"), start("job_b"), end("job_a"), end("job_b")];
const attemptsOf = (a: readonly Attempt[]): History["attempts"] =>
  new Map([
    ["job_a", a],
    ["job_b", [attempt("job_b")]],
  ]);
const lostThenDone = [attempt("job_a", { outcome: "failed_node_lost", reason: "worker_lost" }), attempt("job_a", { number: 2 })];
const twoAttempts = (job: JobView): JobView => ({ ...job, final: job.final === null ? null : { ...job.final, attempts: 2 } });
const [jobA, jobB] = [succeeded("job_a", { concurrency: KEY }), succeeded("job_b", { concurrency: KEY })];

describe("a history", () => {
  test("without faults passes", () => {
    expect(violationsOf(history())).toEqual([]);
  });

  test("passes in which what a worker had that left was taken in time", () => {
    const lost = attempt("job_a", { outcome: "failed_node_lost", reason: "worker_lost", endedAt: 24_000 });
    const left = { attempts: [{ jobId: "job_a", attempt: 1 }], at: 0 };
    const more = {
      left,
      attempts: new Map([
        ["job_a", [lost]],
        ["job_b", [attempt("job_b")]],
      ]),
    };
    expect(rulesBroken(more)).not.toContain("H16");
  });

  test("passes in which a lost worker went on beside its successor", () => {
    const effects = [start("job_a"), start("job_a", 2), end("job_a"), end("job_a", 2), start("job_b"), end("job_b")];
    expect(rulesBroken({ jobs: [twoAttempts(jobA), jobB], attempts: attemptsOf(lostThenDone), effects })).toEqual([]);
  });

  test.each<[name: string, rule: string, more: Partial<History>]>([
    ["an acknowledged job is gone", "H1", { acknowledged: [{ key: "key of job_c", id: "job_c" }] }],
    ["two jobs have one idempotency key", "H1", { acknowledged: [], jobs: [jobA, succeeded("job_b", { idempotencyKey: "key of job_a" })] }],
    ["a job has not ended", "H2", { acknowledged: [], jobs: [{ ...jobA, state: "running", final: null }, jobB] }],
    ["an attempt begins twice", "H3", { effects: [start("job_a"), start("job_a"), end("job_a"), start("job_b"), end("job_b")] }],
    ["an attempt does its work twice", "H3", { effects: [start("job_a"), end("job_a"), end("job_a"), start("job_b"), end("job_b")] }],
    ["an effect belongs to no counted attempt", "H3", { effects: [...history().effects, start("job_a", 2)] }],
    ["an attempt is missing", "H4", { jobs: [twoAttempts(jobA), jobB] }],
    ["an attempt of an ended job has not ended", "H4", { attempts: attemptsOf([attempt("job_a", { outcome: null, reason: null })]) }],
    [
      "an attempt followed one that succeeded",
      "H4",
      { jobs: [twoAttempts(jobA), jobB], attempts: attemptsOf([attempt("job_a"), attempt("job_a", { number: 2 })]) },
    ],
    ["an attempt succeeded without its work", "H5", { effects: [start("job_a"), start("job_b"), end("job_b")] }],
    [
      "events have a gap",
      "H6",
      {
        events: new Map([
          ["job_a", life("job_a")],
          ["job_b", [event("job_b", 1, "job.submitted"), event("job_b", 3, "job.finished")]],
        ]),
      },
    ],
    [
      "something follows the end of a job",
      "H6",
      {
        events: new Map([
          ["job_a", life("job_a")],
          ["job_b", [...life("job_b"), event("job_b", 4, "job.due")]],
        ]),
      },
    ],
    ["the feed passes over an event", "H7", { feed: [...life("job_a"), ...life("job_b").slice(1)] }],
    ["a child outlives its parent", "H8", { jobs: [jobA, succeeded("job_b", { concurrency: KEY, parentId: "job_a" })] }],
    ["a worker that left had begun nothing", "H16", { left: { attempts: [], at: 0 } }],
    [
      "what a worker that left had begun was taken late",
      "H16",
      {
        left: { attempts: [{ jobId: "job_a", attempt: 1 }], at: 0 },
        attempts: new Map([
          [
            "job_a",
            [attempt("job_a", { outcome: "failed_node_lost", reason: "worker_lost", endedAt: 26_000 }), attempt("job_a", { number: 2 })],
          ],
        ]),
      },
    ],
    ["a process is left", "H9", { leftovers: [1234] }],
    [
      "a job failed that nobody asked to end",
      "H12",
      {
        jobs: [
          {
            ...jobA,
            state: "failed",
            final: jobA.final === null ? null : { ...jobA.final, state: "failed", outcome: "failed", reason: "exit_code" },
          },
          jobB,
        ],
      },
    ],
    ["a listener missed an event", "H11", { heard: life("job_a") }],
    ["a listener heard an event twice", "H11", { heard: [...life("job_a"), ...life("job_b"), event("job_b", 3, "job.finished")] }],
    ["a key is held by more than its limit", "H10", { effects: overlapping }],
  ])("in which %s is caught by %s", (_name, rule, more) => {
    expect(rulesBroken(more)).toContain(rule);
  });
});
