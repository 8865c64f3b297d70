/** For tests: a data folder of its own, clients of it, and the end of everything that was started there. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOG_FOLDER, logFilesOf } from "@windlass/ports";
import type { Clock, Executor, Random, Stream } from "@windlass/ports";
import { pidPath } from "./folder-layout.ts";
import { processExecutor } from "./process-executor.ts";
import type { ProcessExecutorOptions } from "./process-executor.ts";
import { readProcess, readProcesses } from "./process-table.ts";

export interface ProcessFixture {
  readonly folder: string;
  connect(more?: Partial<ProcessExecutorOptions>): Executor;
  readLog(jobId: string, attempt: number, stream: Stream): Buffer;
  supervisorPid(): number;
  close(): Promise<void>;
}

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
const random: Random = { next: () => randomBytes(4).readUInt32LE() / 2 ** 32, bytes: (count) => randomBytes(count) };

export function processFixture(folder = mkdtempSync(join(tmpdir(), "windlass-process-"))): ProcessFixture {
  const supervisorPid = (): number => Number(readFileSync(pidPath(folder), "utf8"));
  return {
    folder,
    connect: (more) =>
      processExecutor({
        ...{ folder, runningMax: 16, logBytesMax: 100_000_000, environment: { PATH: "/usr/bin:/bin", HOME: "/tmp", SECRET: "x" }, clock, random },
        supervisorIdleMs: 300,
        ...more,
      }),
    readLog: (jobId, attempt, stream) => {
      const path = join(folder, LOG_FOLDER, logFilesOf({ jobId, attempt })[stream]);
      return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    },
    supervisorPid,
    close: async () => {
      if (existsSync(pidPath(folder))) {
        const pid = supervisorPid();
        for (const child of readProcesses().filter((it) => it.parent === pid)) killQuietly(-child.pid);
        killQuietly(pid);
        while (readProcess(pid) !== null && readProcess(pid)?.state !== "Z") await new Promise((resolve) => setImmediate(resolve));
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
