import { expect, test } from "vitest";
import { surroundingsOf } from "./surroundings.ts";

const WHOLE = {
  WORKFLOW_ID: "wfv_1",
  EXECUTION_ID: "job_01m8jabxmy2q8vcpfwdpvmgrbw",
  WORKFLOW_INPUT: '{"day":"monday"}',
  WINDLASS_URL: "http://127.0.0.1:4180",
  WINDLASS_TOKEN: "wlr_secret",
};

test("what is whole says which queue it is", () => {
  expect(surroundingsOf(WHOLE)).toMatchObject({ queue: "execution/job_01m8jabxmy2q8vcpfwdpvmgrbw", token: "wlr_secret" });
});

test("everything that is missing is named at once", () => {
  const { faults } = surroundingsOf({}) as { readonly faults: readonly string[] };
  expect(faults.map((fault) => fault.split(" ")[0])).toEqual(Object.keys(WHOLE));
});

test.each([
  ["EXECUTION_ID", "yesterday"],
  ["WORKFLOW_INPUT", "[]"],
  ["WORKFLOW_INPUT", "{"],
  ["WINDLASS_URL", "here"],
  ["WINDLASS_URL", "ftp://here"],
  ["WINDLASS_TOKEN", "two secrets"],
])("%s cannot be %s, and the value is not told", (name, value) => {
  const found = surroundingsOf({ ...WHOLE, [name]: value });
  expect(found).toEqual({ faults: [expect.stringMatching(new RegExp(`^${name} is not as it must be`, "u"))] });
  if (name === "WINDLASS_TOKEN") expect(JSON.stringify(found)).not.toContain("secrets");
});
