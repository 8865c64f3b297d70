/** Runs test projects and counts what came of them from the runner's own report, never from its text. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "./tally.ts";

export type TestProject = "unit" | "architecture" | "simulation" | "real" | "cluster";

/** The part of the JSON report that counts are made from. */
export interface TestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly TestFile[];
}

interface TestFile {
  /** Its path. */
  readonly name: string;
  readonly status: string;
  readonly assertionResults: readonly { readonly status: string }[];
}

const root = join(import.meta.dirname, "..");

/** How often files are run again because their process was aborted. */
const AGAIN_MAX = 3;

/** Each project alone and in this order, so that a slow one does not starve a quick one; all are run whatever happens. */
export async function runTests(projects: readonly TestProject[]): Promise<Tally[]> {
  const folder = await mkdtemp(join(tmpdir(), "windlass-tests-"));
  const tallies: Tally[] = [];
  try {
    for (const project of projects) {
      process.stdout.write(`\n── ${project} ──\n`);
      const file = join(folder, `${project}.json`);
      const args = ["--project", project, "--reporter", "dot"];
      let ran = await vitest(args, file);
      for (let again = 0; again < AGAIN_MAX && wasAborted(ran.report, ran.exitCode); again++) {
        const died = diedIn(ran.report);
        process.stdout.write(`\na process of the tests was aborted from outside (see above); run once more: ${died.join(", ")}\n`);
        ran = withRunAgain(ran, await vitest([...args, ...died], file));
      }
      tallies.push(count(ran.report, ran.exitCode));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return tallies;
}

/**
 * Nothing failed but files that did not come to their end: their process died, and tests of them are pending for ever. V8 may
 * abort one that starts and ends many threads (nodejs/node#64500), which says nothing about the tests; what dies each time
 * counts as failed. A hook that fails is no abort: the tests that it was for are skipped, or have passed. So one that dies in its
 * last hook is not told from one whose last hook failed, and counts as failed at once.
 */
export function wasAborted(report: TestReport | undefined, exitCode: number | null): report is TestReport {
  if (report === undefined || exitCode === 0 || report.numFailedTests > 0) return false;
  const failed = report.testResults.filter(({ status }) => status === "failed");
  return failed.length > 0 && failed.every((file) => file.assertionResults.some(({ status }) => status === "pending"));
}

function diedIn({ testResults }: TestReport): readonly string[] {
  return testResults.filter(({ status }) => status === "failed").map(({ name }) => name);
}

/** The files that died in the first run are those of the second. */
export function withRunAgain(first: Ran, again: Ran): Ran {
  if (first.report === undefined || again.report === undefined) return again;
  const whole = first.report.testResults.filter(({ status }) => status !== "failed");
  const passed = whole.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === "passed").length;
  return {
    report: {
      ...again.report,
      numPassedTests: passed + again.report.numPassedTests,
      testResults: [...whole, ...again.report.testResults],
    },
    exitCode: again.exitCode,
  };
}

/** A file that could not be loaded, a project without tests and an error outside of any test count as one failure each. */
export function count(report: TestReport | undefined, exitCode: number | null): Tally {
  if (report === undefined) return { passed: 0, failed: 1 };
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  const failed = report.numFailedTests + unloaded;
  const good = exitCode === 0 && report.success && report.numPassedTests > 0;
  return { passed: report.numPassedTests, failed: good ? failed : Math.max(failed, 1) };
}

export interface Ran {
  readonly report: TestReport | undefined;
  readonly exitCode: number | null;
}

/** Runs what `args` name; `file`: where the runner writes its report. */
export async function vitest(args: readonly string[], file: string): Promise<Ran> {
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const all = [program, "run", ...args, "--reporter", "json", "--outputFile.json", file];
  const exitCode = await new Promise<number | null>((resolve) => {
    const child = spawn(process.execPath, all, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  return { report: await readReport(file), exitCode };
}

async function readReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as TestReport;
  } catch (error) {
    process.stdout.write(`no report of the tests: ${String(error)}\n`);
    return undefined;
  }
}
