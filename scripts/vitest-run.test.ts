import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { closingLine, sum } from "./tally.ts";
import { count, vitest, wasAborted, withRunAgain, type TestReport } from "./vitest-run.ts";

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
  const testResults = [failedFile()];
  expect(count(report({ success: false, testResults }), 1)).toEqual({ passed: 3, failed: 1 });
});

test("an error outside of any test counts as a failure", () => {
  expect(count(report({}), 1)).toEqual({ passed: 3, failed: 1 });
});

test("failed tests are counted, and counted once", () => {
  expect(count(report({ success: false, numFailedTests: 2 }), 1)).toEqual({ passed: 3, failed: 2 });
});

/** A file of which that became of its tests, and which failed though none of them did. */
const failedFile = (...statuses: readonly string[]): TestReport["testResults"][number] => ({
  name: "/some.test.ts",
  status: "failed",
  assertionResults: statuses.map((status) => ({ status })),
});

test("a run is made once more when a process died without a failed test, and for nothing else", () => {
  const died = report({ success: false, testResults: [failedFile("passed", "pending")] });
  expect(wasAborted(died, 1)).toBe(true);
  expect(count(died, 1)).toEqual({ passed: 3, failed: 1 });
  expect(wasAborted({ ...died, numFailedTests: 1 }, 1)).toBe(false);
  expect(wasAborted(report({ success: false, testResults: [failedFile()] }), 1)).toBe(false);
  expect([wasAborted(report({}), 0), wasAborted(undefined, 1), wasAborted(report({}), 1)]).toEqual([false, false, false]);
});

test("only what died is run again, and counts as it ended then", () => {
  const whole = { name: "/whole.test.ts", status: "passed", assertionResults: [{ status: "passed" }, { status: "passed" }] };
  const first = report({ success: false, numPassedTests: 3, testResults: [whole, failedFile("passed", "pending")] });
  const good = report({ numPassedTests: 5, testResults: [{ ...whole, name: "/some.test.ts" }] });
  const { report: all, exitCode } = withRunAgain({ report: first, exitCode: 1 }, { report: good, exitCode: 0 });
  expect([count(all, exitCode), all?.testResults.map(({ name }) => name)]).toEqual([
    { passed: 7, failed: 0 },
    ["/whole.test.ts", "/some.test.ts"],
  ]);
  const worse = withRunAgain({ report: first, exitCode: 1 }, { report: { ...first, testResults: [failedFile("pending")] }, exitCode: 1 });
  expect(wasAborted(worse.report, worse.exitCode)).toBe(true);
  expect(count(withRunAgain({ report: first, exitCode: 1 }, { report: undefined, exitCode: null }).report, null).failed).toBe(1);
});

test("a hook that fails is no process that died: what it was for was skipped, or had passed before it", () => {
  const [before, after] = [failedFile("skipped", "skipped"), failedFile("passed", "passed")];
  for (const file of [before, after]) {
    expect(wasAborted(report({ success: false, testResults: [file] }), 1)).toBe(false);
    expect(wasAborted(report({ success: false, testResults: [failedFile("pending"), file] }), 1)).toBe(false);
  }
});

test("what the runner reports of a hook that fails and of a process that dies is told apart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-vitest-run-"));
  try {
    const of = async (text: string): Promise<boolean> => {
      await writeFile(join(folder, "one.test.mjs"), text);
      const { report: written, exitCode } = await vitest(["--root", folder, "--globals"], join(folder, "report.json"));
      return wasAborted(written, exitCode);
    };
    expect(await of('test("good", () => {}); test("dies", () => process.kill(process.pid, "SIGKILL"));')).toBe(true);
    expect(await of('beforeAll(() => { throw new Error("no"); }); test("good", () => {});')).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
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
