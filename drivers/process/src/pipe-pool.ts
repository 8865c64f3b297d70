/**
 * Pipes for what processes print. Node gives children sockets, and a socket cannot be opened again by name: scripts
 * that write to /dev/stdout or /dev/stderr fail on them. Named pipes can.
 *
 * P1. A pipe goes back into the pool only after its reader saw the end, for then nobody holds its writing side.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

export interface PipePair {
  readonly reader: Socket;
  /** File descriptor for the child; to be closed here once the child has it. */
  readonly writer: number;
  /** Gives the pipe back. `sawEnd`: see P1. */
  release(sawEnd: boolean): void;
}

export interface PipePool {
  take(): PipePair;
}

/** How many are made at once: making them costs a process. */
const BATCH = 32;

/** `folder` belongs to the pool alone; what an earlier pool left in it is removed. */
export function pipePool(folder: string): PipePool {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const free: string[] = [];
  let made = 0;

  return {
    take: () => {
      if (free.length === 0) free.push(...makePipes(Array.from({ length: BATCH }, () => join(folder, `${made++}`))));
      const path = free.pop() ?? "";
      const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      let writer: number;
      try {
        writer = openSync(path, constants.O_WRONLY);
      } catch (error) {
        closeSync(reading);
        throw error;
      }
      return {
        reader: new Socket({ fd: reading, readable: true, writable: false }),
        writer,
        release: (sawEnd) => {
          if (sawEnd) free.push(path);
          else rmSync(path, { force: true });
        },
      };
    },
  };
}

function makePipes(paths: readonly string[]): readonly string[] {
  const made = spawnSync("mkfifo", ["-m", "600", ...paths], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`mkfifo failed: ${made.error?.message ?? made.stderr}`, { cause: made.error });
  return paths;
}
