import { expect, test } from "vitest";
import { confusionOf } from "./confusion.ts";

const result = (...[death, expected, found, seconds]: readonly [string, string, string | null, number | null]) => ({
  death,
  round: 1,
  expected: [expected],
  found,
  seconds,
  shownSeconds: seconds === null || seconds < 2 ? null : seconds - 1,
});

test("what was told is counted against what was true, with the times", () => {
  const confusion = confusionOf([
    result("oom", "failed_oom memory_limit", "failed_oom memory_limit", 1),
    result("oom", "failed_oom memory_limit", "failed maybe_oom", 3),
    result("oom", "failed_oom memory_limit", "failed_oom memory_limit", 2),
    result("late", "failed_timeout job_deadline", null, null),
  ]);
  expect(confusion).toMatchObject({
    right: 2,
    all: 4,
    matrix: { failed_oom: { failed_oom: 2, failed: 1 }, failed_timeout: { nothing: 1 } },
  });
  expect(confusion.deaths).toEqual([
    {
      death: "oom",
      right: 2,
      all: 3,
      told: ["failed_oom memory_limit", "failed maybe_oom"],
      medianSeconds: 2,
      maxSeconds: 3,
      medianShownSeconds: 1,
      maxShownSeconds: 2,
    },
    {
      death: "late",
      right: 0,
      all: 1,
      told: ["nothing"],
      medianSeconds: null,
      maxSeconds: null,
      medianShownSeconds: null,
      maxShownSeconds: null,
    },
  ]);
});

test("where clusters differ, either is right", () => {
  const either = {
    death: "a",
    round: 1,
    expected: ["succeeded ok", "failed_oom memory_limit"],
    found: "failed_oom memory_limit",
    seconds: 1,
    shownSeconds: 1,
  };
  expect(confusionOf([either])).toMatchObject({ right: 1, matrix: { failed_oom: { failed_oom: 1 } } });
});
