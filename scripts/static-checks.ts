/** The checks that need no test runner. Each counts as one in the closing line. They run side by side. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Tally } from "./tally.ts";

interface StaticCheck {
  readonly name: string;
  /** A program of node_modules and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** What to do about a failure. */
  readonly advice: string;
}

const CHECKS: readonly StaticCheck[] = [
  { name: "format", command: ["oxfmt", "--check", "."], advice: "npm run format" },
  { name: "lint", command: ["oxlint", "--deny-warnings"], advice: "npm run lint:fix mends what can be mended" },
  { name: "types", command: ["tsc", "--project", "."], advice: "" },
  { name: "unused", command: ["knip", "--no-progress"], advice: "remove what is not used, or declare what is" },
];

const root = join(import.meta.dirname, "..");

export async function runStaticChecks(): Promise<Tally> {
  const results = await Promise.all(CHECKS.map(async (check) => ({ check, ...(await run(check)) })));
  for (const { check, ok, text } of results) {
    process.stdout.write(`${ok ? "ok  " : "FAIL"} ${check.name}\n`);
    if (!ok) process.stdout.write(`${text.trimEnd()}\n${check.advice === "" ? "" : `→ ${check.advice}\n`}`);
  }
  const failed = results.filter(({ ok }) => !ok).length;
  return { passed: results.length - failed, failed };
}

function run({ command: [program, ...args] }: StaticCheck): Promise<{ ok: boolean; text: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", program), args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    child.once("error", (error) => resolve({ ok: false, text: `${text}${program}: ${error.message}` }));
    child.once("close", (code) => resolve({ ok: code === 0, text }));
  });
}
