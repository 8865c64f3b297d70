/** The checker of the faults: a history as it must be passes, and each thing that must not be is told. */
import { expect, test } from "vitest";
import { violationsOf, type JobHistory, type SiteHistory } from "./check-history.ts";

const events = (...types: readonly string[]): JobHistory["events"] => types.map((type, i) => ({ seq: i + 1, type, attempt: 1 }));
const attempt = { number: 1, externalName: "windlass-work-a-1", externalRef: "uid-1", outcome: "succeeded" } as const;
const work: JobHistory = {
  id: "job_a",
  name: "work",
  state: "succeeded",
  events: events("job.submitted", "job.started", "job.launched", "job.finished"),
  attempts: [attempt],
};
const pod = { job: "windlass-work-a-1", uid: "uid-1", pod: "windlass-work-a-1-x" };
const good: SiteHistory = { jobs: [work], pods: [pod], left: [{ kind: "Job", name: "windlass-work-a-1", isSettled: true }] };

test("a history as it must be has no violation", () => {
  expect(violationsOf(good)).toEqual([]);
});

test.each<[string, SiteHistory]>([
  ["C1: work (job_a) is running", { ...good, jobs: [{ ...work, state: "running" }] }],
  ["C1: events of work", { ...good, jobs: [{ ...work, events: work.events.filter(({ seq }) => seq !== 2) }] }],
  ["C1: work (job_a) ended 2 times", { ...good, jobs: [{ ...work, events: events("job.submitted", "job.finished", "job.finished") }] }],
  ["C2: attempt 1 of work (job_a) was resumed 2 times", { ...good, jobs: [{ ...work, events: events("job.retrying", "job.finished") }] }],
  [
    "C2: attempt 1 of work (job_a) began 2 times",
    { ...good, jobs: [{ ...work, events: events("job.started", "job.started", "job.finished") }] },
  ],
  ["C3: attempt 1 of work (job_a) had 2 Jobs", { ...good, pods: [pod, { ...pod, uid: "uid-2", pod: "y" }] }],
  ["C3: attempt 1 of work (job_a) ran in another Job", { ...good, pods: [{ ...pod, uid: "uid-2" }] }],
  ["C3: attempt 1 of work (job_a) had 2 pods", { ...good, pods: [pod, { ...pod, pod: "y" }] }],
  ["C3: windlass-other-1 is of no attempt", { ...good, pods: [pod, { ...pod, job: "windlass-other-1" }] }],
  ["C4: Pod p is left", { ...good, left: [{ kind: "Pod", name: "p", isSettled: false }] }],
])("%s", (told, history) => {
  expect(violationsOf(history).some((violation) => violation.startsWith(told))).toBe(true);
});
