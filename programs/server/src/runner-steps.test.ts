import { expect, test } from "vitest";
import { isWithin } from "./runner-steps.ts";

test("a runner is given the steps of its own execution at every depth, and no others", () => {
  expect(isWithin({ path: "job_a" }, "job_a")).toBe(true);
  expect(isWithin({ path: "job_root/job_a/job_loop" }, "job_a")).toBe(true);
  for (const path of ["", "job_b", "job_ab", "job_b/job_c"]) expect(isWithin({ path }, "job_a")).toBe(false);
  expect(isWithin({ path: "job_a" }, null)).toBe(false);
});
