/** Every row runs, gives figures, and leaves nothing behind. No figure is compared with anything. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Row } from "./row.ts";
import { ROWS } from "./rows.ts";
import { WORKFLOW_ROWS } from "./workflow-rows.ts";

interface Report {
  readonly results: readonly { readonly row: string; readonly entrant: string; readonly figure: string; readonly median: number }[];
  readonly skipped: readonly { readonly row: string; readonly entrant: string }[];
}

/** A minute where nothing else runs. */
const TIMEOUT_MS = 600_000;
/** None is the good answer. */
const MAY_BE_NONE = new Set(["told to read again"]);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-bench-test-"));
  // PostgreSQL may run as another user.
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function bench(...options: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "run.ts"), "--quick", ...options], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Node's own cache of compiled programs stays on purpose. */
const leftBehind = (): readonly string[] => readdirSync(folder).filter((name) => name !== "node-compile-cache");

/** Processes that name the folder in their command line, or work in it: servers that were started there. */
function processesInFolder(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .flatMap((pid) => {
      try {
        const line = `${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")} in ${readlinkSync(`/proc/${pid}/cwd`)}`;
        return line.includes(folder) ? [line] : [];
      } catch {
        return [];
      }
    });
}

test.each<[table: string, rows: readonly Row[], least: number]>([
  ["queues", ROWS, 5],
  ["workflows", WORKFLOW_ROWS, 7],
])(
  "every row of %s gives figures above zero for everyone who is installed, and nothing stays behind",
  async (table, rows, least) => {
    const child = bench("--table", table, "--json", "-");
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    await once(child, "close");
    const { results, skipped } = JSON.parse(text) as Report;
    const found = new Set([...results, ...skipped].map(({ row, entrant }) => `${row}: ${entrant}`));
    expect([...found].toSorted()).toEqual(rows.flatMap((row) => row.entrants.map(({ name }) => `${row.id}: ${name}`)).toSorted());
    const none = results.filter(({ figure, median }) => !(median > 0) && !(median === 0 && MAY_BE_NONE.has(figure)));
    expect(none).toEqual([]);
    expect(results.filter(({ entrant }) => entrant === "windlass embedded").length).toBeGreaterThan(least);
    expect(leftBehind()).toEqual([]);
    expect(processesInFolder()).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "interrupted in the middle, it ends with 130 and leaves neither folders nor processes",
  async () => {
    const child = bench("--only", "enqueue-1,enqueue-50,drain-10", "--rounds", "1000");
    child.stdout?.resume();
    const ended = once(child, "exit");
    while (!readdirSync(folder).some((name) => /windlass-(postgres|bench)/u.test(name)))
      await Promise.race([ended, new Promise((resolve) => setImmediate(resolve))]);
    child.kill("SIGINT");
    expect((await ended)[0]).toBe(130);
    expect(leftBehind()).toEqual([]);
    expect(processesInFolder()).toEqual([]);
  },
  TIMEOUT_MS,
);
