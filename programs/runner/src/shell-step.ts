/**
 * A step `shell` in a runner: its program in a process group of its own, what it prints as the log of the attempt, its exit as
 * the end.
 *
 * C1. Nothing of the group outlives the step, also not what its program left running.
 * C2. The step has the environment of the runner but for the runner's own token, and the secrets that it names itself.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { seconds, type HandlerContext, type Result } from "@windlass/kernel";
import {
  byteTail,
  invalidOutput,
  OUTPUT_FILE_BYTES_MAX,
  OUTPUT_TAIL_BYTES,
  outputOfStdout,
  outputOfText,
  outputTooLarge,
  withOutput,
  type Clock,
  type FoundOutput,
} from "@windlass/ports";
import { commandOf, resultOfEnd, resultOfSpawnFailure, type ProcessSpec } from "@windlass/process";
import type { GivenStep } from "./given-step.ts";
import type { Environment } from "./surroundings.ts";

export interface ShellWorld {
  /** The runner's own. */
  readonly environment: Environment;
  readonly clock: Clock;
}

/** Between the polite and the hard signal: less than the grace of a stop, so that the end is told within it. */
const KILL_AFTER_MS: number = seconds(5);
/** How long what was printed before the end is read after it. */
const PRINTED_MS: number = seconds(5);
/** Variables that are the runner's alone. */
const OWN_VARIABLES = ["WINDLASS_TOKEN", "WINDLASS_OUTPUT", "WORKFLOW_INPUT"];

/** `signal`: it is to stop. */
export async function runShell(step: GivenStep, context: HandlerContext, world: ShellWorld): Promise<Result> {
  const spec = step.spec as ProcessSpec;
  const folder = mkdtempSync(join(tmpdir(), "windlass-step-"));
  try {
    const outputPath = join(folder, "output");
    const [program = "", ...args] = commandOf(spec);
    const child = spawn(program, args, {
      cwd: spec.cwd ?? folder,
      env: environmentOf(step, context, { outputPath, own: world.environment }),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const tail = spec.output === "json" ? byteTail(OUTPUT_TAIL_BYTES) : null;
    child.stdout?.on("data", (data: Buffer) => tail?.push(data));
    const printed = Promise.all([logged(child.stdout, context), logged(child.stderr, context)]);
    const result = await endOf(child, context.signal, { program, world });
    await soon(printed, child, world.clock);
    const found = outputOfFile(outputPath) ?? (tail === null ? null : outputOfStdout(tail.read(), tail.wasCut));
    return withOutput(result, found);
  } catch (error) {
    return resultOfSpawnFailure(codeOf(error), spec.cwd ?? "");
  } finally {
    removeFolder(folder);
  }
}

/** What a step left there that cannot be removed is no fault of its result; it goes with the runner's own file system. */
function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // As said.
  }
}

interface Ending {
  readonly program: string;
  readonly world: ShellWorld;
}

function endOf(child: ChildProcess, signal: AbortSignal, { program, world }: Ending): Promise<Result> {
  return new Promise((resolve) => {
    let cancelKill = (): void => {};
    const stop = (): void => {
      killGroup(child, "SIGTERM");
      cancelKill = world.clock.after(KILL_AFTER_MS, () => killGroup(child, "SIGKILL"));
    };
    const over = (result: Result): void => {
      cancelKill();
      signal.removeEventListener("abort", stop);
      resolve(result);
    };
    child.once("error", (error) => over(resultOfSpawnFailure(codeOf(error), program)));
    child.once("exit", (code, ended) => {
      // See C1.
      killGroup(child, "SIGKILL");
      over(resultOfEnd({ code, signal: ended }, null));
    });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** What left the group may hold a pipe open for ever: it is not waited for. */
async function soon(printed: Promise<unknown>, { stdout, stderr }: ChildProcess, clock: Clock): Promise<void> {
  const cancel = clock.after(PRINTED_MS, () => {
    stdout?.destroy();
    stderr?.destroy();
  });
  await printed.catch(() => {});
  cancel();
}

/** What is gone already needs no signal. */
function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (codeOf(error) !== "ESRCH" && codeOf(error) !== "EPERM") throw error;
  }
}

/** Resolves when everything that was printed is in the log. */
async function logged(stream: ChildProcess["stdout"], context: HandlerContext): Promise<void> {
  if (stream === null) return;
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) context.log(line);
}

function environmentOf(
  { spec, secretEnvironment, about }: GivenStep,
  { attempt, traceparent }: HandlerContext,
  { outputPath, own }: { readonly outputPath: string; readonly own: Environment },
): Record<string, string> {
  const inherited = Object.entries(own).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN_VARIABLES.includes(entry[0]),
  );
  return {
    ...Object.fromEntries(inherited),
    ...(spec as ProcessSpec).env,
    ...secretEnvironment,
    WINDLASS_JOB: about.id,
    WINDLASS_JOB_NAME: about.name,
    WINDLASS_ATTEMPT: String(attempt),
    WINDLASS_WORKSPACE: about.workspace,
    WINDLASS_ROOT_JOB: about.rootId,
    WINDLASS_OUTPUT: outputPath,
    ...(traceparent === null ? {} : { WINDLASS_TRACEPARENT: traceparent, TRACEPARENT: traceparent }),
  };
}

/** Opened without waiting: what the step put there may be a pipe that nobody writes to. */
function outputOfFile(path: string): FoundOutput {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    if (!fstatSync(file).isFile()) return invalidOutput("WINDLASS_OUTPUT is not an ordinary file any more");
    const bytes = Buffer.alloc(OUTPUT_FILE_BYTES_MAX + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > OUTPUT_FILE_BYTES_MAX) return outputTooLarge("the file WINDLASS_OUTPUT");
    return length === 0 ? null : outputOfText(bytes.toString("utf8", 0, length));
  } finally {
    closeSync(file);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
