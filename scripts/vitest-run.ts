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
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

const root = join(import.meta.dirname, "..");

/** Each project alone and in this order, so that a slow one does not starve a quick one; all are run whatever happens. */
export async function runTests(projects: readonly TestProject[]): Promise<Tally[]> {
  const folder = await mkdtemp(join(tmpdir(), "windlass-tests-"));
  const tallies: Tally[] = [];
  try {
    for (const project of projects) {
      process.stdout.write(`\n── ${project} ──\n`);
      const file = join(folder, `${project}.json`);
      let exitCode = await vitest(project, file);
      let report = await readReport(file);
      if (wasAborted(report, exitCode)) {
        process.stdout.write(`\na process of the tests was aborted from outside (see above); ${project} is run once more\n`);
        exitCode = await vitest(project, file);
        report = await readReport(file);
      }
      tallies.push(count(report, exitCode));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return tallies;
}

/**
 * No test failed, and yet a file did not come to its end: its process died. V8 may abort one that starts and ends many
 * threads (nodejs/node#64500), which says nothing about the tests; what dies twice counts as failed.
 */
export function wasAborted(report: TestReport | undefined, exitCode: number | null): boolean {
  if (report === undefined || exitCode === 0 || report.numFailedTests > 0) return false;
  return report.testResults.some((file) => file.status === "failed" && file.assertionResults.length > 0);
}

/** A file that could not be loaded, a project without tests and an error outside of any test count as one failure each. */
export function count(report: TestReport | undefined, exitCode: number | null): Tally {
  if (report === undefined) return { passed: 0, failed: 1 };
  const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
  const failed = report.numFailedTests + unloaded;
  const good = exitCode === 0 && report.success && report.numPassedTests > 0;
  return { passed: report.numPassedTests, failed: good ? failed : Math.max(failed, 1) };
}

async function readReport(file: string): Promise<TestReport | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as TestReport;
  } catch (error) {
    process.stdout.write(`no report of the tests: ${String(error)}\n`);
    return undefined;
  }
}

function vitest(project: TestProject, file: string): Promise<number | null> {
  const program = join(root, "node_modules", "vitest", "vitest.mjs");
  const args = [program, "run", "--project", project, "--reporter", "dot", "--reporter", "json", "--outputFile.json", file];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
}
