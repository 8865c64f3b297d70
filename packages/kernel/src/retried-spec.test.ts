import { expect, test } from "vitest";
import { specOfAttempt } from "./retried-spec.ts";

const spec = { script: "x", memoryLimitBytes: 1, onRetry: { failed_oom: { memoryLimitBytes: 2 }, failed_timeout: { cpuLimit: 3 } } };

test("the first attempt is launched as it is written, later ones with what changed by how those before ended", () => {
  expect(specOfAttempt(spec, [])).toEqual({ script: "x", memoryLimitBytes: 1 });
  expect(specOfAttempt(spec, ["failed"])).toEqual({ script: "x", memoryLimitBytes: 1 });
  expect(specOfAttempt(spec, ["failed_oom"])).toEqual({ script: "x", memoryLimitBytes: 2 });
  expect(specOfAttempt(spec, ["failed_oom", "failed", "failed_timeout"])).toEqual({ script: "x", memoryLimitBytes: 2, cpuLimit: 3 });
  expect(specOfAttempt({ script: "y" }, ["failed_oom"])).toEqual({ script: "y" });
});
