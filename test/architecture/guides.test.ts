/**
 * The guides say what works: every `windlass` command on a page is one that the command line takes, every block of
 * TypeScript compiles against the real packages, every workflow is valid, and every reason of a dead notice has its row.
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { noticeFaults } from "@windlass/kernel";
import { expect, test } from "vitest";
import { parseWorkflow } from "../../modules/workflows/src/parse-workflow.ts";
import { programOf } from "../../programs/cli/src/program.ts";
import type { World } from "../../programs/cli/src/tree/call.ts";
import { guidePages, pageOf, typedIn, windlassCalls, type Page } from "./guide-blocks.ts";
import { root } from "./source-files.ts";

const pages = guidePages();
const blocks = pages.flatMap((page) => page.blocks);
/** The compiler reads the SDK's sources and the libraries' types; a busy machine takes its time. */
const COMPILE_MS_MAX = 120_000;

/** Asking for help, or for a version, is no fault. */
const WELL = ["commander.help", "commander.helpDisplayed", "commander.version"];
/** In running text a command may be named without all that it takes. */
const NAMED = [...WELL, "commander.missingArgument", "commander.optionMissingArgument", "commander.missingMandatoryOptionValue"];

/** Why the command line does not take this, or null. Nothing is carried out. */
function refusalOf(words: readonly string[], tolerated: readonly string[]): string | null {
  // Only a command that is carried out asks for its world.
  const program = programOf({ terminal: { out: () => {} }, environment: {} } as unknown as World, () => {});
  for (const leaf of leavesOf(program)) leaf.action(() => {});
  try {
    program.parse(words, { from: "user" });
    return null;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    return tolerated.includes(error.code) ? null : error.message;
  }
}

/** What commander throws instead of ending the process. */
function isRefusal(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}

type Command = ReturnType<typeof programOf>;

function leavesOf(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

test("commands are found where people find them, and wrong ones are refused", () => {
  const page = pageOf(
    "x.md",
    "```sh\nA=1 npx windlass jobs list --state failed | head  # all\nsudo -u w windlass frobnicate\necho windlass no\n```\n`windlass jobs lst`",
  );
  const [first, second, ...more] = windlassCalls(typedIn(page.blocks[0] ?? expect.fail("no block")) ?? "");
  expect([first, second, more]).toEqual([["jobs", "list", "--state", "failed"], ["frobnicate"], []]);
  expect(windlassCalls('ID="$(windlass run x.yaml)"; /opt/w/windlass logs \\\n -f last')).toEqual([
    ["run", "x.yaml"],
    ["logs", "-f", "last"],
  ]);
  expect(page.inline).toEqual(["windlass jobs lst"]);
  expect(refusalOf(["jobs", "list", "--state", "failed"], WELL)).toBeNull();
  for (const words of [
    ["frobnicate"],
    ["jobs", "list", "--stat", "x"],
    ["jobs", "list", "-o", "xml"],
    ["jobs", "list", "--limit", "many"],
    ["logs"],
  ])
    expect(refusalOf(words, WELL), words.join(" ")).not.toBeNull();
});

test("every windlass command in a block is one that the command line takes", () => {
  const calls = blocks.flatMap((block) => windlassCalls(typedIn(block) ?? "").map((words) => ({ where: block.where, words })));
  expect(calls.length).toBeGreaterThan(40);
  const faults = calls.flatMap(({ where, words }) => {
    const refusal = refusalOf(words, WELL);
    return refusal === null ? [] : [`${where}: windlass ${words.join(" ")}: ${refusal}`];
  });
  expect(faults).toEqual([]);
});

test("every windlass command in running text names commands and options that are there", () => {
  // Figures name contenders of the benchmark in the same way.
  const named = pages
    .filter(({ path }) => path !== "docs/performance.md")
    .flatMap(({ path, inline }) => inline.flatMap((text) => windlassCalls(text).map((words) => ({ path, words }))));
  expect(named.length).toBeGreaterThan(20);
  const faults = named.flatMap(({ path, words }) => {
    const refusal = refusalOf(words, NAMED);
    return refusal === null ? [] : [`${path}: windlass ${words.join(" ")}: ${refusal}`];
  });
  expect(faults).toEqual([]);
});

test("every workflow on a page is valid", () => {
  const workflows = blocks.filter(({ info, text }) => info === "yaml" && text.includes("kind: Workflow"));
  expect(workflows.length).toBeGreaterThan(2);
  const faults = workflows.flatMap(({ where, text }) => {
    const parsed = parseWorkflow(text);
    return "faults" in parsed ? parsed.faults.map(({ path, message }) => `${where}: ${path}: ${message}`) : [];
  });
  expect(faults).toEqual([]);
});

test("every reason for which a notice is a dead letter has its row, and no other has one", () => {
  const [, table = ""] = /^\| reason \|.*\n\|[-|]+\n((?:\|.*\n)+)/mu.exec(readFileSync(join(root, "docs/guides/notices.md"), "utf8")) ?? [];
  const told = table.split("\n").flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/gu)].map(([, code = ""]) => code));
  expect(told.toSorted()).toEqual(noticeFaults.toSorted());
});

test("every block of TypeScript compiles, below the preamble of its page", { timeout: COMPILE_MS_MAX }, async () => {
  // Those of the SDK are compiled and run from its tarball (test/e2e/sdk-packages.test.ts).
  const programs = pages.filter(({ path }) => !path.startsWith("packages/")).flatMap(programsOf);
  expect(programs.length).toBeGreaterThan(10);
  expect(await complaints(programs)).toEqual([]);
});

/** What the examples import as the reader's own. */
const YOURS = `
export declare function overQuota(): Promise<boolean>;
export declare function deliver(mail: { to: string }, options: { signal: AbortSignal }): Promise<string>;
`;

interface Program {
  readonly name: string;
  readonly text: string;
}

function programsOf({ path, blocks }: Page): Program[] {
  const preamble = blocks.find(({ info }) => info === "ts preamble")?.text ?? "";
  return blocks
    .filter(({ info }) => info === "ts" || info === "ts preamble")
    .map(({ info, where, text }) => ({
      name: `${path.replaceAll("/", "_")}_line_${where.split(":").at(-1)}.ts`,
      text: `${info === "ts" ? preamble : ""}${text}\nexport {};\n`,
    }));
}

/** In a folder of the repository, so that its node_modules are found. */
async function complaints(programs: readonly Program[]): Promise<string[]> {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "guides-"));
  try {
    writeFileSync(join(folder, "mail.ts"), YOURS);
    for (const { name, text } of programs) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }));
    await promisify(execFile)(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "--project", folder], {
      cwd: folder,
    });
    return [];
  } catch (error) {
    return String((error as { readonly stdout?: unknown }).stdout ?? error)
      .split("\n")
      .filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
