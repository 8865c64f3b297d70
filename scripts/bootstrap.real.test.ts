/** The bootstrap in a small repository of its own, with an npm that does what the test says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "windlass-bootstrap-"));
  await put("package-lock.json", lockOf({ "node_modules/a": "1.0.0", "node_modules/b": "2.0.0" }));
  await mkdir(join(folder, "scripts"));
  await copyFile(join(import.meta.dirname, "bootstrap.mjs"), join(folder, "scripts/bootstrap.mjs"));
  await put(
    "program.ts",
    'const how: string = "ran"; process.stdout.write([how, ...process.argv.slice(2)].join(" ")); process.exitCode = 7;',
  );
  await installNode();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test("runs the program with its arguments and its exit code, installing nothing when all is there", async () => {
  await put("node_modules/.package-lock.json", lockOf({ "node_modules/a": "1.0.0", "node_modules/b": "2.0.0" }));
  const ended = await bootstrap("exit 1", ["program.ts", "one", "two words"]);
  expect(ended).toEqual({ code: 7, out: "ran one two words", err: "" });
});

test.each([
  ["nothing was ever installed", undefined, "nothing is installed yet"],
  ["a package is missing", { "node_modules/a": "1.0.0" }, "b is not installed"],
  [
    "a package has another version",
    { "node_modules/a": "1.0.0", "node_modules/b": "1.9.0" },
    "b is installed as 1.9.0, and 2.0.0 is needed",
  ],
])("installs when %s, and says why", async (_when, installed, why) => {
  if (installed !== undefined) await put("node_modules/.package-lock.json", lockOf(installed));
  const ended = await bootstrap('echo "$@" > npm-was-asked; cp package-lock.json node_modules/.package-lock.json', ["program.ts"]);
  expect(ended).toMatchObject({ code: 7, out: "ran" });
  expect(ended.err).toContain(`installing (${why}): npm ci … done`);
  expect(await readFile(join(folder, "npm-was-asked"), "utf8")).toContain("ci --include=dev");
});

test("says what npm said and what to do when the installation fails, and does not run the program", async () => {
  const ended = await bootstrap('echo "no route to the registry" >&2; exit 3', ["program.ts"]);
  expect(ended).toMatchObject({ code: 1, out: "" });
  expect(ended.err).toContain("npm ci failed with exit code 3");
  expect(ended.err).toContain("no route to the registry");
  expect(ended.err).toContain("run the same command again");
});

test("says so when npm is not there", async () => {
  await rm(join(folder, "node_modules"), { recursive: true, force: true });
  const ended = await bootstrap(undefined, ["program.ts"]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain("npm: spawn npm ENOENT");
});

test("fetches the project's Node when npm ran no install script", async () => {
  await rm(join(folder, "node_modules/node"), { recursive: true });
  await put("node_modules/.package-lock.json", lockOf({ "node_modules/a": "1.0.0", "node_modules/b": "2.0.0" }));
  await put(
    "node_modules/node/installArchSpecificPackage.js",
    `require("fs").mkdirSync("bin"); require("fs").symlinkSync(${JSON.stringify(process.execPath)}, "bin/node");`,
  );
  expect(await bootstrap("exit 1", ["program.ts"])).toMatchObject({ code: 7, out: "ran" });
});

test("passes SIGTERM on, and ends as the program ends", async () => {
  await put("node_modules/.package-lock.json", lockOf({ "node_modules/a": "1.0.0", "node_modules/b": "2.0.0" }));
  await put("program.ts", 'process.on("SIGTERM", () => process.exit(5)); process.stdout.write("ready"); setInterval(() => {}, 1000);');
  const child = start("exit 1", ["program.ts"]);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [code] = (await once(child, "close")) as [number | null];
  expect(code).toBe(5);
});

test("tells an end by a signal as a shell would", async () => {
  await put("node_modules/.package-lock.json", lockOf({ "node_modules/a": "1.0.0", "node_modules/b": "2.0.0" }));
  await put("program.ts", 'process.kill(process.pid, "SIGKILL");');
  expect((await bootstrap("exit 1", ["program.ts"])).code).toBe(128 + 9);
});

function start(npm: string | undefined, args: readonly string[]) {
  const path = npm === undefined ? join(folder, "nothing") : `${join(folder, "tools")}:/usr/bin:/bin`;
  return spawn(process.execPath, ["scripts/bootstrap.mjs", ...args], {
    cwd: folder,
    env: { PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Runs the bootstrap with `npm` being this shell script; undefined: there is none. */
async function bootstrap(npm: string | undefined, args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  await put("tools/npm", `#!/bin/sh\n${npm ?? ""}\n`);
  await chmod(join(folder, "tools/npm"), 0o755);
  await symlink(process.execPath, join(folder, "tools/node"));
  const child = start(npm, args);
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (err += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

async function installNode(): Promise<void> {
  await mkdir(join(folder, "node_modules/node/bin"), { recursive: true });
  await symlink(process.execPath, join(folder, "node_modules/node/bin/node"));
}

/** A lock file with these packages, and one for another platform that is never installed here. */
function lockOf(versions: Readonly<Record<string, string>>): string {
  const packages = Object.fromEntries(Object.entries(versions).map(([path, version]) => [path, { version }]));
  return JSON.stringify({ packages: { "": {}, "node_modules/for-another-system": { version: "1.0.0", optional: true }, ...packages } });
}
