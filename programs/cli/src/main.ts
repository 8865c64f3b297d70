/**
 * The program `windlass`: builds the command line, runs one command, and says how it went by its exit code. The only
 * file that touches the process itself: its streams, signals and end.
 */
import { isWindlassError, WindlassError } from "@windlass/kernel";
import { CommanderError } from "commander";
import { processEnvironment } from "./machine/environment.ts";
import { INTERRUPTED } from "./machine/interruption.ts";
import { errorObject, errorText, exitCodeOf } from "./output/error-text.ts";
import { terminalOf } from "./output/terminal.ts";
import { programOf } from "./program.ts";
import type { World } from "./tree/call.ts";
import { usageError } from "./tree/usage-error.ts";

const environment = processEnvironment();
const terminal = terminalOf(process, environment);
const world: World = { terminal, environment, onInterrupt, typed: process.argv.slice(2) };

// `windlass jobs list | head`: whoever read has read enough.
for (const stream of [process.stdout, process.stderr]) stream.on("error", unwritten);

process.exitCode = await run(world.typed);
// What is left behind (an idle connection) does not hold the program up once everything is written.
process.stdout.write("", (error) => {
  if (error) unwritten(error);
  process.stderr.write("", () => process.exit());
});

/** A file that is full has not got what a script believes to be in it. */
function unwritten(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  const cut = new WindlassError("unavailable", `what was to be printed could not be written: ${error.message}`);
  terminal.err(errorText(cut, terminal.errStyle));
  process.exit(exitCodeOf(cut));
}

async function run(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = programOf(world, (code) => {
    exitCode = code;
  });
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return failed(error instanceof CommanderError ? usageError(error, program, args) : error, args);
  }
}

function failed(error: unknown, args: readonly string[]): number {
  const asJson =
    args.includes("--json") ||
    args.some(
      (arg, index) =>
        arg === "-ojson" || arg === "--output=json" || (arg === "json" && (args[index - 1] === "-o" || args[index - 1] === "--output")),
    );
  terminal.err(asJson ? `${JSON.stringify(errorObject(error))}\n` : errorText(error, terminal.errStyle));
  if (!isWindlassError(error) && !asJson) terminal.err("Please report it, with what you did and what is printed above.\n");
  return exitCodeOf(error);
}

function onInterrupt(callback: (signal: "SIGINT" | "SIGTERM") => void, { isPatient = false } = {}): () => void {
  let asked = false;
  const listeners = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const listener = (): void => {
      if (asked && isPatient) return;
      if (asked) process.exit(INTERRUPTED);
      asked = true;
      callback(signal);
    };
    process.on(signal, listener);
    return () => void process.off(signal, listener);
  });
  return () => {
    for (const takeBack of listeners) takeBack();
  };
}
