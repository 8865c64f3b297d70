import { expect, test } from "vitest";
import { closingLine, sum } from "./tally.ts";
import { count, wasAborted, type TestReport } from "./vitest-run.ts";

const report = (more: Partial<TestReport>): TestReport => ({
  success: true,
  numPassedTests: 3,
  numFailedTests: 0,
  testResults: [],
  ...more,
});

test("a run without report has failed", () => {
  expect(count(undefined, 0)).toEqual({ passed: 0, failed: 1 });
});

test("a project in which no test passed has failed", () => {
  expect(count(report({ numPassedTests: 0 }), 0)).toEqual({ passed: 0, failed: 1 });
});

test("a file that could not be loaded counts as a failure", () => {
  const testResults = [{ status: "failed", assertionResults: [] }];
  expect(count(report({ success: false, testResults }), 1)).toEqual({ passed: 3, failed: 1 });
});

test("an error outside of any test counts as a failure", () => {
  expect(count(report({}), 1)).toEqual({ passed: 3, failed: 1 });
});

test("failed tests are counted, and counted once", () => {
  expect(count(report({ success: false, numFailedTests: 2 }), 1)).toEqual({ passed: 3, failed: 2 });
});

test("a run is made once more when a process died without a failed test, and for nothing else", () => {
  const died = report({ success: false, testResults: [{ status: "failed", assertionResults: [{}] }] });
  expect(wasAborted(died, 1)).toBe(true);
  expect(count(died, 1)).toEqual({ passed: 3, failed: 1 });
  expect(wasAborted({ ...died, numFailedTests: 1 }, 1)).toBe(false);
  expect(wasAborted(report({ success: false, testResults: [{ status: "failed", assertionResults: [] }] }), 1)).toBe(false);
  expect([wasAborted(report({}), 0), wasAborted(undefined, 1)]).toEqual([false, false]);
});

test("the closing line adds up all parts", () => {
  expect(
    closingLine(
      sum([
        { passed: 4, failed: 0 },
        { passed: 2, failed: 1 },
      ]),
    ),
  ).toBe("6 passed, 1 failed");
});
