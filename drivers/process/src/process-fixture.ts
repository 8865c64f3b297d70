/** For tests: a data folder of its own, clients of it, and the end of everything that was started there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOG_FOLDER, logFilesOf } from "@windlass/ports";
import type { Executor, Random, Stream } from "@windlass/ports";
import { pidPath } from "./folder-layout.ts";
import { processExecutor } from "./process-executor.ts";
import type { ProcessExecutorOptions } from "./process-executor.ts";
import { readProcess, readProcesses } from "./process-table.ts";
import { pause, supervisorClock } from "./supervisor-clock.ts";

export interface ProcessFixture {
  readonly folder: string;
  connect(more?: Partial<ProcessExecutorOptions>): Executor;
  readLog(jobId: string, attempt: number, stream: Stream): Buffer;
  supervisorPid(): number;
  close(): Promise<void>;
}

const clock = supervisorClock();
let launches = 0;
/** Launches are told apart by these bytes, also from those of a test that runs beside this one. */
const random: Random = { next: () => 0.5, bytes: (count) => Buffer.from(`${process.pid}.${++launches}`.padStart(count, "0")) };

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
        while (readProcess(pid) !== null && readProcess(pid)?.state !== "Z") await pause(clock, 1);
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
