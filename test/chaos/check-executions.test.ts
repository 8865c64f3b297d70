/** The checker of executions itself: a good history passes, and each way in which one can be bad is seen. */
import { expect, test } from "vitest";
import type { Attempt, JobView, Outcome, Reason } from "@windlass/kernel";
import { jobRecord } from "@windlass/testkit";
import { stepOrder, stepsMade, triedAsTold } from "./check-executions.ts";
import type { Effect } from "./effects.ts";
import type { History } from "./history.ts";

/** An execution of `first`, and a loop of two items behind it; `first` failed once as it was told to. */
const STEPS = [
  { name: "first", tool: {} },
  { name: "each", needs: ["first"], foreach: [1, 2], tool: {} },
];
const RETRY = { limit: 3, on: ["failed" as const], backoff: { initialSeconds: 1, factor: 1, maxSeconds: 1 } };

function job(id: string, { attempts = 1, ...record }: Partial<JobView["record"]> & { readonly attempts?: number }): JobView {
  const none = { message: null, exitCode: null, output: null, progress: null };
  return {
    record: jobRecord({ id, executor: "none", ...record }),
    state: "succeeded",
    live: null,
    final: { ...none, state: "succeeded", outcome: "succeeded", reason: "ok", attempts, startedAt: 0, finishedAt: 1 },
  };
}

const execution = job("job_run", { kind: "workflow", spec: { steps: STEPS } });
const first = job("job_first", {
  parentId: "job_run",
  childKey: "first",
  executor: "process",
  spec: { script: '[ "$WINDLASS_ATTEMPT" -gt 1 ] || exit 3' },
  retry: RETRY as unknown as JobView["record"]["retry"],
  attempts: 2,
});
const loop = job("job_each", { parentId: "job_run", childKey: "each", kind: "step" });
const items = [0, 1].map((i) =>
  job(`job_item${i}`, { parentId: "job_each", childKey: `each[${i}]`, executor: "handler", input: { failures: 0 } }),
);
const JOBS = [execution, first, loop, ...items];

const attempt = (id: string, outcome: Outcome, reason: Reason): Attempt => {
  const [jobId, number] = id.split("/");
  return { jobId, number: Number(number), outcome, reason } as unknown as Attempt;
};
const ATTEMPTS: History["attempts"] = new Map([
  ["job_first", [attempt("job_first/1", "failed", "exit_code"), attempt("job_first/2", "succeeded", "ok")]],
  ["job_item0", [attempt("job_item0/1", "succeeded", "ok")]],
  ["job_item1", [attempt("job_item1/1", "succeeded", "ok")]],
]);

const work = (jobId: string, number = 1): Effect[] => [
  { what: "start", jobId, attempt: number, pid: 7 },
  { what: "end", jobId, attempt: number, pid: 7 },
];
const EFFECTS = [...work("job_first"), ...work("job_first", 2), ...work("job_item1"), ...work("job_item0")];

const found = (more: Partial<History>): string[] => {
  const history = { jobs: JOBS, attempts: ATTEMPTS, effects: EFFECTS, ...more } as History;
  return [...stepsMade(history), ...stepOrder(history), ...triedAsTold(history)].map(([, what]) => what);
};
const withAttempts = (id: string, list: readonly Attempt[]): Partial<History> => ({ attempts: new Map([...ATTEMPTS, [id, list]]) });

test("an execution that did what its workflow says passes", () => {
  expect(found({})).toEqual([]);
});

test("a late line of an attempt that was lost is no work of its step", () => {
  const lost = [attempt("job_first/1", "failed_node_lost", "worker_lost"), attempt("job_first/2", "succeeded", "ok")];
  const late = [...work("job_first").slice(0, 1), ...work("job_first", 2), ...work("job_item0"), ...work("job_first").slice(1)];
  expect(found({ ...withAttempts("job_first", lost), effects: [...late, ...work("job_item1")] })).toEqual([]);
});

test.each<[name: string, what: RegExp, more: Partial<History>]>([
  ["a step was never made", /has made each; its steps are each, first/u, { jobs: JOBS.filter((one) => one !== first) }],
  ["a step was made twice", /each, first, first/u, { jobs: [...JOBS, { ...first, record: { ...first.record, id: "job_again" } }] }],
  ["an item of a loop is missing", /its items are/u, { jobs: JOBS.slice(0, -1) }],
  [
    "a step begins before what it needs is done",
    /step each began with line 1/u,
    { effects: [...work("job_item0"), ...EFFECTS.slice(0, 4)] },
  ],
  ["a step begins, and what it needs did nothing", /with line none/u, { effects: work("job_item0") }],
  [
    "a step was tried again after it had succeeded",
    /attempt 1 of 2 ended as succeeded/u,
    withAttempts("job_item0", [attempt("job_item0/1", "succeeded", "ok"), attempt("job_item0/2", "succeeded", "ok")]),
  ],
  [
    "a step that may not be tried again after a failure was",
    /attempt 1 of 2 ended as failed/u,
    withAttempts("job_item0", [attempt("job_item0/1", "failed", "error"), attempt("job_item0/2", "succeeded", "ok")]),
  ],
  [
    "a step succeeded with an attempt that was told to fail",
    /1 were told to fail/u,
    withAttempts("job_first", [attempt("job_first/1", "succeeded", "ok")]),
  ],
])("an execution in which %s is caught", (_name, what, more) => {
  expect(found(more).join("\n")).toMatch(what);
});
