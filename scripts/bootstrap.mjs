/**
 * Makes every npm script of this repository work on a fresh clone: installs what is missing, then runs the wanted
 * program under the project's own Node, which strips types. Written for Node 20, with nothing but `node:`.
 *
 * B1. It installs only when node_modules lacks something that package-lock.json names, and says so.
 * B2. Its exit code and signals are those of the program that it runs.
 *
 * Use: node scripts/bootstrap.mjs <program> [arguments…]
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === "win32";
const projectNode = join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node");

/** How many lines of a failed installation are shown. */
const LINES_SHOWN = 25;

await main(process.argv.slice(2));

async function main([program, ...rest]) {
  if (program === undefined) fail("which program? node scripts/bootstrap.mjs <program> [arguments…]");
  const missing = whatIsMissing();
  if (missing !== undefined) await install(missing);
  if (!existsSync(projectNode)) await placeNode();
  run(program, rest);
}

/** The first thing that node_modules lacks or has in another version than the lock file; undefined when all is there. */
function whatIsMissing() {
  const wanted = readPackages(join(root, "package-lock.json"));
  const installed = readPackages(join(root, "node_modules", ".package-lock.json"));
  if (wanted === undefined) fail("package-lock.json is missing or cannot be read; restore it with `git checkout package-lock.json`");
  if (installed === undefined) return "nothing is installed yet";
  for (const [path, entry] of Object.entries(wanted)) {
    const found = installed[path];
    if (found === undefined && (path === "" || entry.optional === true || entry.peer === true)) continue;
    const name = path.split("node_modules/").at(-1);
    if (found === undefined) return `${name} is not installed`;
    if (found.version !== entry.version) return `${name} is installed as ${found.version}, and ${entry.version} is needed`;
    if (JSON.stringify(found.bin) !== JSON.stringify(entry.bin)) return `${name} has other commands now`;
  }
  return undefined;
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    // Absent or cut off by an interrupted installation: both mean that there is nothing to rely on.
    return undefined;
  }
}

async function install(why) {
  const ended = await quietly(`installing (${why}): npm ci`, {
    command: windows ? "npm.cmd" : "npm",
    args: [
      "ci",
      "--include=dev",
      "--include=optional",
      "--loglevel=error",
      "--no-audit",
      "--no-fund",
      "--progress=false",
      "--fetch-retry-mintimeout=2000",
      "--fetch-retry-maxtimeout=10000",
    ],
    cwd: root,
  });
  if (ended.code === 0) return;
  const registry = process.env.npm_config_registry ?? "the one in `npm config get registry`";
  fail(
    `npm ci failed${ended.code === null ? "" : ` with exit code ${ended.code}`}:\n\n${lastLines(ended.text)}\n\n` +
      `Is this machine on line, and does it reach the registry (${registry})? Then run the same command again.`,
  );
}

/** npm may be told not to run install scripts; the package `node` needs its own to fetch the program. */
async function placeNode() {
  const ended = await quietly("fetching the project's Node", {
    command: "node",
    args: ["installArchSpecificPackage"],
    cwd: join(root, "node_modules", "node"),
  });
  if (ended.code === 0 && existsSync(projectNode)) return;
  fail(`the project's Node could not be fetched:\n\n${lastLines(ended.text)}\n\nRemove node_modules and run the same command again.`);
}

/** Runs a program with a progress line, keeping what it prints for the case that it fails. */
function quietly(what, { command, args, cwd }) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const secondsPassed = () => Math.round((performance.now() - begun) / 1000);
    const tell = (text, end) => process.stderr.write(process.stderr.isTTY ? `\r\u001B[K${text}${end}` : `${text}\n`);
    tell(`windlass: ${what} …`, "");
    const ticker = process.stderr.isTTY ? setInterval(() => tell(`windlass: ${what} … ${secondsPassed()} s`, ""), 1000) : undefined;
    // The npm to use must not be run by a Node that it is about to replace.
    const child = spawn(command, args, {
      cwd,
      shell: windows,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: outerPath() },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk) => (text += chunk));
    const release = forwardSignals(child);
    const finish = (code, more) => {
      clearInterval(ticker);
      release();
      tell(`windlass: ${what} … ${code === 0 ? `done in ${secondsPassed()} s` : "failed"}`, "\n");
      resolve({ code, text: text + more });
    };
    child.once("error", (error) => finish(null, `${command}: ${error.message}`));
    child.once("close", (code) => finish(code, ""));
  });
}

/** PATH without the folders of node_modules that npm puts in front of it. */
function outerPath() {
  const paths = (process.env.PATH ?? "").split(delimiter);
  return paths.filter((path) => !path.includes("node_modules")).join(delimiter);
}

function run(program, args) {
  const path = [join(root, "node_modules", ".bin"), dirname(projectNode), process.env.PATH ?? ""].join(delimiter);
  const child = spawn(projectNode, [join(root, program), ...args], { stdio: "inherit", env: { ...process.env, PATH: path } });
  const release = forwardSignals(child);
  child.once("error", (error) => fail(`cannot run ${projectNode}: ${error.message}`));
  child.once("close", (code, signal) => {
    release();
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

/** A terminal sends SIGINT to the whole group by itself; everything else is passed on. */
function forwardSignals(child) {
  const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
    const handler = () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

function lastLines(text) {
  return text.trimEnd().split("\n").slice(-LINES_SHOWN).join("\n");
}

function fail(message) {
  process.stderr.write(`windlass: ${message}\n`);
  process.exit(1);
}
