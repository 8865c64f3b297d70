/** The published packages as a stranger gets them: installed from tarballs in an empty folder, under each Node and compiler that is promised. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packPackages } from "../../scripts/pack/pack-packages.ts";
import { root } from "../architecture/source-files.ts";
import { examplesOf } from "./readme-examples.ts";
import { stranger } from "./stranger.ts";
import { fetchTools, nodePackage, npm } from "./tool-cache.ts";

const run = promisify(execFile);
const EXAMPLES = examplesOf(readFileSync(join(root, "packages", "sdk", "README.md"), "utf8"));
/** An example that has not ended by then hangs, or was kept alive by what should not. */
const EXAMPLE_MS_MAX = 60_000;

const tools = await fetchTools({
  "node-20": nodePackage("20.19.0"),
  "node-22": nodePackage("22.12.0"),
  "typescript-5": "npm:typescript@5.9.3",
});
const toolOf = (name: string, ...path: string[]): string | null => ("missing" in tools ? null : join(tools.folderOf(name), ...path));
const NODES = { "Node 20.19": toolOf("node-20", "bin", "node"), "Node 22": toolOf("node-22", "bin", "node"), "Node 24": process.execPath };

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "windlass-sdk-"));
  const tarballs = packPackages(join(folder, "packed"));
  for (const { name, bytes, bytesUnpacked } of tarballs)
    process.stdout.write(`${name}: ${bytes} bytes packed, ${bytesUnpacked} unpacked\n`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const failure = await npm(["install", "--ignore-scripts", ...tarballs.map(({ file }) => file)], folder);
  if (failure !== null) throw new Error(failure);
  // The one thing that the README asks for besides.
  mkdirSync(join(folder, "node_modules", "@types"));
  for (const name of ["@types/node", "undici-types"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name), "junction");
  for (const [index, { program }] of EXAMPLES.entries()) writeFileSync(join(folder, `example-${index + 1}.ts`), program);
  writeFileSync(join(folder, "types.ts"), TYPES);
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));

/** What must be an error is marked as one: types that are `any` would fail, too. */
const TYPES = `
import { client, WindlassError, type JobJson, type ErrorCode } from "@windlass/sdk";
import { OPERATIONS_SEEN } from "./seen.ts";
const api = client({ url: "http://127.0.0.1:4180" });
export const jobs: AsyncGenerator<JobJson> = api.jobs.each({ state: ["failed"] });
export const code: ErrorCode = new WindlassError("not_found", "no").code;
// @ts-expect-error there is no such state
void api.jobs.list({ state: ["runing"] });
// @ts-expect-error there is no such field of a job
void api.wait("job_1").then((job) => job.outcom);
void OPERATIONS_SEEN;
`;

interface Compilation {
  readonly tsc: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The compiler's complaints; the libraries' declarations are checked with the rest. */
async function complaints({ tsc, options }: Compilation): Promise<string> {
  const name = `tsconfig.${Object.values(options).join("-")}.json`;
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    target: "es2023",
    types: ["node"],
    ...options,
  };
  writeFileSync(join(folder, "seen.ts"), "export const OPERATIONS_SEEN = true;\n");
  writeFileSync(join(folder, name), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  return run(process.execPath, [tsc, "--project", name], { cwd: folder }).then(
    () => "",
    (error: { readonly stdout?: string }) => error.stdout ?? "the compiler did not run",
  );
}

const EMIT = { allowImportingTsExtensions: true, rewriteRelativeImportExtensions: true };
const newest = join(root, "node_modules", "typescript", "bin", "tsc");
const oldest = toolOf("typescript-5", "bin", "tsc");

test("there are ten examples, and each says what it prints", () => {
  expect(EXAMPLES.map(({ title }) => title.split(".")[0])).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
  expect(EXAMPLES.filter(({ prints }) => prints.length === 0)).toEqual([]);
});

test("the newest compiler finds the types, as Node and as bundlers resolve", async () => {
  expect(await complaints({ tsc: newest, options: { module: "nodenext", outDir: "out", ...EMIT } })).toBe("");
  expect(await complaints({ tsc: newest, options: { module: "preserve", moduleResolution: "bundler", noEmit: true, ...EMIT } })).toBe("");
});

test.skipIf(oldest === null)("so does TypeScript 5.9", async () => {
  expect(await complaints({ tsc: oldest ?? "", options: { module: "node16", moduleResolution: "node16", noEmit: true, ...EMIT } })).toBe(
    "",
  );
});

test("the client starts without a schema and without a library", async () => {
  const [libraries, hidden] = [join(folder, "node_modules"), join(folder, "hidden")];
  mkdirSync(hidden);
  for (const name of ["zod", "ws"]) renameSync(join(libraries, name), join(hidden, name));
  try {
    const begun = performance.now();
    const program = 'const { client } = await import("@windlass/sdk"); console.log(typeof client({ url: "http://h" }).jobs.list);';
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: folder });
    process.stdout.write(`a program with a client starts and ends in ${Math.round(performance.now() - begun)} ms\n`);
    expect(stdout).toBe("function\n");
  } finally {
    for (const name of ["zod", "ws"]) renameSync(join(hidden, name), join(libraries, name));
  }
});

describe.each(Object.entries(NODES))("%s", (name, node) => {
  test.skipIf(node === null)("runs every example, and each prints what it says and ends by itself", async () => {
    const program = node ?? "";
    expect((await run(program, ["--version"])).stdout).toMatch(new RegExp(`^v${name.replace("Node ", "")}\\.`, "u"));
    const me = stranger();
    try {
      const { url } = await me.server();
      const env = { PATH: process.env["PATH"], WINDLASS_URL: url, WINDLASS_TOKEN: me.read(".windlass/token").trim() };
      const outcomes = await Promise.all(
        EXAMPLES.map(({ title }, index) => outcomeOf({ title, program, file: `example-${index + 1}.js`, env })),
      );
      expect(outcomes).toEqual(EXAMPLES.map(({ title, prints }) => ({ title, prints, stderr: "" })));
    } finally {
      await me.leave();
    }
  });
});

interface Run {
  readonly title: string;
  readonly program: string;
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

async function outcomeOf({ title, program, file, env }: Run) {
  const { stdout, stderr } = await run(program, [join(folder, "out", file)], { cwd: folder, env, timeout: EXAMPLE_MS_MAX }).catch(
    (error: { readonly stdout: string; readonly stderr: string }) => error,
  );
  return { title, prints: stdout.split("\n").slice(0, -1), stderr };
}
