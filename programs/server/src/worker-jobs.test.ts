import { maskOf, NO_SECRETS, type LiveJob } from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import { jobRecord } from "@windlass/testkit";
import { expect, test } from "vitest";
import type { Given } from "./runner-steps.ts";
import type { FramesOut } from "./worker-frames-out.ts";
import { workerJobs, type WorkerJobs } from "./worker-jobs.ts";

const given: Given = { step: { input: "its step" }, mask: { mask: maskOf(NO_SECRETS), result: (result) => result } };

/** The line to a runner whose steps are given what they are to have when the test says so. */
function line(): { jobs: WorkerJobs; said: string[]; give: (what: Given | null) => Promise<void>; claimed: ClaimedJob } {
  const said: string[] = [];
  let answer = (_: Given | null): void => {};
  const out = {
    push: (jobs: readonly { readonly id: string }[]) => said.push(...jobs.map(({ id }) => `push ${id}`)),
    say: ({ type }: { readonly type: string }) => said.push(type),
  } as unknown as FramesOut;
  const jobs = workerJobs({
    out,
    unsent: () => 0,
    traceOf: () => null,
    given: () => new Promise((resolve) => (answer = resolve)),
  });
  const record = jobRecord({ id: "job_a", spec: { handler: "windlass.shell" } });
  const claimed: ClaimedJob = { record, live: { id: "job_a", token: 7, attempt: 1 } as LiveJob };
  return {
    jobs,
    said,
    claimed,
    give: async (what) => {
      answer(what);
      await Promise.resolve().then(() => {});
    },
  };
}

const STOP = { reason: "cancel_requested", message: "", graceMs: 1_000 } as const;

test("a step that is stopped while its secrets are looked up is told so once it is there", async () => {
  const { jobs, said, give, claimed } = line();
  jobs.credit(1, 1);
  jobs.take([claimed]);
  expect(jobs.stop(claimed.live, STOP)).toBe(true);
  expect(said).toEqual([]);
  await give(given);
  expect(said).toEqual(["push job_a", "stops"]);
  expect(jobs.held.get("job_a")?.stepMask).toBe(given.mask);
});

test("what a worker may have read ahead of a queue that is held is called back by its names", () => {
  const said: object[] = [];
  const out = { push: () => {}, say: (message: object) => said.push(message) } as unknown as FramesOut;
  const jobs = workerJobs({ out, unsent: () => 0, traceOf: () => null });
  const claimed = (id: string, queue: string): ClaimedJob => ({
    record: jobRecord({ id, queue, spec: { handler: "work" } }),
    live: { id, queue, token: 7, attempt: 1 } as LiveJob,
  });
  jobs.take([claimed("job_a", "mail"), claimed("job_b", "other"), claimed("job_c", "mail")]);
  jobs.stop(claimed("job_c", "mail").live, STOP);
  for (const queue of ["mail", "none"]) jobs.recall(queue);
  expect(said).toEqual([
    { type: "stops", jobs: [{ id: "job_c", token: 7, ...STOP }] },
    { type: "recall", jobs: [{ id: "job_a", token: 7 }] },
  ]);
});

test("a step that gets no secrets leaves its place to another one", async () => {
  const { jobs, said, give, claimed } = line();
  jobs.credit(1, 1);
  jobs.take([claimed]);
  expect(jobs.room().limit).toBe(0);
  await give(null);
  expect([jobs.room().limit, jobs.holding(), said]).toEqual([1, 0, []]);
});
