import { join } from "node:path";
import { expect, test } from "vitest";
import { RUNNER_TEMPLATE, runnerPod } from "./runner-pod.ts";

const FILE = join(import.meta.dirname, "..", "..", "..", "..", "deploy", "kubernetes", "runner-job.yaml");
const ENV = { WORKFLOW_ID: "wfv_1", EXECUTION_ID: "job_1" };

test("the file that operators copy says what is taken without one", () => {
  expect(runnerPod(FILE)(ENV)).toEqual(runnerPod("")(ENV));
  expect(runnerPod("")(ENV)).toEqual({
    kubernetes: { labels: { app: "workflow-runner", "workflow-id": "wfv_1", "execution-id": "job_1" }, pod: RUNNER_TEMPLATE },
  });
});

test("a file that is none is refused with its name", () => {
  expect(() => runnerPod("/nowhere.yaml")).toThrow("WINDLASS_RUNNER_TEMPLATE: /nowhere.yaml cannot be read");
  expect(() => runnerPod(join(import.meta.dirname, "..", "..", "package.json"))).toThrow("is no Job and no pod");
});
