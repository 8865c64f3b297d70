import { expect, test } from "vitest";
import { ANNOTATIONS, LABELS, type JobFact } from "@windlass/kubernetes";
import { addresseeOf } from "./account.ts";

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
