/** Starts the main process of an attempt: own session and group, clean environment, nothing to read, pipes to print to. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "@windlass/kernel";
import { mayPass, resultOfSpawnFailure } from "./attempt-ending.ts";
import { attemptFolder } from "./folder-layout.ts";
import type { PipePair, PipePool } from "./pipe-pool.ts";
import { commandOf } from "./process-spec.ts";
import type { ProcessSpec } from "./process-spec.ts";
import type { LaunchOrder } from "./protocol.ts";
import { markOf } from "./stragglers.ts";

export type Spawned =
  | { readonly state: "started"; readonly child: ChildProcess; readonly pipes: readonly [PipePair, PipePair] }
  | { readonly state: "failed"; readonly result: Result };

export function outputPathOf(data: string, name: string): string {
  return join(attemptFolder(data, name), "output");
}

/** Throws for what may pass (no processes or files left); `failed` for what cannot. */
export async function spawnProcess(order: LaunchOrder, data: string, pool: PipePool): Promise<Spawned> {
  const spec = order.spec as ProcessSpec;
  const cwd = spec.cwd ?? join(attemptFolder(data, order.name), "work");
  if (spec.cwd === undefined) mkdirSync(cwd, { mode: 0o700 });
  else if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return failed({
      outcome: "failed_config",
      reason: "bad_working_dir",
      message: `its working directory ${cwd} does not exist or is no directory`,
    });
  }
  const [program = "", ...args] = commandOf(spec);
  const out = pool.take();
  const err = pool.take();
  try {
    const env = environmentOf(order, spec, outputPathOf(data, order.name));
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", out.writer, err.writer] });
    const error = await startOf(child);
    if (error === null) return { state: "started", child, pipes: [out, err] };
    return giveUp(error, program, [out, err]);
  } catch (error) {
    return giveUp(error, program, [out, err]);
  } finally {
    closeSync(out.writer);
    closeSync(err.writer);
  }
}

function environmentOf(order: LaunchOrder, spec: ProcessSpec, outputPath: string): Record<string, string> {
  return {
    ...order.baseEnvironment,
    ...spec.env,
    ...order.environment,
    WINDLASS_OUTPUT: outputPath,
    WINDLASS_ATTEMPT_NAME: order.name,
    ...markOf(order.ref),
  };
}

/** Null once it runs. */
async function startOf(child: ChildProcess): Promise<Error | null> {
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(null));
    child.on("error", resolve);
  });
}

function giveUp(error: unknown, program: string, pipes: readonly PipePair[]): Spawned {
  for (const pipe of pipes) {
    pipe.reader.destroy();
    pipe.release(false);
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "" || mayPass(code)) throw error;
  return failed(resultOfSpawnFailure(code, program));
}

function failed(result: Result): Spawned {
  return { state: "failed", result };
}
