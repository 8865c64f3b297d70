#!/usr/bin/env node
/**
 * The command `windlass`. Runs on Node 20 and newer: sources are TypeScript, which only a newer Node runs as it is, so an
 * older one hands over to the Node that was installed with the project. Arguments, standard streams, signals and the
 * exit code are those of the program itself, and it does not outlive the one that was started: also not a kill -9.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The first Node whose type stripping, SQLite and compile cache are those that Windlass is tested with. */
const NODE_MAJOR_MIN = 24;

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "..", "src", "main.ts");

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  module.enableCompileCache?.();
  endWithLauncher();
  await import(main);
} else {
  handOver(projectNode());
}

/** Handed over by an older Node: the channel closes when that one is gone, however it went. */
function endWithLauncher() {
  if (process.env.WINDLASS_HANDED_OVER !== "1" || process.channel === undefined) return;
  delete process.env.WINDLASS_HANDED_OVER;
  process.channel?.unref();
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
}

/** The Node of the nearest node_modules above this file. */
function projectNode() {
  const program = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", "node", "bin", program);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) break;
  }
  process.stderr.write(
    `windlass: this is Node ${process.versions.node}; ${NODE_MAJOR_MIN} or newer is needed, and the project's own was not found in node_modules.\n` +
      "Run `npm ci` in the repository of Windlass, or use a newer Node.\n",
  );
  process.exit(4);
}

function handOver(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, WINDLASS_HANDED_OVER: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"]) {
    // A terminal sends SIGINT and SIGQUIT to the whole group by itself.
    const fromTerminal = process.stdin.isTTY && (signal === "SIGINT" || signal === "SIGQUIT");
    process.on(signal, () => fromTerminal || child.kill(signal));
  }
  child.once("error", (error) => {
    process.stderr.write(`windlass: cannot run ${node}: ${error.message}\n`);
    process.exitCode = 4;
  });
  child.once("close", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
