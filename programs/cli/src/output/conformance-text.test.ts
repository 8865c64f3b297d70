import { expect, test } from "vitest";
import { conformanceText, isConformant } from "./conformance-text.ts";
import { plainStyle } from "./style.ts";

const oom = {
  death: "oom",
  right: 1,
  all: 2,
  told: ["failed_oom memory_limit", "failed maybe_oom"],
  ...{ medianSeconds: 1.25, maxSeconds: 2, medianShownSeconds: 0.5, maxShownSeconds: null },
};

test("deaths with their times, a matrix, and a verdict", () => {
  const text = conformanceText({ right: 1, all: 2, matrix: { failed_oom: { failed_oom: 1, failed: 1 } }, deaths: [oom] }, plainStyle);
  expect(text).toMatch(/^oom +1\/2 +1\.3 +2\.0 +0\.5 +- +failed_oom memory_limit, failed maybe_oom$/mu);
  expect(text).toMatch(/^TRUE \\ TOLD +failed +failed_oom$/mu);
  expect(text).toMatch(/^failed_oom +1 +1$/mu);
  expect(text).toContain("1 of 2 told right (50.0 %): not well enough, for 99 % are wanted.");
});

test("nothing tried is nothing shown", () => {
  expect(isConformant({ right: 0, all: 0 })).toBe(false);
  expect(isConformant({ right: 99, all: 100 })).toBe(true);
  expect(isConformant({ right: 98, all: 100 })).toBe(false);
});
