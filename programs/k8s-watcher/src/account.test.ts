import { describe, expect, test } from "vitest";
import { ANNOTATIONS, LABELS, type Ended, type JobFact, type JobFacts } from "@windlass/kubernetes";
import { accountOfEnd, addresseeOf } from "./account.ts";

const jobOf = (labels: Record<string, string>, annotations: Record<string, string> = {}): JobFact => ({
  name: "a",
  namespace: "a",
  uid: "a",
  labels,
  annotations,
  createdAt: 0,
  conditions: [],
  isSuspended: false,
  isRetrying: false,
  stopFor: null,
  deletedAt: null,
  gone: null,
});

test("an attempt is named by its annotation, else by its labels", () => {
  expect(addresseeOf(jobOf({ [LABELS.job]: "job_b", [LABELS.attempt]: "2" }, { [ANNOTATIONS.attempt]: "job_a/1" }))).toEqual({
    id: "job_a",
    attempt: 1,
  });
  expect(addresseeOf(jobOf({ [LABELS.job]: "job_b", [LABELS.attempt]: "2" }))).toEqual({ id: "job_b", attempt: 2 });
});

test("one that names a step of an execution is told of as that", () => {
  const labels = { [LABELS.execution]: "job_e", [LABELS.step]: "a-step.h0123456789" };
  expect(addresseeOf(jobOf(labels, { [ANNOTATIONS.step]: "a step!", [ANNOTATIONS.iteration]: "0" }))).toEqual({
    executionId: "job_e",
    step: "a step!",
    iteration: 0,
  });
  expect(addresseeOf(jobOf({ ...labels, [LABELS.attempt]: "3" }))).toEqual({
    executionId: "job_e",
    step: "a-step.h0123456789",
    attempt: 3,
  });
});

test("one that names nothing is told to nobody", () => {
  expect(addresseeOf(jobOf({ [LABELS.managedBy]: "windlass", [LABELS.attempt]: "no number" }))).toBeNull();
});

describe("what was written to the file of the output", () => {
  const end = { is: "terminated", exitCode: 0, signal: null, reason: "Completed", startedAt: 0, finishedAt: 1 } as const;
  const factsOf = (message: string, annotations: Record<string, string>): JobFacts => ({
    job: jobOf({}, annotations),
    pods: [{ containers: [{ name: "main", sort: "main", state: { ...end, message }, last: null }] } as unknown as JobFacts["pods"][number]],
    events: [],
    nodes: null,
  });
  const told = (outcome: Ended["outcome"], message: string, annotations: Record<string, string> = OURS) => {
    const verdict = { isFinal: true, outcome, reason: "ok", message: null, exitCode: 0, signal: null, endedAt: 1, pod: null, evidence: {} };
    const { state, output, reason } = accountOfEnd(factsOf(message, annotations), verdict as Ended, null);
    return { state, output, reason };
  };
  const OURS = { [ANNOTATIONS.attempt]: "job_a/1" };

  test("is the output, also when none was promised, and of what failed", () => {
    expect(told("succeeded", '{"a": 1}\n')).toMatchObject({ state: "succeeded", output: { a: 1 } });
    expect(told("failed", "7")).toMatchObject({ state: "failed", output: 7 });
    expect(told("succeeded", "")).toMatchObject({ state: "succeeded", output: undefined });
  });

  test("fails what had succeeded when it is none, and nothing else", () => {
    expect(told("succeeded", "no JSON")).toMatchObject({ state: "failed", reason: "output_invalid" });
    expect(told("succeeded", "7".repeat(4_096))).toMatchObject({ state: "failed", reason: "output_too_large" });
    expect(told("failed_config", "exec: no such file")).toMatchObject({ state: "failed_config", output: undefined });
    expect(told("cancelled", "7")).toMatchObject({ state: "cancelled", output: undefined });
  });

  test("of a Job that somebody made by hand is something else", () => {
    expect(told("succeeded", "done", {})).toMatchObject({ state: "succeeded", output: undefined });
  });
});
